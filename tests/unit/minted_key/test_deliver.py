"""An update delivers to Vault, follows a place that moved, and mends what drifted there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    SecretConflict,
    SetupError,
    Unavailable,
)
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Stack
from tests.unit.minted_key.scenes import (
    DOWN,
    HERE,
    HERE_PLACE,
    ONE,
    THERE,
    THERE_PLACE,
    THREE,
    TWO,
    assert_settled,
    failed_up,
    overlapping,
    owed_steps,
    relabel,
    remove_secret,
    remove_version,
    stack_with,
    up,
    write_newer,
)


class TestDelivery:
    @pytest.mark.catalogue(37)
    def test_a_first_key_is_looked_at_before_it_is_minted(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.faults["preflight"] = [DOWN, DOWN]
        outcome = stack.up()
        assert isinstance(outcome.failure, Unavailable)
        assert "`pulumi up` will fail unless that has passed by then" in outcome.said
        assert outcome.writes == ()
        up(stack, Kind.CREATE)
        assert stack.outputs["vaultSecretVersion"] == 1
        assert stack.vault.value(HERE_PLACE) == stack.outputs["secret"]
        assert_settled(stack)

    def test_a_denied_delivery_is_shown_before_a_first_key(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        stack.vault.faults["preflight"] = [AccessDenied("the token may not write there", "Add it to its policy.")]
        outcome = stack.preview()
        (warning,) = outcome.warnings
        assert warning == (
            "the token may not write there; `pulumi up` will fail unless it runs with a credential that may. Add it to "
            "its policy."
        )
        assert outcome.failure is None

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


class TestDrift:
    @pytest.mark.catalogue(43)
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
