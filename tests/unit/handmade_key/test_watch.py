"""Old keys and the age of the current one: what is warned of, until when, and what is forgotten."""

from __future__ import annotations

import pytest

from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    NotFound,
    Unavailable,
    Unreachable,
)
from tests.unit.handmade_key.scenes import (
    DAY,
    HOUR,
    NOT_LOOKED,
    PLACE,
    STILL_ALIVE,
    Stack,
    settles,
)


def test_an_old_key_is_left_in_peace_until_its_overlap_ends(rotated: Stack) -> None:
    rotated.clock.advance(DAY - 1)
    assert settles(rotated)
    assert rotated.said.warnings == []
    rotated.refresh()
    assert "first" in rotated.sources.api.proved
    assert STILL_ALIVE not in rotated.warnings


def test_an_old_key_that_outlives_its_overlap_is_named_by_every_run_with_the_dashboards_steps(rotated: Stack) -> None:
    rotated.clock.advance(DAY)
    looked = "as of the last refresh on 2026-11-26T13:00:00Z; `pulumi refresh` looks again"
    commands = ((rotated.up, NOT_LOOKED), (rotated.refresh, STILL_ALIVE), (rotated.preview, looked))
    for command, said in (*commands, (rotated.up, looked)):
        assert not command()
        assert len(rotated.said.warnings) == 1
        assert said in rotated.warnings
        assert f"version 1 of Vault {PLACE}, written 2026-11-25T12:00:00Z" in rotated.warnings
        assert "Settings > API Keys, the trash icon" in rotated.warnings
        assert rotated.old_versions == [1]


def test_an_old_key_that_allomia_refuses_is_asked_once_and_forgotten_by_a_refresh(rotated: Stack) -> None:
    rotated.clock.advance(DAY)
    rotated.revoke("first")
    rotated.refresh()
    assert rotated.sources.api.proved == ["second", "first"]
    assert (rotated.old_versions, rotated.said.warnings) == ([], [])
    assert any("it is forgotten" in info for info in rotated.said.infos)
    assert settles(rotated)


@pytest.mark.parametrize(
    "fault", [Unavailable("AlloMia is down"), Unreachable("no answer"), NotFound("404"), AccessDenied("403")]
)
def test_g4_an_old_key_of_which_nothing_is_learned_is_kept_and_the_refresh_goes_on(
    rotated: Stack, fault: AllomiaError
) -> None:
    rotated.refresh()
    (before,) = rotated.outputs["previousKeys"]
    rotated.clock.advance(DAY)
    rotated.sources.api.trouble["first"] = fault.as_said_by("AlloMia")
    assert not rotated.refresh()
    assert rotated.outputs["previousKeys"] == [before]
    assert f"is not known: {fault}" in rotated.warnings


def test_g6_an_overlap_that_is_over_is_no_change_and_uses_no_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    assert settles(rotated)
    assert (rotated.shelf.calls, rotated.sources.api.proved) == (["look"], [])
    assert NOT_LOOKED in rotated.warnings


def test_an_update_reads_old_versions_and_uses_no_old_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.make("third")
    assert rotated.up()
    assert rotated.sources.api.proved == ["third"]
    assert sorted(rotated.old_versions) == [1, 2]


def test_a_refresh_that_uses_an_old_key_says_so_and_keeps_when(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.refresh()
    assert rotated.outputs["previousKeys"][0]["lookedAt"] == "2026-11-27T13:00:00Z"
    assert "lastUsedAt in AlloMia tells of somebody else only where it is later than 2026-11-27" in rotated.warnings


def test_a_state_without_the_moment_of_a_look_is_read_and_is_no_difference(rotated: Stack) -> None:
    assert "lookedAt" not in rotated.outputs["previousKeys"][0]
    assert settles(rotated)
    rotated.refresh()
    assert settles(rotated)


@pytest.mark.catalogue(69)
@pytest.mark.parametrize("fault", [CredentialRejected("Vault refuses the token"), Unreachable("Vault is away")])
def test_g4_a_refusal_by_vault_forgets_no_old_key(rotated: Stack, fault: AllomiaError) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.shelf.broken["read 1"] = fault.as_said_by("Vault")
    assert not rotated.refresh()
    assert rotated.old_versions == [1]
    assert f"is not known: {fault}" in rotated.warnings


@pytest.mark.catalogue(69)
def test_g4_a_vault_that_does_not_show_the_current_key_proves_no_old_one_lost(rotated: Stack) -> None:
    kept = rotated.shelf.secrets[PLACE]
    rotated.shelf.delete_metadata(PLACE)
    assert rotated.refresh()
    assert rotated.old_versions == [1]
    rotated.shelf.secrets[PLACE] = kept
    assert rotated.up()
    assert settles(rotated)


@pytest.mark.catalogue(72)
def test_a_key_that_was_adopted_is_nobodys_to_delete(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.sources.held |= {rotated.outputs["previousKeys"][0]["fingerprint"]}
    assert settles(rotated)
    rotated.refresh()
    assert rotated.said.warnings == []
    rotated.destroy()
    (warning,) = rotated.said.warnings
    assert f"version 2 of Vault {PLACE}" in warning
    assert "unless an OrganizationApiKey adopted it, delete it" in warning
    (info,) = rotated.said.infos
    assert "version 1 of Vault" in info
    assert "an OrganizationApiKey holds it now" in info


@pytest.mark.parametrize(
    ("overlap", "delete_at", "is_warned"),
    [
        ("12h", "2026-11-26T01:00:00Z", True),
        ("3d", "2026-11-28T13:00:00Z", False),
        (None, "2026-11-25T13:00:00Z", True),
    ],
)
def test_a_changed_overlap_acts_on_the_old_key(
    rotated: Stack, overlap: str | None, delete_at: str, is_warned: bool
) -> None:
    rotated.clock.advance(18 * HOUR)
    rotated.declare(overlap=overlap)
    assert rotated.up()
    assert [old["deleteAt"] for old in rotated.outputs["previousKeys"]] == [delete_at]
    assert (NOT_LOOKED in rotated.warnings) == is_warned
    assert rotated.outputs["nextActionAt"] == delete_at
    rotated.revoke("first")
    rotated.refresh()
    assert settles(rotated)


def test_an_overlap_that_is_lengthened_after_its_end_silences_the_warning(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.up()
    rotated.declare(overlap="5d")
    assert rotated.up()
    assert rotated.said.warnings == []
    assert settles(rotated)


def test_an_old_version_that_vault_lost_is_warned_of_once_and_forgotten(rotated: Stack) -> None:
    rotated.shelf.delete_version(PLACE, 1)
    rotated.clock.advance(DAY)
    assert not rotated.refresh()
    assert rotated.warnings.count("cannot be seen any more") == 1
    assert rotated.old_versions == []
    assert settles(rotated)
    assert rotated.said.warnings == []


def test_a_vault_out_of_reach_after_an_overlap_fails_no_run(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.shelf.broken["look"] = Unreachable("Vault does not answer")
    assert not rotated.up()
    assert rotated.old_versions == [1]


def test_age_is_warned_of_from_its_moment_on_and_until_a_new_key_is_there(stack: Stack) -> None:
    stack.declare(rotateAfter="2d")
    stack.up()
    assert stack.outputs["rotateAt"] == "2026-11-27T12:00:00Z"
    stack.clock.moment = stack.clock.moment.replace(day=27, hour=11, minute=59, second=59)
    assert not stack.preview()
    assert stack.said.warnings == []
    stack.clock.advance(1)
    for command in (stack.preview, stack.up):
        assert not command()
        assert "due for rotation since 2026-11-27T12:00:00Z" in stack.warnings
        assert "Settings > API Keys > Add Key" in stack.warnings
    stack.make("second")
    assert stack.preview()
    assert "due for rotation" not in stack.warnings
    stack.up()
    stack.revoke("first")
    stack.refresh()
    assert settles(stack)
    assert stack.said.warnings == []


def test_a_removed_age_is_forgotten(stack: Stack) -> None:
    stack.declare(rotateAfter="2d")
    stack.up()
    stack.declare(rotateAfter=None)
    assert stack.up()
    assert "rotateAt" not in stack.outputs
    assert "nextActionAt" not in stack.outputs
    assert settles(stack)


def test_next_action_is_the_earliest_of_age_and_overlaps(rotated: Stack) -> None:
    assert rotated.outputs["nextActionAt"] == "2026-11-26T13:00:00Z"
    rotated.declare(rotateAfter="30h")
    rotated.up()
    assert (rotated.outputs["rotateAt"], rotated.outputs["nextActionAt"]) == (
        "2026-11-26T19:00:00Z",
        "2026-11-26T13:00:00Z",
    )
    rotated.revoke("first")
    rotated.refresh()
    assert rotated.outputs["nextActionAt"] == "2026-11-26T19:00:00Z"
