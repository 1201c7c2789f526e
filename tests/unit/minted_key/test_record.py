"""An update records what needs no call: another tenant's reference, and what older states lack."""

from dataclasses import dataclass, field

import pytest

from allomia_pulumi.ground.references import VaultReference
from tests.fakes import FakeAllomia, FakeTenants
from tests.stacks import ORGANIZATION, Kind, Stack
from tests.unit.minted_key.scenes import DAY, HERE, HOUR, ONE, TWO, assert_settled, stack_with, up

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

    @pytest.mark.catalogue(51)
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

    @pytest.mark.catalogue(52)
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

    @pytest.mark.catalogue(52)
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
