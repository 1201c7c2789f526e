"""An update ends the predecessor after its overlap, and a key that somebody revoked by hand."""

from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    SetupError,
    UnexpectedAnswer,
)
from tests.fakes import LINEAGE
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Outcome, owing
from tests.unit.minted_key.scenes import (
    DAY,
    DOWN,
    HERE,
    HERE_PLACE,
    HOUR,
    THERE,
    THREE,
    TWO,
    assert_settled,
    failed_up,
    overlapping,
    owed_steps,
    stack_with,
    up,
)


class TestOverlap:
    @pytest.mark.catalogue(97)
    def test_the_first_up_after_it_retires_the_predecessor(self) -> None:
        stack = overlapping()
        stack.clock.advance(HOUR)
        outcome = up(stack, Kind.UPDATE)
        assert (sorted(outcome.calls[:2]), outcome.calls[2:]) == (["get", "list"], ("revoke",))
        assert f"key key-1 of organization {ORGANIZATION} is revoked: its overlap is over" in outcome.infos
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

    @pytest.mark.catalogue(31)
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

    @pytest.mark.catalogue(31)
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
        calls = up(stack, Kind.UPDATE).calls
        assert (sorted(calls[:2]), calls[2:]) == (["get", "list"], ("revoke", "list", "get", "organization"))
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
