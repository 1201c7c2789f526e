"""An update rotates in place: the reasons, the preview, the proof and the slot that it takes."""

from typing import Any

import pytest

from allomia_pulumi.core.identity import Identity
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Outcome, Stack
from tests.unit.minted_key.scenes import DAY, DOWN, HERE, HOUR, THREE, TWO, assert_settled, overlapping, stack_with, up


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

    @pytest.mark.catalogue(32)
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

    @pytest.mark.catalogue(35)
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
