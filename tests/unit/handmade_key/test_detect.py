"""Versions that a person writes between two runs: which is a new key, which is none, and what is remembered."""

from __future__ import annotations

import json

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.errors import (
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.unit.handmade_key.scenes import (
    DAY,
    IDENTITY,
    PLACE,
    STILL_ALIVE,
    Stack,
    first_fingerprint,
    settles,
)


def test_a_new_version_is_a_change_in_preview_that_reads_and_proves_nothing(stack: Stack) -> None:
    stack.make("second")
    assert stack.preview()
    assert (stack.shelf.calls, stack.sources.api.proved) == (["look"], [])
    assert stack.outputs["secret"] == "first"


def test_a_new_version_is_proved_before_it_is_handed_on_and_the_old_one_is_known_by_version_only(
    rotated: Stack,
) -> None:
    assert rotated.sources.api.proved[0] == "second"
    assert (rotated.outputs["secret"], rotated.outputs["vaultSecretVersion"]) == ("second", 2)
    assert rotated.outputs["since"] == "2026-11-25T13:00:00Z"
    (old,) = rotated.outputs["previousKeys"]
    assert old == {
        "vaultSecret": PLACE,
        "version": 1,
        "fingerprint": old["fingerprint"],
        "since": "2026-11-25T12:00:00Z",
        "replacedAt": "2026-11-25T13:00:00Z",
        "deleteAt": "2026-11-26T13:00:00Z",
    }
    assert old["fingerprint"] != rotated.outputs["secretFingerprint"]
    assert "first" not in json.dumps(rotated.outputs)
    assert rotated.said.warnings == []
    assert settles(rotated)


@pytest.mark.parametrize(
    ("organization", "error"), [(None, CredentialRejected), ("hill", NotFound), ("down", Unavailable)]
)
def test_g4_a_new_key_that_is_not_proved_is_an_error_and_nothing_else(
    rotated: Stack, organization: str | None, error: type[AllomiaError]
) -> None:
    before = rotated.outputs
    if organization == "hill":
        rotated.make("third", organization=organization)
    else:
        rotated.shelf.write(PLACE, "third")
    if organization == "down":
        rotated.sources.api.faults.append(Unavailable("AlloMia is down"))
    with pytest.raises(error):
        rotated.up()
    assert rotated.outputs is before
    assert set(rotated.sources.api.proved) == {"third"}
    assert rotated.said.warnings == []


@pytest.mark.catalogue(69)
@pytest.mark.parametrize("fault", [CredentialRejected("Vault refuses the token"), Unreachable("Vault is away")])
def test_g4_a_skipped_version_that_vault_does_not_give_is_remembered_without_its_fingerprint(
    stack: Stack, fault: AllomiaError
) -> None:
    stack.make("second")
    stack.make("third")
    stack.shelf.broken["read 2"] = fault.as_said_by("Vault")
    assert stack.up()
    assert {old["version"]: old["fingerprint"] for old in stack.outputs["previousKeys"]} == {
        1: first_fingerprint(stack),
        2: "",
    }
    assert f"is not known: {fault}" in stack.warnings
    assert settles(stack)
    stack.shelf.broken.clear()
    stack.refresh()
    assert sorted(stack.old_versions) == [1, 2]
    assert all(len(old["fingerprint"]) == 12 for old in stack.outputs["previousKeys"])


def test_a_skipped_version_without_its_fingerprint_that_holds_the_current_key_is_no_old_one(stack: Stack) -> None:
    stack.make("second")
    stack.make("third")
    stack.shelf.write(PLACE, "second")
    stack.shelf.broken["read 2"] = Unreachable("Vault is away")
    stack.up()
    stack.shelf.broken.clear()
    stack.refresh()
    assert stack.outputs["secret"] == "second"
    assert sorted(stack.old_versions) == [1, 3]
    assert f"fingerprint {stack.outputs['secretFingerprint']}" not in stack.warnings


def test_the_same_key_written_again_is_no_rotation(stack: Stack) -> None:
    since = stack.outputs["since"]
    stack.clock.advance(DAY)
    stack.shelf.write(PLACE, "first")
    assert stack.up()
    assert stack.sources.api.proved == []
    assert (stack.outputs["since"], stack.outputs["vaultSecretVersion"], stack.old_versions) == (since, 2, [])
    assert settles(stack)
    stack.make("second")
    stack.up()
    assert [(old["version"], old["since"]) for old in stack.outputs["previousKeys"]] == [(2, since)]


def test_a_rollback_never_asks_to_delete_the_key_in_use(rotated: Stack) -> None:
    first, second = rotated.outputs["previousKeys"][0]["fingerprint"], rotated.outputs["secretFingerprint"]
    rotated.clock.advance(DAY)
    rotated.shelf.write(PLACE, "first")
    assert rotated.up()
    assert (rotated.outputs["secret"], rotated.outputs["secretFingerprint"]) == ("first", first)
    assert [old["fingerprint"] for old in rotated.outputs["previousKeys"]] == [second]
    for _ in range(2):
        assert first not in rotated.warnings
        rotated.clock.advance(2 * DAY)
        rotated.up()
    assert second in rotated.warnings
    rotated.revoke("second")
    rotated.up()
    assert settles(rotated)


def test_a_rollback_does_not_make_a_key_younger(stack: Stack) -> None:
    since = stack.outputs["since"]
    stack.clock.advance(DAY)
    stack.make("second")
    stack.up()
    stack.clock.advance(DAY)
    stack.shelf.write(PLACE, "first")
    assert stack.up()
    assert stack.outputs["since"] == since


def test_versions_that_no_run_saw_are_remembered_too(stack: Stack) -> None:
    stack.declare(overlap="24h")
    stack.make("second")
    stack.shelf.write(PLACE, "a slip of the pen")
    stack.shelf.write(PLACE, "lost")
    stack.shelf.delete_version(PLACE, 4)
    stack.make("fifth")
    assert stack.up()
    assert stack.outputs["secret"] == "fifth"
    assert sorted(stack.old_versions) == [1, 2]
    assert stack.sources.api.proved == ["fifth", "second", "a slip of the pen"]
    assert settles(stack)


def test_a_key_that_was_written_and_rolled_back_between_two_runs_is_remembered(stack: Stack) -> None:
    stack.make("second")
    stack.shelf.write(PLACE, "first")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["vaultSecretVersion"], stack.old_versions) == ("first", 3, [2])
    assert f"version 2 of Vault {PLACE}" in stack.warnings


def test_a_secret_whose_history_was_deleted_never_makes_a_current_key_an_old_one(rotated: Stack) -> None:
    rotated.shelf.delete_metadata(PLACE)
    rotated.shelf.write(PLACE, "second")
    assert rotated.up()
    rotated.clock.advance(2 * DAY)
    rotated.up()
    assert STILL_ALIVE not in rotated.warnings
    assert (rotated.outputs["secret"], rotated.outputs["vaultSecretVersion"], rotated.old_versions) == ("second", 1, [])
    assert settles(rotated)


def test_a_new_key_is_noticed_though_a_deleted_history_gives_it_the_old_ones_version(stack: Stack) -> None:
    stack.clock.advance(DAY)
    stack.shelf.delete_metadata(PLACE)
    stack.make("second")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["vaultSecretVersion"]) == ("second", 1)
    assert first_fingerprint(stack) in stack.warnings
    assert "was made anew, so nobody can look" in stack.warnings
    assert STILL_ALIVE not in stack.warnings
    assert settles(stack)


def test_an_old_version_made_anew_never_asks_to_delete_the_key_in_use(rotated: Stack) -> None:
    rotated.shelf.delete_metadata(PLACE)
    rotated.clock.advance(DAY)
    rotated.make("third")
    rotated.revoke("first")
    rotated.revoke("second")
    assert rotated.up()
    assert (rotated.outputs["secret"], rotated.old_versions) == ("third", [])
    assert "that version was written anew" in rotated.warnings
    assert all(warning.startswith("whether ") for warning in rotated.said.warnings)
    assert settles(rotated)


def test_a_state_that_knows_no_moment_of_writing_is_no_change_and_rotates_as_any(stack: Stack) -> None:
    stack.declare(overlap="24h")
    stack.up()
    del stack.outputs["record"]["writtenAt"]
    assert settles(stack)
    stack.make("second")
    assert stack.up()
    assert (stack.old_versions, stack.said.warnings) == ([1], [])


def test_g5_a_copy_of_the_tenant_key_is_never_handed_on(stack: Stack) -> None:
    before = stack.outputs
    stack.make(stack.sources.tenant_secret)
    with pytest.raises(InvalidConfiguration, match="holds the tenant key"):
        stack.up()
    assert stack.outputs is before
    assert stack.sources.api.proved == []
    with pytest.raises(InvalidConfiguration, match="holds the tenant key"):
        DashboardKeys(stack.sources, stack.clock).create(stack.inputs, Call(IDENTITY, stack.said))


def test_g3_any_other_tenant_key_is_refused_too_and_asked_for_once_for_each_version() -> None:
    stack = Stack()
    stack.process = DashboardKeys(stack.sources, stack.clock)
    stack.make("first")
    stack.up()
    stack.up()
    stack.refresh()
    stack.up()
    assert stack.sources.api.asked == ["first"]
    stack.make("a tenant key")
    stack.sources.api.tenant_keys.add("a tenant key")
    with pytest.raises(InvalidConfiguration, match="holds a tenant key") as caught:
        stack.up()
    assert "a tenant key, which" in caught.value.message
    assert (stack.outputs["secret"], stack.sources.api.proved) == ("first", [])
    stack.make("third")
    assert stack.up()
    assert stack.outputs["secret"] == "third"
    assert stack.sources.api.asked == ["first", "a tenant key", "third"]


@pytest.mark.parametrize("fault", [Unreachable("gone"), Unavailable("503"), RateLimited("429"), UnexpectedAnswer("?")])
def test_g4_an_answer_that_does_not_tell_a_tenant_key_hands_nothing_over(stack: Stack, fault: AllomiaError) -> None:
    stack.make("second")
    stack.sources.api.tenant_faults.append(fault)
    with pytest.raises(type(fault)):
        stack.up()
    assert stack.outputs["secret"] == "first"


def test_kv_v1_follows_the_key_without_history() -> None:
    stack = Stack(kv_version=1)
    stack.make("first")
    stack.clock.advance(DAY)
    stack.declare(overlap="24h")
    stack.up()
    assert stack.outputs["since"].startswith("2026-11-26T12:00:0")
    assert "vaultSecretVersion" not in stack.outputs
    assert settles(stack)
    assert not stack.refresh()
    assert "None" not in "\n".join(stack.said.infos)
    stack.make("second")
    assert stack.preview()
    assert stack.up()
    assert (stack.outputs["secret"], stack.old_versions) == ("second", [])
    assert "KV v1 keeps no history" in stack.warnings
    assert first_fingerprint(stack) in stack.warnings
    assert settles(stack)
    stack.revoke("second")
    assert stack.refresh()
    with pytest.raises(CredentialRejected):
        stack.up()
    stack.make("third")
    assert stack.up()
    assert settles(stack)
