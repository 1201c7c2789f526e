"""A deletion ends every key and clears Vault, and can be repeated wherever it stopped."""

import pytest

from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    OutcomeUnknown,
)
from tests.fakes import LINEAGE
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Stack, owing
from tests.unit.minted_key.scenes import (
    DOWN,
    HERE,
    HERE_PLACE,
    HOUR,
    THREE,
    TWO,
    assert_settled,
    overlapping,
    remove_secret,
    stack_with,
    up,
)


class TestDelete:
    @pytest.mark.catalogue(97)
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
        assert outcome.infos == tuple(f"key {key_id} of organization {ORGANIZATION} is revoked" for key_id in ended)
        assert stack.alive == {}
        assert stack.vault.secrets == {}

    @pytest.mark.catalogue(97)
    def test_a_key_that_was_gone_is_not_called_revoked(self) -> None:
        stack = stack_with()
        stack.api.keys[ORGANIZATION].clear()
        assert stack.destroy().infos == (f"key key-1 of organization {ORGANIZATION} was gone already",)

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
            assert (outcome.failure, outcome.warnings) == (None, ())
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

    @pytest.mark.catalogue(48)
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

    @pytest.mark.catalogue(48)
    def test_g7_a_vault_that_fails_keeps_the_state(self) -> None:
        stack = stack_with(vaultSecret=HERE)
        stack.vault.faults["withdraw"] = [DOWN]
        assert stack.destroy().failure is DOWN
        assert stack.destroy().failure is None
        assert stack.vault.secrets == {}
