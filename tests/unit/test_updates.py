"""Updates from end to end on stand-ins: rotate in place, retire, deliver, and go on after something failed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    KeyLeftBehind,
    OutcomeUnknown,
    SecretConflict,
    SetupError,
    Unavailable,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.references import VaultReference
from tests.fakes import LINEAGE, FakeAllomia, FakeTenants
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Outcome, Stack, differences, owing

ONE, TWO, THREE = {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}
HERE = {"mount": "secret", "path": "allomia/here", "field": "api_key"}
THERE = {"mount": "secret", "path": "allomia/there", "field": "api_key"}
HERE_PLACE, THERE_PLACE = VaultLocation(**HERE), VaultLocation(**THERE)
HOUR, DAY = 3_600.0, 86_400.0
DOWN = Unavailable("503")


def stack_with(**inputs: Any) -> Stack:
    """Return a stack whose key was made."""
    stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": ONE})
    stack.edit(**inputs)
    up(stack, Kind.CREATE)
    return stack


def overlapping(**inputs: Any) -> Stack:
    """Return a stack with a predecessor in its overlap of an hour; its key is key-2."""
    stack = stack_with(**{"overlap": "1h", **inputs})
    stack.edit(rotationTriggers=TWO)
    up(stack, Kind.UPDATE)
    return stack


def up(stack: Stack, kind: Kind, **how: bool) -> Outcome:
    outcome = stack.up(**how)
    assert outcome.failure is None
    assert outcome.kind is kind
    return outcome


def failed_up(stack: Stack, failure: type[AllomiaError]) -> Outcome:
    """Run an `up` that fails; the state stays as it was."""
    before = stack.resource
    outcome = stack.up()
    assert type(outcome.failure) is failure
    assert stack.resource == before
    return outcome


def assert_settled(stack: Stack) -> None:
    """See that nothing is left to do, and that the record is true."""
    assert stack.up() == Outcome(Kind.SAME, None, (), (), (), ())
    assert differences(stack) == []


def owed_steps(stack: Stack) -> list[OwedStep]:
    return [owed.step for owed in stack.state.pending]


class TestRotationInPlace:
    def test_the_old_key_lives_on_as_the_predecessor(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="90d")
        old = stack.outputs
        assert "previousKeyId" not in old
        stack.clock.advance(DAY)
        stack.edit(rotationTriggers=TWO)
        assert up(stack, Kind.UPDATE).calls == ("list", "mint", "prove")
        new = stack.outputs
        assert new["previousKeyId"] == old["keyId"]
        assert new["previousSecret"] == old["secret"]
        assert new["previousRevokeAt"] == "2026-11-26T13:00:00Z"
        assert new["createdAt"] == "2026-11-26T12:00:00Z"
        assert new["rotateAt"] == "2027-02-24T12:00:00Z"
        assert new["nextActionAt"] == new["previousRevokeAt"]
        assert new["rotationReason"] == "trigger"
        assert new["secret"] != old["secret"]
        assert new["secretFingerprint"] != old["secretFingerprint"]
        assert stack.resource is not None
        assert stack.resource.id == f"org/{old['keyId']}"
        assert_settled(stack)

    def test_the_next_moment_is_always_known(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="90d")
        assert stack.outputs["nextActionAt"] == stack.outputs["rotateAt"] == "2027-02-23T12:00:00Z"
        stack.edit(rotateAfter=None)
        up(stack, Kind.UPDATE)
        assert "nextActionAt" not in stack.outputs
        stack.edit(rotationTriggers=TWO, rotateAfter="30d")
        up(stack, Kind.UPDATE)
        assert stack.outputs["nextActionAt"] == stack.outputs["previousRevokeAt"]
        stack.clock.advance(HOUR)
        up(stack, Kind.UPDATE)
        assert stack.outputs["nextActionAt"] == stack.outputs["rotateAt"] == "2026-12-25T12:00:00Z"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [({"rotationTriggers": TWO}, "trigger"), ({"name": "other"}, "renamed"), ({"rotateAfter": "2h"}, "schedule")],
    )
    def test_each_reason_rotates_in_place_and_is_recorded(self, change: dict[str, Any], reason: str) -> None:
        stack = stack_with(overlap="1h")
        stack.clock.advance(2 * HOUR)
        stack.edit(**change)
        up(stack, Kind.UPDATE)
        assert stack.outputs["rotationReason"] == reason
        assert len(stack.alive) == 2
        assert_settled(stack)

    def test_a_preview_says_what_is_due_and_why_and_since_when(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="90d")
        stack.clock.advance(91 * DAY)
        outcome = stack.preview()
        assert outcome.kind is Kind.UPDATE
        assert outcome.infos == ("key key-1 is due for rotation since 2027-02-23T12:00:00Z (reason: schedule)",)
        assert outcome.writes == ()

    def test_a_preview_says_since_when_by_the_age_of_today(self) -> None:
        stack = stack_with(rotateAfter="90d")
        stack.clock.advance(31 * DAY)
        stack.edit(rotateAfter="30d")
        assert "since 2026-12-25T12:00:00Z" in stack.preview().said

    def test_an_up_that_comes_late_rotates_once(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="1d")
        stack.clock.advance(10 * DAY)
        up(stack, Kind.UPDATE)
        assert stack.api.minted == 2
        assert_settled(stack)

    def test_a_schedule_goes_on_over_years(self) -> None:
        stack = stack_with(overlap="1d", rotateAfter="90d", vaultSecret=HERE)
        for day in range(400):
            outcome = stack.up()
            assert outcome.failure is None, day
            assert len(stack.alive) <= 2
            stack.clock.advance(DAY)
        assert stack.api.minted == 5
        assert stack.api.calls.count("revoke") == 4

    def test_a_daily_run_without_a_change_calls_nobody(self) -> None:
        stack = stack_with(overlap="1d", rotateAfter="90d", vaultSecret=HERE)
        for _ in range(89):
            stack.clock.advance(DAY)
            assert_settled(stack)


class TestOverlap:
    def test_the_first_up_after_it_retires_the_predecessor(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        assert up(stack, Kind.UPDATE).calls == ("list", "get", "revoke")
        assert list(stack.alive) == ["key-2"]
        assert not {"previousKeyId", "previousSecret", "previousRevokeAt"} & set(stack.outputs)
        assert_settled(stack)

    def test_one_second_before_its_end_nothing_happens(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR - 1)
        assert_settled(stack)
        assert len(stack.alive) == 2

    def test_the_preview_says_that_it_is_over(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        assert "predecessor key-1 is over" in stack.preview().said
        assert len(stack.alive) == 2

    @pytest.mark.parametrize("overlap", ["10m", None, "0s"])
    def test_shortened_or_removed_it_ends_with_the_next_up(self, overlap: str | None) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR / 2)
        stack.edit(overlap=overlap)
        up(stack, Kind.UPDATE)
        assert list(stack.alive) == ["key-2"]
        assert_settled(stack)

    def test_lengthened_it_runs_on(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        stack.edit(overlap="2h")
        up(stack, Kind.UPDATE)
        assert stack.outputs["previousRevokeAt"] == "2026-11-25T14:00:00Z"
        assert_settled(stack)
        stack.clock.advance(HOUR)
        up(stack, Kind.UPDATE)
        assert list(stack.alive) == ["key-2"]

    @pytest.mark.parametrize("change", [{"rotationTriggers": THREE}, {"name": "other"}])
    def test_a_rotation_meanwhile_is_refused_with_the_moment_and_the_way_out(self, change: dict[str, Any]) -> None:
        stack = overlapping()
        stack.edit(**change)
        outcome = failed_up(stack, SetupError)
        assert outcome.calls == ()
        assert "predecessor key-1 stays valid until 2026-11-25T13:00:00Z" in outcome.said
        assert "nothing was changed" in outcome.said
        assert "remove overlap" in outcome.said
        assert isinstance(stack.preview().failure, SetupError)
        stack.clock.advance(HOUR)
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-2", "key-3"}
        assert_settled(stack)

    def test_the_moment_of_a_refusal_follows_the_overlap_of_today(self) -> None:
        stack = overlapping()
        stack.edit(rotationTriggers=THREE, overlap="3h")
        assert "until 2026-11-25T15:00:00Z" in failed_up(stack, SetupError).said

    def test_without_overlap_the_refused_trigger_is_a_replacement_that_ends_both(self) -> None:
        stack = overlapping()
        most: list[int] = []
        stack.api.faults["prove"] = [lambda: most.append(len(stack.alive))]
        stack.edit(rotationTriggers=THREE, overlap=None)
        assert up(stack, Kind.REPLACE).replaces == ("rotationTriggers",)
        assert most == [3]
        assert list(stack.alive) == ["key-3"]
        assert_settled(stack)

    def test_allomias_clock_behind_ours_postpones_the_end(self) -> None:
        stack = stack_with(overlap="1h")
        stack.api.skew = timedelta(minutes=-30)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        stack.clock.advance(HOUR / 2)
        outcome = up(stack, Kind.UPDATE)
        assert outcome.writes == ()
        assert "by AlloMia's clock" in outcome.said
        assert stack.outputs["previousKeyId"] == "key-1"
        stack.clock.advance(HOUR / 2)
        up(stack, Kind.UPDATE)
        assert list(stack.alive) == ["key-2"]
        assert_settled(stack)

    def test_allomias_clock_ahead_of_ours_ends_nothing_early(self) -> None:
        stack = stack_with(overlap="1h")
        stack.api.skew = timedelta(minutes=30)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        stack.clock.advance(HOUR)
        assert_settled(stack)
        stack.clock.advance(HOUR / 2)
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("change", [{"rotationTriggers": THREE}, {"name": "other"}, {"rotateAfter": "90m"}])
    def test_g1_a_postponed_end_holds_up_the_next_rotation(self, change: dict[str, Any]) -> None:
        stack = stack_with(overlap="1h")
        stack.api.skew = timedelta(hours=-2)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        stack.edit(**change)
        stack.up()
        assert len(stack.alive) == 2
        assert stack.outputs["previousKeyId"] == "key-1"
        stack.clock.advance(4 * HOUR)
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-2", "key-3"}

    @pytest.mark.parametrize("fault", [DOWN, AccessDenied("403"), UnexpectedAnswer("html")])
    def test_a_predecessor_that_cannot_be_revoked_is_a_warning_and_stays(self, fault: AllomiaError) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        stack.api.faults["revoke"] = [fault]
        outcome = up(stack, Kind.UPDATE)
        assert any("key-1 was not revoked" in warning for warning in outcome.warnings)
        assert "allomia revoke org key-1" in outcome.said
        assert stack.outputs["previousKeyId"] == "key-1"
        assert stack.outputs["nextActionAt"] <= "2026-11-25T13:00:00Z"
        up(stack, Kind.UPDATE)
        assert list(stack.alive) == ["key-2"]
        assert stack.api.minted == 2
        assert_settled(stack)

    @pytest.mark.parametrize("change", [{"rotationTriggers": THREE}, {"name": "other"}, {"rotateAfter": "90m"}])
    def test_g1_a_predecessor_that_cannot_be_revoked_is_not_forgotten_by_the_next_rotation(
        self, change: dict[str, Any]
    ) -> None:
        stack = overlapping()
        stack.clock.advance(2 * HOUR)
        stack.edit(**change)
        stack.api.faults["revoke"] = [DOWN]
        stack.up()
        assert set(stack.alive) <= stack.state.key_ids
        assert len(stack.alive) == 2
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-2", "key-3"}
        assert_settled(stack)

    def test_a_predecessor_that_was_revoked_by_hand_is_retired_on_proof(self) -> None:
        stack = overlapping()
        del stack.api.keys[ORGANIZATION]["key-1"]
        stack.clock.advance(HOUR)
        assert up(stack, Kind.UPDATE).calls == ("list", "get", "revoke", "list", "get", "organization")
        assert_settled(stack)

    def test_a_revocation_whose_answer_was_lost_is_proved_by_the_next_up(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        stack.api.faults["after revoke"] = [DOWN]
        up(stack, Kind.UPDATE)
        assert stack.outputs["previousKeyId"] == "key-1"
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("fault", [DOWN, CredentialRejected("401"), UnexpectedAnswer("html")])
    def test_without_the_list_nobody_is_retired(self, fault: AllomiaError) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        stack.api.faults["list"] = [fault]
        assert failed_up(stack, type(fault)).writes == ()
        up(stack, Kind.UPDATE)
        assert_settled(stack)


class TestRevokedByHand:
    def test_before_a_retirement_it_keeps_the_predecessor_and_rotates_once(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        del stack.api.keys[ORGANIZATION]["key-2"]
        outcome = up(stack, Kind.UPDATE)
        assert "key-2 was revoked outside of Pulumi" in outcome.said
        assert stack.api.minted == 3
        assert set(stack.alive) == {"key-1", "key-3"}
        assert stack.outputs["previousKeyId"] == "key-1"
        assert stack.outputs["rotationReason"] == "revoked"
        up(stack, Kind.UPDATE)
        assert list(stack.alive) == ["key-3"]
        assert_settled(stack)

    @pytest.mark.parametrize("change", [{}, {"rotationTriggers": THREE}, {"name": "other"}, {"rotateAfter": "90m"}])
    @pytest.mark.parametrize("refresh", [False, True])
    def test_g1_before_a_retirement_with_another_reason_it_rotates_once(
        self, change: dict[str, Any], *, refresh: bool
    ) -> None:
        stack = overlapping()
        stack.clock.advance(2 * HOUR)
        stack.edit(**change)
        del stack.api.keys[ORGANIZATION]["key-2"]
        up(stack, Kind.UPDATE, refresh=refresh)
        assert stack.api.minted == 3
        assert set(stack.alive) == {"key-1", "key-3"}
        assert stack.outputs["rotationReason"] == "revoked"
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_its_rotation_delivers_once_although_the_place_moved(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        stack.clock.advance(HOUR)
        stack.edit(vaultSecret=THERE)
        del stack.api.keys[ORGANIZATION]["key-2"]
        assert up(stack, Kind.UPDATE).writes == ("mint", "deliver")
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_neither_delivered_nor_revoked_its_rotation_is_not_tried_twice_in_one_run(self) -> None:
        stack = overlapping(vaultSecret=HERE, secretInState=False, rotateAfter="90m")
        stack.clock.advance(2 * HOUR)
        del stack.api.keys[ORGANIZATION]["key-2"]
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        stack.up()
        assert stack.api.minted == 3
        assert set(stack.alive) == {"key-1", "key-3"}
        assert set(stack.alive) <= stack.state.key_ids
        up(stack, Kind.UPDATE)
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_found_by_refresh_it_rotates_and_keeps_the_predecessors_time(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        stack.clock.advance(HOUR / 2)
        del stack.api.keys[ORGANIZATION]["key-2"]
        found = stack.refresh()
        assert found.failure is None
        assert "predecessor key-1 still works" in found.said
        assert stack.outputs["keyId"] == "key-2"
        assert owed_steps(stack) == [OwedStep.ROTATE]
        assert stack.outputs["nextActionAt"] == "2026-11-25T12:30:00Z"
        up(stack, Kind.UPDATE)
        assert stack.outputs["rotationReason"] == "revoked"
        assert stack.outputs["previousKeyId"] == "key-1"
        assert stack.outputs["previousRevokeAt"] == "2026-11-25T13:00:00Z"
        assert stack.vault.value(HERE_PLACE) == stack.outputs["secret"]
        assert_settled(stack)

    def test_its_rotation_takes_a_trigger_that_waits_along(self) -> None:
        stack = overlapping()
        stack.edit(rotationTriggers=THREE)
        del stack.api.keys[ORGANIZATION]["key-2"]
        up(stack, Kind.UPDATE, refresh=True)
        assert stack.api.minted == 3
        assert_settled(stack)

    def test_without_a_predecessor_it_is_dropped_and_made_anew(self) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        stack.api.keys[ORGANIZATION].clear()
        outcome = stack.refresh()
        assert outcome.kind is Kind.GONE
        assert "dropped from the state" in outcome.said
        up(stack, Kind.CREATE)
        assert stack.outputs["rotationReason"] == "created"
        assert_settled(stack)

    def test_both_keys_gone_are_dropped(self) -> None:
        stack = overlapping()
        stack.api.keys[ORGANIZATION].clear()
        assert stack.refresh().kind is Kind.GONE

    def test_g1_dropped_it_leaves_no_key_behind_unnamed(self) -> None:
        stack = stack_with(overlap="1h")
        left = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        stack.edit_outputs(pending=owing(OwedStep.REVOKE, left.id))
        del stack.api.keys[ORGANIZATION]["key-1"]
        outcome = stack.refresh()
        assert left.id in outcome.said or left.id in stack.state.key_ids

    def test_a_predecessor_alone_is_taken_out_of_the_state(self) -> None:
        stack = overlapping()
        del stack.api.keys[ORGANIZATION]["key-1"]
        outcome = stack.refresh()
        assert outcome.kind is Kind.SAME
        assert "predecessor key-1" in outcome.said
        assert_settled(stack)

    def test_g1_a_refresh_that_misses_a_key_names_strays_too(self) -> None:
        stack = overlapping()
        stray = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        del stack.api.keys[ORGANIZATION]["key-1"]
        assert stray.id in stack.refresh().said

    def test_a_refresh_changes_nothing_when_all_is_well(self) -> None:
        stack = overlapping(rotateAfter="90d", vaultSecret=HERE)
        stack.clock.advance(100 * DAY)
        before = stack.resource
        outcome = stack.refresh()
        assert outcome == Outcome(Kind.SAME, None, (), (), (), ("list", "inspect"))
        assert stack.resource == before


class TestDelivery:
    def test_a_first_key_is_looked_at_before_it_is_minted(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.faults["preflight"] = [DOWN, DOWN]
        outcome = stack.up()
        assert isinstance(outcome.failure, Unavailable)
        assert "whether the key can be written" in outcome.said
        assert outcome.writes == ()
        up(stack, Kind.CREATE)
        assert stack.outputs["vaultSecretVersion"] == 1
        assert stack.vault.value(HERE_PLACE) == stack.outputs["secret"]
        assert_settled(stack)

    def test_a_denied_delivery_is_shown_before_a_first_key(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.faults["preflight"] = [AccessDenied("the token may not write there", "Add it to its policy.")]
        outcome = stack.preview()
        assert "may not write there. Add it to its policy" in outcome.said
        assert isinstance(outcome.failure, SetupError)

    @pytest.mark.parametrize("fault", [DOWN, AccessDenied("403")])
    def test_a_rotation_is_looked_at_before_it_mints(self, fault: AllomiaError) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["preflight"] = [fault]
        assert failed_up(stack, type(fault)).writes == ()
        assert up(stack, Kind.UPDATE).calls == ("list", "mint", "prove", "preflight", "deliver")
        assert stack.outputs["vaultSecretVersion"] == 2
        assert_settled(stack)

    def test_what_the_next_version_is_comes_from_metadata(self) -> None:
        stack = stack_with(overlap="1h")
        stack.vault.write(HERE_PLACE, "theirs")
        stack.vault.write(HERE_PLACE, "theirs too")
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        up(stack, Kind.UPDATE)
        assert stack.outputs["vaultSecretVersion"] == 3
        assert_settled(stack)

    def test_somebody_elses_secret_stops_a_first_key_and_stays(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.write(HERE_PLACE, "theirs")
        for outcome in (stack.preview(), stack.up()):
            assert "did not write" in outcome.said
            assert "takeOver" in outcome.said
            assert outcome.writes == ()
        assert stack.vault.value(HERE_PLACE) == "theirs"
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        up(stack, Kind.CREATE)
        assert_settled(stack)

    @pytest.mark.parametrize("change", [{}, {"rotationTriggers": TWO}])
    def test_somebody_elses_secret_stops_an_update_and_stays(self, change: dict[str, Any]) -> None:
        stack = stack_with(overlap="1h")
        stack.vault.write(HERE_PLACE, "theirs")
        stack.edit(vaultSecret=HERE, **change)
        outcome = failed_up(stack, SetupError)
        assert "it was not touched" in outcome.said
        assert "takeOver" in outcome.said
        assert outcome.writes == ()
        assert stack.vault.value(HERE_PLACE) == "theirs"
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_another_declared_keys_secret_is_somebody_elses(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        second = Stack(
            {"organizationId": ORGANIZATION, "vaultSecret": HERE},
            stack.api,
            Identity(**{**IDENTITY.model_dump(), "name": "second"}),
        )
        second.tenants.vault = stack.vault
        outcome = second.up()
        assert "did not write" in outcome.said
        assert outcome.writes == ()

    @pytest.mark.parametrize("overlap", ["1h", None])
    def test_a_newer_version_stops_a_rotation_and_stays(self, overlap: str | None) -> None:
        stack = stack_with(overlap=overlap, vaultSecret=HERE)
        stack.vault.write(HERE_PLACE, "theirs")
        stack.edit(rotationTriggers=TWO)
        before = stack.resource
        outcome = stack.up()
        assert isinstance(outcome.failure, SetupError)
        assert "newer than what this resource wrote" in outcome.said
        assert "takeOver" in outcome.said
        assert outcome.writes == ()
        assert stack.resource == before
        assert stack.vault.value(HERE_PLACE) == "theirs"
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        up(stack, Kind.UPDATE if overlap else Kind.REPLACE)
        assert stack.outputs["vaultSecretVersion"] == 3
        assert_settled(stack)

    def test_take_over_alone_is_recorded_without_a_call(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        assert up(stack, Kind.UPDATE).writes == ()
        assert_settled(stack)

    def test_a_first_place_is_delivered_to_without_a_mint(self) -> None:
        stack = stack_with()
        stack.edit(vaultSecret=HERE)
        outcome = up(stack, Kind.UPDATE)
        assert outcome.writes == ("deliver",)
        assert stack.outputs["vaultSecretVersion"] == 1
        assert_settled(stack)

    @pytest.mark.parametrize("in_state", [True, False])
    def test_a_moved_place_is_written_first_and_the_old_copy_named(self, *, in_state: bool) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=in_state)
        stack.edit(vaultSecret=THERE)
        outcome = up(stack, Kind.UPDATE)
        assert "Vault secret/allomia/here#api_key was left there" in outcome.said
        assert stack.vault.value(THERE_PLACE) == stack.vault.value(HERE_PLACE)
        assert stack.api.minted == 1
        assert_settled(stack)

    def test_a_place_that_cannot_be_moved_to_leaves_the_old_one_recorded(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        stack.edit(vaultSecret=THERE)
        stack.vault.faults["deliver"] = [DOWN]
        failed_up(stack, Unavailable)
        assert stack.state.record.settings.vault_secret == HERE_PLACE
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("place", [THERE, None])
    def test_a_place_moved_or_removed_with_a_rotation_names_the_old_copy(self, place: dict[str, str] | None) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        stack.edit(vaultSecret=place, rotationTriggers=TWO)
        outcome = up(stack, Kind.UPDATE)
        assert "Vault secret/allomia/here#api_key was left there" in outcome.said
        assert_settled(stack)

    def test_a_removed_place_is_left_and_named(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(vaultSecret=None)
        outcome = up(stack, Kind.UPDATE)
        assert "was left there" in outcome.said
        assert outcome.writes == ()
        assert stack.vault.value(HERE_PLACE) == stack.outputs["secret"]
        assert "vaultSecretVersion" not in stack.outputs
        assert_settled(stack)

    def test_rotation_without_overlap_is_warned_of_when_it_begins(self) -> None:
        stack = stack_with(rotationTriggers=None)
        stack.edit(vaultSecret=HERE, rotationTriggers=ONE)
        assert "readers of Vault poll" in up(stack, Kind.UPDATE).said
        assert_settled(stack)
        stack.edit(overlap="1h")
        assert "readers of Vault poll" not in up(stack, Kind.UPDATE).said

    def test_rotation_without_overlap_is_not_warned_of_at_each_rotation(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        assert "readers of Vault poll" not in up(stack, Kind.REPLACE).said


def remove_secret(stack: Stack) -> None:
    del stack.vault.secrets["secret/allomia/here"]


def remove_version(stack: Stack) -> None:
    secret = stack.vault.secrets["secret/allomia/here"]
    secret.versions[secret.stored.version] = None
    secret.stored = replace(secret.stored, is_live=False)


def relabel(stack: Stack) -> None:
    secret = stack.vault.secrets["secret/allomia/here"]
    secret.stored = replace(secret.stored, key_id="key-of-another")


def write_newer(stack: Stack) -> None:
    stack.vault.write(HERE_PLACE, "theirs")


class TestDrift:
    @pytest.mark.parametrize("drift", [remove_secret, remove_version, relabel])
    def test_it_is_found_from_metadata_and_mended_without_a_mint(self, drift: Callable[[Stack], None]) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        drift(stack)
        found = stack.refresh()
        assert found.failure is None
        assert found.calls == ("list", "inspect")
        assert any("writes the key there again" in warning for warning in found.warnings)
        assert owed_steps(stack) == [OwedStep.DELIVER]
        assert stack.preview().kind is Kind.UPDATE
        assert up(stack, Kind.UPDATE).writes == ("deliver",)
        assert stack.vault.value(HERE_PLACE) == stack.outputs["secret"]
        assert_settled(stack)

    def test_a_newer_version_is_found_and_never_overwritten_unasked(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        write_newer(stack)
        assert "has version 2, not 1" in stack.refresh().said
        assert "takeOver" in failed_up(stack, SecretConflict).said
        assert stack.vault.value(HERE_PLACE) == "theirs"

    def test_a_newer_version_is_mended_with_take_over(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        write_newer(stack)
        stack.refresh()
        stack.edit(vaultSecret={**HERE, "takeOver": True})
        up(stack, Kind.UPDATE)
        assert stack.api.minted == 1
        assert_settled(stack)

    def test_mended_by_hand_it_is_owed_no_more(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        secret = stack.vault.secrets["secret/allomia/here"]
        relabelled, before = replace(secret.stored, key_id="key-of-another"), secret.stored
        secret.stored = relabelled
        stack.refresh()
        secret.stored = before
        stack.refresh()
        assert_settled(stack)

    def test_an_unreachable_vault_is_a_warning_and_keeps_the_state(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        before = stack.resource
        stack.vault.faults["inspect"] = [DOWN]
        outcome = stack.refresh()
        assert "is not known" in outcome.said
        assert stack.resource == before
        assert_settled(stack)

    def test_a_copy_that_is_nowhere_else_is_replaced_by_a_trigger(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h", secretInState=False)
        remove_version(stack)
        stack.refresh()
        outcome = stack.up()
        assert outcome.failure is not None
        assert "replace" in outcome.said
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_a_copy_that_is_nowhere_else_has_a_way_out_without_triggers(self) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=False, rotationTriggers=None)
        remove_version(stack)
        stack.refresh()
        assert "pulumi up --target-replace" in stack.up().said
        assert stack.target_replace().failure is None
        assert_settled(stack)

    def test_a_place_removed_while_a_delivery_is_owed_is_not_written_to(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        remove_secret(stack)
        stack.refresh()
        stack.edit(vaultSecret=None)
        assert up(stack, Kind.UPDATE).writes == ()
        assert_settled(stack)

    def test_a_place_removed_because_vault_is_gone_needs_no_vault(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        remove_secret(stack)
        stack.refresh()
        stack.edit(vaultSecret=None)
        stack.vault.faults["preflight"] = [DOWN]
        up(stack, Kind.UPDATE)
        stack.vault.faults.clear()
        assert_settled(stack)

    def test_a_delivery_that_fails_again_stays_owed(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        remove_secret(stack)
        stack.refresh()
        stack.vault.faults["deliver"] = [DOWN]
        failed_up(stack, Unavailable)
        assert owed_steps(stack) == [OwedStep.DELIVER]
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("in_state", [True, False])
    def test_g2_a_replacement_never_destroys_the_new_keys_copy(self, *, in_state: bool) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=in_state)
        remove_secret(stack)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.REPLACE)
        assert stack.outputs["vaultSecretVersion"] == 1
        assert stack.vault.value(HERE_PLACE) == stack.alive["key-2"].key.get_secret_value()

    def test_a_copy_that_began_anew_is_withdrawn_by_a_destroy(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        stack.edit(overlap=None, rotationTriggers=THREE)
        up(stack, Kind.REPLACE)
        remove_secret(stack)
        stack.refresh()
        up(stack, Kind.UPDATE)
        versions = stack.vault.secrets["secret/allomia/here"].versions
        assert stack.destroy().failure is None
        assert set(versions.values()) == {None}

    def test_a_version_that_was_taken_over_is_not_ours_to_destroy(self) -> None:
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        write_newer(stack)
        stack.edit(vaultSecret={**HERE, "takeOver": True}, rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        versions = stack.vault.secrets["secret/allomia/here"].versions
        assert stack.destroy().failure is None
        assert versions == {1: None, 2: "theirs", 3: None}


class TestSecretOutOfState:
    def test_the_secret_is_in_no_output_ever(self) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=False, overlap="1h", rotateAfter="90d")
        seen = [stack.outputs]
        for change in ({"rotationTriggers": TWO}, {"tenantKeyRef": "secret/other/tenant#key"}, {"vaultSecret": THERE}):
            stack.edit(**change)
            up(stack, Kind.UPDATE)
            stack.refresh()
            seen.append(stack.outputs)
        stack.clock.advance(HOUR)
        up(stack, Kind.UPDATE)
        seen.append(stack.outputs)
        for outputs in seen:
            assert "alm_org_" not in str(outputs)
            assert not {"secret", "previousSecret"} & set(outputs)
            assert len(outputs["secretFingerprint"]) == 12
        assert_settled(stack)

    def test_switched_off_it_leaves_the_state(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        stack.edit(secretInState=False)
        assert up(stack, Kind.UPDATE).writes == ()
        assert "alm_org_" not in str(stack.outputs)
        assert_settled(stack)

    def test_switched_off_with_a_first_place_it_is_delivered_first(self) -> None:
        stack = stack_with()
        stack.edit(secretInState=False, vaultSecret=HERE)
        stack.vault.faults["deliver"] = [DOWN]
        failed_up(stack, Unavailable)
        assert "secret" in stack.outputs
        up(stack, Kind.UPDATE)
        assert "secret" not in stack.outputs
        assert_settled(stack)

    @pytest.mark.parametrize("place", [None, HERE])
    def test_g2_switched_off_with_a_rotation_that_fails_it_is_not_lost(self, place: dict[str, str] | None) -> None:
        stack = stack_with(overlap="1h", vaultSecret=place)
        stack.edit(secretInState=False, vaultSecret=THERE, rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        stack.up()
        current = stack.alive[stack.state.key_id].key
        copies = {stack.vault.value(HERE_PLACE), stack.vault.value(THERE_PLACE), stack.outputs.get("secret")}
        assert current.get_secret_value() in copies
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_g2_switched_off_while_its_copy_is_gone_and_a_rotation_fails_it_is_not_lost(self) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        remove_secret(stack)
        stack.refresh()
        stack.edit(secretInState=False, rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        stack.up()
        current = stack.alive[stack.state.key_id].key
        assert current.get_secret_value() in {stack.vault.value(HERE_PLACE), stack.outputs.get("secret")}
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("place", [HERE, THERE, None])
    def test_switched_on_it_comes_from_vault(self, place: dict[str, str] | None) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=False)
        stack.edit(secretInState=None, vaultSecret=place)
        outcome = up(stack, Kind.UPDATE)
        assert "fetch" in outcome.calls
        assert stack.outputs["secret"] == stack.alive["key-1"].key.get_secret_value()
        assert_settled(stack)

    @pytest.mark.parametrize("value", ["alm_org_of_another", None])
    def test_switched_on_it_is_checked(self, value: str | None) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=False)
        stack.vault.secrets["secret/allomia/here"].versions[1] = value
        stack.edit(secretInState=True)
        before = stack.resource
        outcome = stack.up()
        assert outcome.failure is not None
        assert "replace" in outcome.said
        assert "alm_org_of_another" not in outcome.said
        assert stack.resource == before

    def test_switched_on_with_a_rotation_it_is_the_new_keys(self) -> None:
        stack = stack_with(vaultSecret=HERE, secretInState=False, overlap="1h")
        stack.edit(secretInState=None, rotationTriggers=TWO)
        assert "fetch" not in up(stack, Kind.UPDATE).calls
        assert_settled(stack)


class TestHalfFinished:
    """What fails, in which state it leaves keys, and how the next run goes on."""

    @pytest.mark.parametrize("fault", ["deliver", "after deliver"])
    @pytest.mark.parametrize("in_state", [True, False])
    def test_a_rotation_that_cannot_be_delivered_is_undone(self, fault: str, *, in_state: bool) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE, secretInState=in_state)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults[fault] = [DOWN]
        outcome = failed_up(stack, Unavailable)
        assert "the key was revoked" in outcome.said
        assert list(stack.alive) == ["key-1"]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    @pytest.mark.parametrize("fault", ["deliver", "after deliver"])
    def test_a_first_key_that_cannot_be_delivered_is_undone(self, fault: str) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.faults[fault] = [DOWN]
        failed_up(stack, Unavailable)
        assert stack.alive == {}
        up(stack, Kind.CREATE)
        assert_settled(stack)

    @pytest.mark.parametrize("fault", ["deliver", "after deliver"])
    def test_neither_delivered_nor_revoked_it_is_handed_over_in_state(self, fault: str) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults[fault] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        outcome = up(stack, Kind.UPDATE)
        assert "still owed: deliver" in outcome.said
        assert stack.outputs["keyId"] == "key-2"
        assert stack.outputs["secret"] == stack.alive["key-2"].key.get_secret_value()
        assert owed_steps(stack) == [OwedStep.DELIVER]
        assert stack.outputs["nextActionAt"] == "2026-11-25T12:00:00Z"
        assert "alm_org_" not in str(stack.outputs["pending"])
        assert up(stack, Kind.UPDATE).writes == ("deliver",)
        assert stack.api.minted == 2
        assert_settled(stack)

    @pytest.mark.parametrize("overlap", ["1h", None])
    def test_g2_a_key_whose_revocation_is_uncertain_is_not_handed_over_dead(self, overlap: str | None) -> None:
        stack = stack_with(overlap=overlap, vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["after revoke"] = [DOWN]
        stack.up()
        assert stack.outputs["keyId"] in stack.alive
        up(stack, Kind.UPDATE if overlap else Kind.REPLACE)
        assert_settled(stack)

    @pytest.mark.parametrize("change", [{"rotationTriggers": TWO}, {"name": "other"}, {"rotateAfter": "2h"}])
    def test_g1_while_a_key_is_owed_its_end_no_further_key_is_made(self, change: dict[str, Any]) -> None:
        stack = stack_with(overlap="1h")
        left = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        stack.edit_outputs(pending=owing(OwedStep.REVOKE, left.id))
        stack.clock.advance(2 * HOUR)
        stack.edit(**change)
        for _ in range(4):
            stack.api.faults["revoke"] = [AccessDenied("403")] * 9
            stack.api.faults["prove"] = [CredentialRejected("401")] * 4
            stack.up()
            assert set(stack.alive) == {"key-1", left.id}
        stack.api.faults.clear()
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    def test_neither_delivered_nor_revoked_and_out_of_state_it_is_owed_its_end(self) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE, secretInState=False)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        outcome = up(stack, Kind.UPDATE)
        assert "key-2" in outcome.said
        assert stack.outputs["keyId"] == "key-1"
        assert owed_steps(stack) == [OwedStep.REVOKE]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    def test_an_unproved_key_is_undone(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit(rotationTriggers=TWO)
        stack.api.faults["prove"] = [CredentialRejected("401")] * 4
        assert "does not accept it; the key was revoked" in failed_up(stack, CredentialRejected).said
        assert list(stack.alive) == ["key-1"]
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    @pytest.mark.parametrize("in_state", [True, False])
    def test_neither_proved_nor_revoked_it_is_owed_its_end(self, *, in_state: bool) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE, secretInState=in_state)
        stack.edit(rotationTriggers=TWO)
        stack.api.faults["prove"] = [CredentialRejected("401")] * 4
        stack.api.faults["revoke"] = [DOWN]
        up(stack, Kind.UPDATE)
        assert stack.outputs["keyId"] == "key-1"
        assert [(owed.step, owed.key_id) for owed in stack.state.pending] == [(OwedStep.REVOKE, "key-2")]
        assert stack.vault.value(HERE_PLACE) == stack.alive["key-1"].key.get_secret_value()
        assert "an earlier run left something to do" in stack.preview().said
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    def test_a_lost_answer_whose_key_cannot_be_revoked_is_owed_its_end(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit(rotationTriggers=TWO)
        stack.api.faults["after mint"] = [OutcomeUnknown("the answer was lost")]
        stack.api.faults["revoke"] = [DOWN]
        up(stack, Kind.UPDATE)
        assert [(owed.step, owed.key_id) for owed in stack.state.pending] == [(OwedStep.REVOKE, "key-2")]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    def test_a_lost_answer_is_settled_within_the_run(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit(rotationTriggers=TWO)
        stack.api.faults["after mint"] = [OutcomeUnknown("the answer was lost")]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-3"}
        assert_settled(stack)

    def test_what_is_owed_stays_owed_until_it_is_done(self) -> None:
        stack = stack_with(overlap="1h")
        left = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        stack.edit_outputs(pending=owing(OwedStep.REVOKE, left.id))
        stack.api.faults["revoke"] = [DOWN]
        outcome = up(stack, Kind.UPDATE)
        assert "still owed: revoke" in outcome.said
        assert owed_steps(stack) == [OwedStep.REVOKE]
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_what_is_owed_and_done_by_hand_counts_as_done(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit_outputs(pending=owing(OwedStep.REVOKE, "key-9"))
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_a_rotation_that_fails_after_a_retirement_is_half_done_and_goes_on(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        stack.edit(rotationTriggers=THREE)
        stack.api.faults["mint"] = [AccessDenied("403")]
        outcome = up(stack, Kind.UPDATE)
        assert "half done" in outcome.said
        assert list(stack.alive) == ["key-2"]
        assert "previousKeyId" not in stack.outputs
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-2", "key-3"}
        assert_settled(stack)

    @pytest.mark.parametrize("faults", [{"mint": [AccessDenied("403")]}, {"prove": [CredentialRejected("401")] * 4}])
    def test_a_replacement_that_fails_keeps_the_old_key(self, faults: dict[str, list[Any]]) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.api.faults.update(faults)
        assert stack.up().failure is not None
        assert list(stack.alive) == ["key-1"]
        assert stack.outputs["keyId"] == "key-1"
        up(stack, Kind.REPLACE)
        assert_settled(stack)

    def test_g2_a_replacement_that_can_neither_be_delivered_nor_revoked_is_named(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        outcome = stack.up()
        assert isinstance(outcome.failure, KeyLeftBehind)
        assert "allomia revoke org key-2" in outcome.said
        assert stack.outputs["keyId"] == "key-1"
        assert "key-2" in stack.refresh().said

    def test_an_update_without_a_plan_rotates_nothing(self) -> None:
        stack = stack_with(overlap="1h")
        assert stack.resource is not None
        inputs = {**stack.resource.inputs, "rotationTriggers": TWO}
        stack.keys.update(stack.resource.id, stack.outputs, inputs, IDENTITY, stack.listener)
        assert stack.api.minted == 1

    def test_an_update_follows_the_moment_of_its_diff(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="90d")
        assert stack.resource is not None
        stack.edit(verify=False)
        inputs = {**stack.resource.inputs, **stack.program}
        pulumi_id, outputs = stack.resource.id, stack.outputs
        stack.clock.advance(90 * DAY - 1)
        assert stack.keys.diff(pulumi_id, outputs, inputs, IDENTITY, stack.listener).has_changes
        stack.clock.advance(2)
        stack.keys.update(pulumi_id, outputs, inputs, IDENTITY, stack.listener)
        assert stack.api.minted == 1


class TestDelete:
    def test_it_ends_every_key_and_then_clears_vault(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        left = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        stack.edit_outputs(pending=owing(OwedStep.REVOKE, left.id))
        ended: list[str] = []
        revoke = stack.api.revoke_key

        def note(organization_id: str, key_id: str) -> bool:
            ended.append(key_id)
            return revoke(organization_id, key_id)

        stack.api.revoke_key = note  # type: ignore[method-assign]
        outcome = stack.destroy()
        assert outcome.failure is None
        assert ended == ["key-1", "key-2", left.id]
        assert outcome.calls == ("revoke", "revoke", "revoke", "inspect", "withdraw")
        assert stack.alive == {}
        assert stack.vault.secrets == {}

    def test_a_replacement_withdraws_the_old_version_only(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.REPLACE)
        secret = stack.vault.secrets["secret/allomia/here"]
        assert secret.versions == {1: None, 2: stack.outputs["secret"]}
        assert secret.stored.key_id == "key-2"

    def test_all_versions_of_rotations_in_place_are_withdrawn(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        versions = stack.vault.secrets["secret/allomia/here"].versions
        assert stack.destroy().failure is None
        assert versions == {1: None, 2: None}

    def test_while_a_delivery_is_owed_the_versions_before_are_withdrawn(self) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [DOWN]
        stack.api.faults["revoke"] = [DOWN]
        up(stack, Kind.UPDATE)
        versions = stack.vault.secrets["secret/allomia/here"].versions
        assert stack.destroy().failure is None
        assert versions == {1: None}

    def test_versions_before_the_first_of_ours_are_left(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": {**HERE, "takeOver": True}})
        stack.vault.write(HERE_PLACE, "theirs")
        up(stack, Kind.CREATE)
        versions = stack.vault.secrets["secret/allomia/here"].versions
        assert stack.destroy().failure is None
        assert versions == {1: "theirs", 2: None}

    def test_a_secret_that_was_there_before_stays(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.prepare(HERE_PLACE)
        for version in (1, 2):
            up(stack, Kind.CREATE)
            assert stack.state.record.has_made_place is False
            outcome = stack.destroy()
            assert (outcome.failure, outcome.said) == (None, "")
            assert stack.vault.secrets["secret/allomia/here"].versions[version] is None

    @pytest.mark.parametrize("rotation", [{}, {"overlap": "1h"}])
    def test_a_secret_that_a_key_made_goes_whole_after_rotations(self, rotation: dict[str, str]) -> None:
        stack = stack_with(vaultSecret=HERE, **rotation)
        for triggers in (TWO, THREE):
            stack.edit(rotationTriggers=triggers)
            stack.clock.advance(2 * HOUR)
            up(stack, Kind.UPDATE if rotation else Kind.REPLACE)
            assert stack.state.record.has_made_place is True
        assert stack.destroy().failure is None
        assert stack.vault.secrets == {}

    def test_a_first_delivery_that_nobody_answered_made_the_secret_too(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit(vaultSecret=HERE, rotationTriggers=TWO)
        stack.vault.faults["after deliver"] = [OutcomeUnknown("the answer was lost")]
        for _ in range(2):
            up(stack, Kind.UPDATE)
            assert stack.state.record.has_made_place is True
        assert_settled(stack)

    def test_a_secret_that_began_anew_is_not_what_was_made(self) -> None:
        stack = stack_with(vaultSecret={**HERE, "takeOver": True}, overlap="1h")
        remove_secret(stack)
        stack.vault.prepare(HERE_PLACE)
        stack.refresh()
        up(stack, Kind.UPDATE)
        assert stack.state.record.has_made_place is False

    def test_a_removed_place_is_not_asked(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.edit(vaultSecret=None)
        up(stack, Kind.UPDATE)
        assert stack.destroy().calls == ("revoke",)

    @pytest.mark.parametrize("good", [0, 1])
    def test_g7_stopped_anywhere_it_can_be_repeated(self, good: int) -> None:
        stack = overlapping(vaultSecret=HERE)
        stack.api.faults["revoke"] = [*[lambda: None] * good, DOWN]
        outcome = stack.destroy()
        assert f"allomia revoke org key-{good + 1}" in outcome.said
        assert "withdraw" not in outcome.calls
        assert stack.destroy().failure is None
        assert stack.alive == {}
        assert stack.vault.secrets == {}

    def test_g7_a_vault_that_fails_keeps_the_state(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.vault.faults["withdraw"] = [DOWN]
        assert stack.destroy().failure is DOWN
        assert stack.destroy().failure is None
        assert stack.vault.secrets == {}


class TestSlots:
    def test_a_retirement_frees_the_slot_for_the_rotation_of_the_same_update(self) -> None:
        stack = overlapping()
        for number in range(3):
            stack.api.make(ORGANIZATION, f"by hand {number}")
        stack.clock.advance(HOUR)
        stack.edit(rotationTriggers=THREE)
        outcome = up(stack, Kind.UPDATE)
        assert outcome.writes == ("revoke", "mint")
        assert outcome.warnings == ()
        assert_settled(stack)

    def test_a_retirement_that_fails_frees_nothing(self) -> None:
        stack = overlapping()
        for number in range(3):
            stack.api.make(ORGANIZATION, f"by hand {number}")
        stack.clock.advance(HOUR)
        stack.edit(rotationTriggers=THREE)
        stack.api.faults["revoke"] = [DOWN]
        stack.up()
        assert stack.outputs["keyId"] == "key-2"
        assert stack.outputs["previousKeyId"] == "key-1"
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_in_a_full_organization_the_rotation_waits_and_the_rest_is_done(self) -> None:
        stack = stack_with(overlap="1h")
        others = [stack.api.make(ORGANIZATION, f"by hand {number}") for number in range(4)]
        stack.edit(rotationTriggers=TWO, vaultSecret=HERE)
        outcome = up(stack, Kind.UPDATE)
        assert outcome.writes == ("deliver",)
        assert any("waits for a free slot" in warning and "key-1" in warning for warning in outcome.warnings)
        assert up(stack, Kind.SAME).writes == ()
        del stack.api.keys[ORGANIZATION][others[0].id]
        up(stack, Kind.UPDATE)
        assert stack.outputs["keyId"] == "key-6"
        assert_settled(stack)

    def test_a_nearly_full_organization_rotates_over_the_runs(self) -> None:
        stacks = [
            Stack({"organizationId": ORGANIZATION, "rotateAfter": "1d", "overlap": "1h"}, identity=named(number))
            for number in range(4)
        ]
        api = stacks[0].api
        for stack in stacks:
            stack.api = stack.tenants.api = api
        runs, most = [one_run(stacks)], 0
        api.clock.advance(DAY)
        while any(stack.outputs["rotationReason"] == "created" for stack in stacks):
            runs.append(one_run(stacks))
            most = max(most, len(api.keys[ORGANIZATION]))
            api.clock.advance(HOUR)
        assert most == 5
        assert len(runs) <= 5
        assert api.minted == 8
        assert all(outcome.failure is None for run in runs for outcome in run)
        waits = [sum("waits for a free slot" in outcome.said for outcome in run) for run in runs[1:]]
        assert waits == [3, 2, 1, 0]


def named(number: int) -> Identity:
    return IDENTITY.model_copy(update={"name": f"key-{number}"})


def one_run(stacks: list[Stack]) -> list[Outcome]:
    """Run one program with several keys: one process serves them all."""
    stacks[0].restart()
    outcomes = []
    for stack in stacks:
        stack.keys = stacks[0].keys
        outcomes.append(stack.up(restarts=False))
    return outcomes


class TestVerify:
    def test_switched_off_no_key_is_proved(self) -> None:
        stack = stack_with(overlap="1h", verify=False)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        stack.edit(rotationTriggers=THREE, overlap=None)
        up(stack, Kind.REPLACE)
        assert "prove" not in stack.api.calls
        assert_settled(stack)

    def test_switched_on_the_next_key_is_proved(self) -> None:
        stack = stack_with(overlap="1h", verify=False)
        stack.edit(verify=None)
        up(stack, Kind.UPDATE)
        assert "prove" not in stack.api.calls
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        assert stack.api.calls.count("prove") == 1


SECOND_TENANT = "secret/second/tenant#api_key"


@dataclass
class TwoTenants(FakeTenants):
    """Two AlloMias: the configured one, and one for every per-key reference."""

    second: FakeAllomia = field(kw_only=True)

    def open(self, reference: VaultReference | None) -> FakeAllomia:
        return self.api if reference is None else self.second


class TestTwoTenants:
    @pytest.fixture
    def stack(self) -> Stack:
        stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": ONE, "overlap": "1h"})
        stack.edit(tenantKeyRef=SECOND_TENANT)
        second = FakeAllomia(stack.clock, keys={ORGANIZATION: {}})
        stack.tenants = TwoTenants(stack.api, second=second)
        return stack

    def second(self, stack: Stack) -> FakeAllomia:
        assert isinstance(stack.tenants, TwoTenants)
        return stack.tenants.second

    def test_every_step_of_a_key_uses_its_own_tenant(self, stack: Stack) -> None:
        up(stack, Kind.CREATE)
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.UPDATE)
        assert stack.refresh().failure is None
        stack.clock.advance(HOUR)
        up(stack, Kind.UPDATE)
        assert stack.destroy().failure is None
        assert stack.api.calls == []
        assert self.second(stack).minted == 2
        assert self.second(stack).keys == {ORGANIZATION: {}}

    def test_another_reference_is_recorded_and_moves_no_key(self, stack: Stack) -> None:
        up(stack, Kind.CREATE)
        calls = self.second(stack).calls
        calls.clear()
        stack.edit(tenantKeyRef="secret/renewed/tenant#api_key")
        up(stack, Kind.UPDATE)
        assert "mint" not in calls
        assert stack.state.record.settings.tenant_key_ref == "secret/renewed/tenant#api_key"
        assert up(stack, Kind.SAME).calls == ()


class TestOlderRecords:
    NEWER_OUTPUTS = ("rotateAt", "nextActionAt", "pending", "vaultSecretVersion")
    OLDER_SETTINGS = ("organizationId", "name", "tenantKeyRef")

    @pytest.fixture
    def stack(self) -> Stack:
        stack = stack_with()
        record = stack.outputs["record"]
        settings = {name: item for name, item in record["settings"].items() if name in self.OLDER_SETTINGS}
        older = {name: record[name] for name in ("stateVersion", "identity", "owner")}
        stack.edit_outputs(record={**older, "settings": settings}, **dict.fromkeys(self.NEWER_OUTPUTS))
        return stack

    def test_they_are_no_difference(self, stack: Stack) -> None:
        assert_settled(stack)
        assert stack.refresh().failure is None
        assert_settled(stack)

    def test_they_take_up_the_new_inputs(self, stack: Stack) -> None:
        stack.edit(overlap="1h", rotateAfter="90d", vaultSecret=HERE, secretInState=False)
        assert up(stack, Kind.UPDATE).writes == ("deliver",)
        assert_settled(stack)
        stack.clock.advance(90 * DAY)
        up(stack, Kind.UPDATE)
        assert stack.outputs["previousKeyId"] == "key-1"
        assert_settled(stack)

    def test_they_can_be_replaced_and_destroyed(self, stack: Stack) -> None:
        stack.edit(rotationTriggers=TWO)
        up(stack, Kind.REPLACE)
        assert_settled(stack)
        assert stack.destroy().failure is None
        assert stack.alive == {}

    def test_triggers_that_were_never_recorded_do_not_rotate(self, stack: Stack) -> None:
        stack.edit_outputs(triggersHash=None)
        up(stack, Kind.UPDATE)
        assert stack.api.minted == 1
        assert_settled(stack)


class TestReviewed:
    """What a review on the real engine and a real OpenBao found."""

    def test_g2_a_secret_leaves_the_state_only_when_vault_has_it(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        remove_version(stack)
        stack.edit(secretInState=False)
        up(stack, Kind.UPDATE)
        assert stack.vault.value(HERE_PLACE) == stack.alive["key-1"].key.get_secret_value()
        assert "secret" not in stack.outputs
        assert_settled(stack)

    def test_destroy_leaves_what_somebody_else_wrote_after_a_new_beginning(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        remove_secret(stack)
        stack.vault.write(HERE_PLACE, "theirs")
        stack.vault.write(HERE_PLACE, "theirs too")
        outcome = stack.destroy()
        assert outcome.failure is None
        assert "was not touched" in outcome.said
        assert set(stack.vault.secrets["secret/allomia/here"].versions.values()) == {"theirs", "theirs too"}

    def test_a_vault_out_of_reach_holds_up_no_retirement(self) -> None:
        stack = overlapping(vaultSecret=HERE)
        remove_version(stack)
        stack.refresh()
        stack.clock.advance(HOUR)
        stack.vault.faults["preflight"] = [DOWN]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-2"}
        assert stack.state.pending
        up(stack, Kind.UPDATE)
        assert_settled(stack)

    def test_g2_a_key_that_vault_may_hold_is_not_revoked_under_its_readers(self) -> None:
        stack = stack_with(overlap="1h", vaultSecret=HERE)
        stack.edit(rotationTriggers=TWO)
        stack.vault.faults["deliver"] = [OutcomeUnknown("the answer was lost")]
        up(stack, Kind.UPDATE)
        assert set(stack.alive) == {"key-1", "key-2"}
        assert "nobody holds it" not in str(stack.outputs["pending"])
        up(stack, Kind.UPDATE)
        assert stack.api.minted == 2
        assert_settled(stack)

    def test_g1_an_update_names_strays(self) -> None:
        stack = stack_with(overlap="1h")
        stray = stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", LINEAGE).name("ehr"))
        stack.edit(verify=False)
        assert any(stray.id in warning for warning in up(stack, Kind.UPDATE).warnings)

    def test_half_done_there_is_something_to_do_at_once(self) -> None:
        stack = overlapping(rotateAfter="90d")
        stack.clock.advance(HOUR)
        stack.edit(rotationTriggers=THREE)
        stack.api.faults["mint"] = [AccessDenied("403")]
        assert "half done" in up(stack, Kind.UPDATE).said
        assert stack.outputs["nextActionAt"] == "2026-11-25T13:00:00Z"
