"""A key that a person makes and writes to Vault: what is created, updated, replaced and destroyed of it."""

from __future__ import annotations

import json

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    NotFound,
    SetupError,
    Unreachable,
)
from allomia_pulumi.ground.redaction import fingerprint
from tests.unit.handmade_key.scenes import (
    DAY,
    IDENTITY,
    OTHER_PLACE,
    PLACE,
    STILL_ALIVE,
    Stack,
    settles,
)


def test_a_first_key_is_read_proved_and_handed_over() -> None:
    stack = Stack()
    stack.make("first")
    written = "2026-11-25T12:00:00Z"
    stack.clock.advance(DAY)
    stack.up()
    assert stack.id == f"org/{stack.outputs['secretFingerprint']}"
    assert stack.sources.api.proved == ["first"]
    assert stack.outputs == {
        "secret": "first",
        "secretFingerprint": stack.outputs["secretFingerprint"],
        "vaultSecretVersion": 1,
        "since": written,
        "previousKeys": [],
        "pending": [],
        "record": {
            "stateVersion": 1,
            "identity": {"project": "clinic", "stack": "prod", "parents": "", "name": "ehr"},
            "settings": {"organizationId": "org", "vaultSecret": PLACE, "secretInState": True},
            "writtenAt": written,
        },
    }
    assert (stack.said.warnings, stack.said.infos) == ([], [])
    assert settles(stack)


@pytest.mark.parametrize(
    ("organization", "error", "reason"),
    [
        (None, CredentialRejected, "It is revoked, or not an AlloMia key"),
        ("hill", NotFound, "it is another organization's key, or org does not exist"),
    ],
)
def test_g4_a_first_key_that_is_not_the_organizations_is_an_error(
    organization: str | None, error: type[AllomiaError], reason: str
) -> None:
    stack = Stack()
    stack.shelf.write(PLACE, "alm_org_wrong")
    if organization:
        stack.make("alm_org_wrong", organization=organization)
    with pytest.raises(error, match=reason) as raised:
        stack.up()
    assert stack.outputs == {}
    assert "alm_org_wrong" not in str(raised.value)


def test_a_403_of_allomia_is_called_another_organizations_key() -> None:
    stack = Stack()
    stack.make("first")
    stack.sources.api.faults.append(AccessDenied("AlloMia refuses (403)"))
    with pytest.raises(NotFound, match="another organization's key"):
        stack.up()


def test_g6_an_unchanged_program_costs_one_metadata_look_and_no_proof(rotated: Stack) -> None:
    assert settles(rotated)
    assert (rotated.shelf.calls, rotated.sources.api.proved) == (["look"], [])


def test_a_renamed_resource_is_recorded_under_its_new_name(stack: Stack) -> None:
    renamed = IDENTITY.model_copy(update={"name": "ehr-2"})
    keys = DashboardKeys(stack.sources, stack.clock)
    assert keys.diff(stack.outputs, stack.inputs, Call(renamed, stack.said, stack.id)).has_changes
    state = keys.update(stack.outputs, stack.inputs, Call(renamed, stack.said, stack.id))
    assert state.record.identity == renamed
    assert not keys.diff(state.to_outputs(), stack.inputs, Call(renamed, stack.said, stack.id)).has_changes


def test_g4_a_vault_out_of_reach_is_a_warning_and_no_change(stack: Stack) -> None:
    stack.shelf.faults["look"] = [Unreachable("Vault does not answer")]
    assert not stack.preview()
    assert "has a newer key is not known: Vault does not answer" in stack.warnings


@pytest.mark.parametrize("is_whole", [True, False])
def test_g4_a_secret_that_is_gone_is_a_planned_change_that_fails_and_keeps_the_state(
    rotated: Stack, is_whole: bool
) -> None:
    if is_whole:
        rotated.shelf.delete_metadata(PLACE)
    else:
        rotated.shelf.delete_version(PLACE, 2)
    assert rotated.preview()
    assert PLACE in rotated.warnings
    before = rotated.outputs
    with pytest.raises(NotFound):
        rotated.up()
    assert rotated.outputs is before


def test_a_secret_leaves_the_state_and_comes_back_and_rotations_are_followed_meanwhile(stack: Stack) -> None:
    stack.declare(secretInState=False)
    assert stack.up()
    assert "first" not in json.dumps(stack.outputs)
    assert settles(stack)
    assert not stack.refresh()
    assert stack.sources.api.proved == ["first"]
    stack.make("second")
    assert stack.up()
    assert "secret" not in stack.outputs
    assert stack.outputs["vaultSecretVersion"] == 2
    stack.revoke("first")
    stack.up()
    stack.declare(secretInState=True)
    assert stack.up()
    assert stack.outputs["secret"] == "second"
    assert settles(stack)


def test_a_moved_place_with_the_same_key_is_proved_and_is_no_rotation(stack: Stack) -> None:
    since = stack.outputs["since"]
    stack.clock.advance(DAY)
    stack.shelf.write(OTHER_PLACE, "first")
    stack.declare(vaultSecret=OTHER_PLACE)
    assert stack.up()
    assert stack.sources.api.proved == ["first"]
    assert (stack.outputs["since"], stack.old_versions) == (since, [])
    assert stack.outputs["record"]["settings"]["vaultSecret"] == OTHER_PLACE
    assert settles(stack)


def test_a_moved_place_with_another_key_is_a_rotation_that_remembers_the_old_place(stack: Stack) -> None:
    stack.make("second", OTHER_PLACE)
    stack.declare(vaultSecret=OTHER_PLACE, overlap="24h")
    assert stack.up()
    assert [(old["vaultSecret"], old["version"]) for old in stack.outputs["previousKeys"]] == [(PLACE, 1)]
    assert settles(stack)
    stack.revoke("first")
    stack.clock.advance(DAY)
    stack.refresh()
    assert stack.old_versions == []


def test_another_writing_of_the_same_place_is_recorded_and_nothing_else(stack: Stack) -> None:
    stack.declare(vaultSecret={"mount": "secret", "path": "allomia/ehr", "field": "api_key"})
    assert stack.up()
    assert stack.sources.api.proved == []
    assert settles(stack)


def test_another_organization_replaces(stack: Stack) -> None:
    keys = DashboardKeys(stack.sources, stack.clock)
    news = {**stack.inputs, "organizationId": "hill"}
    change = keys.diff(stack.outputs, news, Call(IDENTITY, stack.said, stack.id))
    assert (change.has_changes, change.replaces) == (True, ("organizationId",))


def test_g7_destroy_revokes_nothing_asks_nobody_and_names_every_key(rotated: Stack) -> None:
    rotated.destroy()
    assert len(rotated.said.warnings) == 2
    for number, warning in zip((2, 1), rotated.said.warnings, strict=True):
        assert f"version {number} of Vault {PLACE}" in warning
        assert "no key was revoked" in warning
        assert "the trash icon" in warning
    assert (rotated.shelf.calls, rotated.sources.api.proved) == ([], [])


def test_kv_v1_shows_a_secret_that_is_gone_as_a_change_that_fails() -> None:
    stack = Stack(kv_version=1)
    stack.make("first")
    stack.up()
    stack.shelf.delete_metadata(PLACE)
    assert stack.preview()
    with pytest.raises(NotFound):
        stack.up()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("secret/allomia/tenant#api_key", "where the tenant key lies"),
        ({"mount": "secret", "path": "a", "field": "f", "takeOver": True}, "takeOver has no meaning"),
        ({"mount": "secret", "path": "a", "field": "f", "version": 3}, "pins a version"),
        (None, "vaultSecret is missing"),
    ],
)
def test_g5_a_place_that_cannot_hold_the_key_is_refused_in_preview(stack: Stack, place: object, reason: str) -> None:
    news = {"organizationId": "org", "vaultSecret": place}
    checked = DashboardKeys(stack.sources, stack.clock).check({}, news, Call(IDENTITY, stack.said))
    assert [(failure.property, reason in failure.reason) for failure in checked.failures] == [("vaultSecret", True)]


def test_a_vault_out_of_reach_does_not_stop_a_preview_of_a_first_key(stack: Stack) -> None:
    stack.shelf.faults["look"] = [Unreachable("Vault does not answer")]
    checked = DashboardKeys(stack.sources, stack.clock).check({}, stack.inputs, Call(IDENTITY, stack.said))
    assert checked.failures == ()
    assert "Vault does not answer; `pulumi up` will fail unless that has passed by then." in stack.warnings


def test_a_place_that_is_empty_yet_is_a_warning_since_the_program_may_fill_it(stack: Stack) -> None:
    news = {"organizationId": "org", "vaultSecret": "secret/nothing/here#api_key"}
    checked = DashboardKeys(stack.sources, stack.clock).check({}, news, Call(IDENTITY, stack.said))
    assert checked.failures == ()
    assert (
        "Vault has no secret for secret/nothing/here#api_key; `pulumi up` will fail unless it is there"
        in stack.warnings
    )


def test_a_field_that_the_secret_lacks_is_an_error_in_preview(stack: Stack) -> None:
    stack.shelf.faults["read"] = [NotFound("the secret has no field key", "Check its name.", is_proved=True)]
    checked = DashboardKeys(stack.sources, stack.clock).check({}, stack.inputs, Call(IDENTITY, stack.said))
    assert [failure.reason for failure in checked.failures] == ["the secret has no field key. Check its name."]
    assert stack.said.warnings == []


@pytest.mark.parametrize("name", ["organizationId", "vaultSecret", "rotateAfter", "overlap", "secretInState"])
def test_an_input_that_a_preview_does_not_know_changes_nothing_and_stops_an_update(rotated: Stack, name: str) -> None:
    rotated.declare(rotateAfter="2d")
    rotated.up()
    rotated.declare(**{name: UNKNOWN})
    assert not rotated.preview()
    assert rotated.said.warnings == []
    keys = DashboardKeys(rotated.sources, rotated.clock)
    with pytest.raises(SetupError, match="still unknown"):
        keys.update(rotated.outputs, rotated.inputs, Call(IDENTITY, rotated.said, rotated.id))
    with pytest.raises(SetupError, match="still unknown"):
        keys.create(rotated.inputs, Call(IDENTITY, rotated.said))


def test_a_place_that_is_known_in_part_is_asked_for_nothing(stack: Stack) -> None:
    stack.declare(vaultSecret={"mount": "secret", "path": UNKNOWN, "field": "api_key"})
    assert not stack.preview()
    assert stack.shelf.calls == []


def test_g3_no_message_and_no_repr_holds_a_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.make("third")
    keys = DashboardKeys(rotated.sources, rotated.clock)
    state = keys.update(rotated.outputs, rotated.inputs, Call(IDENTITY, rotated.said, rotated.id))
    keys.read(rotated.id, state.to_outputs(), rotated.said)
    keys.delete(state.to_outputs(), rotated.said)
    told = "\n".join((*rotated.said.warnings, *rotated.said.infos, repr(state)))
    assert STILL_ALIVE in told
    assert fingerprint(rotated.shelf.read_secret(state.record.settings.reference)) in told
    assert not any(key in told for key in ("second", "third"))
