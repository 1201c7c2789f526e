"""A key that is deleted before its successor is made: it is only revoked if that can be made."""

from __future__ import annotations

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.errors import CredentialRejected, OrganizationFull, SecretConflict
from tests.fakes import Listener
from tests.stacks import IDENTITY, ORGANIZATION, Stack

OTHERS = VaultLocation(mount="secret", path="others/key", field="api_key")
DELIVERED = {"vaultSecret": {"mount": OTHERS.mount, "path": OTHERS.path, "field": OTHERS.field}}


def check(stack: Stack) -> dict[str, object]:
    """Check as the plugin does, which asks in a preview what creations would come to, and not in check."""
    checked = stack.keys.check({}, stack.program, Call(IDENTITY, Listener(), is_foreseen=True))
    assert checked.failures == ()
    return checked.inputs


@pytest.fixture
def stack() -> Stack:
    """Return a stack with a key, in a new process."""
    stack = Stack({"organizationId": ORGANIZATION})
    assert stack.up().failure is None
    stack.restart()
    return stack


@pytest.mark.catalogue(138)
def test_g1_one_whose_successor_may_not_be_delivered_stays(stack: Stack) -> None:
    stack.vault.write(OTHERS, "somebody else's")
    stack.edit(**DELIVERED)
    check(stack)
    with pytest.raises(SecretConflict, match=f"key {stack.state.key_id} was not revoked, since the one"):
        stack.keys.delete(stack.outputs, stack.listener)
    assert set(stack.alive) == {stack.state.key_id}


@pytest.mark.catalogue(138)
def test_g1_one_whose_successor_has_no_valid_tenant_key_stays(stack: Stack) -> None:
    check(stack)
    # The list that check has asked for may have come, or still be on its way.
    stack.clock.advance(60)
    stack.api.faults["list"] = [CredentialRejected("AlloMia does not accept the key").as_said_by("AlloMia")] * 2
    with pytest.raises(CredentialRejected):
        stack.keys.delete(stack.outputs, stack.listener)
    assert set(stack.alive) == {stack.state.key_id}


@pytest.mark.catalogue(138)
def test_g1_one_that_moves_to_a_full_organization_stays(stack: Stack) -> None:
    stack.api.keys["full"] = {}
    for number in range(5):
        stack.api.make("full", f"by hand {number}")
    stack.edit(organizationId="full")
    check(stack)
    with pytest.raises(OrganizationFull):
        stack.keys.delete(stack.outputs, stack.listener)
    assert set(stack.alive) == {stack.state.key_id}


def test_the_slot_that_it_frees_is_its_successors(stack: Stack) -> None:
    while len(stack.api.keys[ORGANIZATION]) < 5:
        stack.api.make(ORGANIZATION, "by hand")
    inputs = check(stack)
    stack.keys.delete(stack.outputs, stack.listener)
    _, state = stack.keys.create(inputs, Call(IDENTITY, Listener()))
    assert set(stack.alive) == {state.key_id}


def test_one_that_is_deleted_after_its_successor_was_made_costs_no_further_look(stack: Stack) -> None:
    stack.keys.create(check(stack), Call(IDENTITY, Listener()))
    with stack.recorded() as calls:
        stack.keys.delete(stack.outputs, stack.listener)
    assert "list" not in calls
    assert len(stack.alive) == 1
