"""An update goes on where the last one stopped: what is owed is done, and a secret is never lost on the way."""

from typing import Any

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    AccessDenied,
    CredentialRejected,
    KeyLeftBehind,
    OutcomeUnknown,
    Unavailable,
)
from tests.fakes import LINEAGE
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Stack, owing
from tests.unit.minted_key.scenes import (
    DAY,
    DOWN,
    HERE,
    HERE_PLACE,
    HOUR,
    THERE,
    THERE_PLACE,
    THREE,
    TWO,
    assert_settled,
    failed_up,
    overlapping,
    owed_steps,
    remove_secret,
    remove_version,
    stack_with,
    up,
)


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

    @pytest.mark.catalogue(45)
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
        stack.keys.update(stack.outputs, inputs, Call(IDENTITY, stack.listener, stack.resource.id))
        assert stack.api.minted == 1

    @pytest.mark.catalogue(32)
    def test_an_update_follows_the_moment_of_its_diff(self) -> None:
        stack = stack_with(overlap="1h", rotateAfter="90d")
        assert stack.resource is not None
        stack.edit(verify=False)
        inputs = {**stack.resource.inputs, **stack.program}
        pulumi_id, outputs = stack.resource.id, stack.outputs
        stack.clock.advance(90 * DAY - 1)
        assert stack.keys.diff(outputs, inputs, Call(IDENTITY, stack.listener, pulumi_id)).has_changes
        stack.clock.advance(2)
        stack.keys.update(outputs, inputs, Call(IDENTITY, stack.listener, pulumi_id))
        assert stack.api.minted == 1


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
