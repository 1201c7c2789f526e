"""Evidence that lies, is missing or was edited: none of it ends a key in use, or what others have in Vault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import AllomiaError, CredentialRejected, KeyLeftBehind, OutcomeUnknown, Unavailable
from tests.fakes import LINEAGE, FakeKey
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Resource, Stack, differences, owing, wire

ONE, TWO, THREE = {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}
HERE = {"mount": "secret", "path": "allomia/here", "field": "api_key"}
PLACE = VaultLocation(**HERE)
OTHER_LINEAGE = "abcdef"
HOUR = 3_600.0

T = TypeVar("T")


def stack_with(**inputs: Any) -> Stack:
    """Return a stack whose key was made."""
    stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": ONE, **inputs})
    assert stack.up().kind is Kind.CREATE
    return stack


def overlapping(**inputs: Any) -> Stack:
    """Return a stack whose key-2 has key-1 as its predecessor for an hour."""
    stack = stack_with(overlap="1h", **inputs)
    stack.edit(rotationTriggers=TWO)
    assert stack.up().kind is Kind.UPDATE
    return stack


def must_serve_readers(stack: Stack) -> None:
    """See that Vault holds a key that AlloMia accepts."""
    assert stack.vault.value(PLACE) in {key.key.get_secret_value() for key in stack.alive.values()}


class TestADeliveryThatNobodyCanTell:
    """Vault wrote the key, and neither the answer nor the metadata came back."""

    @pytest.mark.parametrize("inputs", [{}, {"overlap": "1h", "secretInState": False}], ids=["replaced", "in place"])
    @pytest.mark.parametrize("faults", [[], [Unavailable("503")]], ids=["", "revoking fails too"])
    def test_g2_the_key_is_left_to_the_readers_of_vault_and_named(
        self, inputs: dict[str, Any], faults: list[AllomiaError]
    ) -> None:
        stack = stack_with(vaultSecret=HERE, **inputs)
        stack.vault.faults["after deliver"] = [OutcomeUnknown("the answer was lost")]
        stack.api.faults["revoke"] = [*faults]
        stack.edit(rotationTriggers=TWO)
        outcome = stack.up()
        assert isinstance(outcome.failure, KeyLeftBehind)
        assert "allomia revoke org key-2" in str(outcome.failure)
        assert "revoke" not in outcome.calls
        must_serve_readers(stack)
        stack.vault.faults["preflight"] = [Unavailable("503")]
        stack.up()
        must_serve_readers(stack)
        assert stack.up().failure is None
        must_serve_readers(stack)
        assert stack.state.key_id == "key-3"

    @pytest.mark.parametrize("looking", [[], [Unavailable("503")]], ids=["Vault tells", "Vault does not tell"])
    def test_g2_it_stays_also_when_the_engine_dies(self, looking: list[AllomiaError]) -> None:
        stack, after = self.updated_without_engine("after deliver", OutcomeUnknown("the answer was lost"))
        stack.vault.faults["inspect"] = [*looking]
        stack.keys.abandon(stack.outputs, after, stack.listener)
        must_serve_readers(stack)
        assert "key-2" in stack.alive

    def test_g1_one_that_vault_does_not_have_is_revoked_when_the_engine_dies(self) -> None:
        stack, after = self.updated_without_engine("deliver", OutcomeUnknown("the request was lost"))
        stack.keys.abandon(stack.outputs, after, stack.listener)
        must_serve_readers(stack)
        assert list(stack.alive) == ["key-1"]

    def updated_without_engine(self, operation: str, fault: AllomiaError) -> tuple[Stack, Any]:
        """Rotate in place, and return what the engine was to record."""
        stack = stack_with(vaultSecret=HERE, overlap="1h")
        stack.edit(rotationTriggers=TWO)
        stack.restart()
        assert stack.resource is not None
        inputs = stack._check(stack.resource.inputs)
        stack._diff(stack.resource, inputs)
        stack.vault.faults[operation] = [fault]
        return stack, stack.keys.update(stack.resource.id, stack.outputs, inputs, stack.identity, stack.listener)


def test_g1_a_place_that_others_made_anew_keeps_their_versions() -> None:
    stack = overlapping(vaultSecret=HERE)
    del stack.vault.secrets[f"{PLACE.mount}/{PLACE.path}"]
    for value in ("theirs-1", "theirs-2"):
        stack.vault.write(PLACE, value)
    stack.refresh()
    stack.edit(vaultSecret={**HERE, "takeOver": True})
    assert stack.up().kind is Kind.UPDATE
    assert stack.state.record.vault_versions == (3,)
    assert stack.destroy().failure is None
    assert stack.vault.secrets[f"{PLACE.mount}/{PLACE.path}"].versions == {1: "theirs-1", 2: "theirs-2", 3: None}


def lying(stack: Stack, change: Callable[[FakeKey], FakeKey]) -> None:
    """Let AlloMia say something else of the keys that it makes from now on."""
    make = stack.api.make

    def lie(organization_id: str, name: str) -> FakeKey:
        key = change(make(organization_id, name))
        stack.api.keys[organization_id][key.id] = key
        return key

    stack.api.make = lie  # type: ignore[method-assign]


def test_g1_a_moment_of_another_zone_does_not_cut_an_overlap_short() -> None:
    stack = stack_with(overlap="4h")
    now = stack.clock.now()
    lying(stack, lambda key: replace(key, created_at=now - timedelta(hours=8), answered_at=now))
    stack.edit(rotationTriggers=TWO)
    assert stack.up().kind is Kind.UPDATE
    stack.clock.advance(3 * HOUR)
    assert stack.up().kind is Kind.SAME
    assert "key-1" in stack.alive
    stack.clock.advance(HOUR)
    assert stack.up().kind is Kind.UPDATE
    assert list(stack.alive) == ["key-2"]


def test_g2_a_key_of_another_organization_is_not_handed_over_unproved() -> None:
    stack = Stack({"organizationId": ORGANIZATION, "verify": False})
    lying(stack, lambda key: replace(key, organization_id="another"))
    outcome = stack.up()
    assert "another organization's" in str(outcome.failure)
    assert stack.resource is None
    assert stack.alive == {}


def test_g1_a_predecessor_outlives_a_current_key_that_only_a_lagging_list_has() -> None:
    stack = overlapping()
    gone = stack.api.keys[ORGANIZATION].pop("key-2")
    listed = stack.api.list_keys
    stack.api.list_keys = lambda organization_id: [*listed(organization_id), gone]  # type: ignore[method-assign]
    stack.clock.advance(2 * HOUR)
    assert "contradicts itself" in str(stack.up().failure)
    assert list(stack.alive) == ["key-1"]


def test_g1_a_state_that_was_edited_so_that_the_key_is_its_own_predecessor_ends_nothing() -> None:
    stack = stack_with(overlap="1h")
    stack.edit_outputs(previousKeyId="key-1", previousRevokeAt="2026-01-01T00:00:00Z")
    assert stack.up().writes == ()
    assert differences(stack) == []


def test_g1_a_move_to_another_organization_leaves_a_key_with_anothers_mark_and_names_it() -> None:
    stack = Stack({"organizationId": ORGANIZATION})
    stack.api.keys["elsewhere"] = {}
    theirs = stack.api.make(
        ORGANIZATION, make_mark(Identity(project="other", stack="prod", name="x"), "them", LINEAGE).name("theirs")
    )
    stack.vault.write(PLACE, theirs.key.get_secret_value())
    stack.edit(adopt={"keyId": theirs.id, "vaultSecret": f"{PLACE}"})
    assert stack.up().kind is Kind.CREATE
    stack.edit(adopt=None, organizationId="elsewhere")
    outcome = stack.up()
    assert outcome.kind is Kind.REPLACE
    assert theirs.id in stack.api.keys[ORGANIZATION]
    assert f"allomia revoke {ORGANIZATION} {theirs.id}" in outcome.said


class TestKeysOfTheSameNames:
    """Another person's stack of the same project and name, as long as neither has an owner."""

    def test_g1_an_owner_is_the_way_out_that_the_error_names(self) -> None:
        stack = stack_with(overlap="1h")
        for _ in range(2):
            stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", OTHER_LINEAGE).name("theirs"))
        stack.edit(rotationTriggers=TWO)
        assert "allomia:owner" in str(stack.up().failure)
        stack.tenants.owner = "me"
        outcome = stack.up()
        assert (outcome.failure, outcome.warnings) == (None, ())
        assert stack.state.previous_key_id == "key-1"

    def test_g1_keys_of_its_own_lineage_still_count(self) -> None:
        stack = stack_with(overlap="1h")
        for _ in range(2):
            stack.api.make(ORGANIZATION, make_mark(IDENTITY, "", stack.state.record.lineage or "").name("lost"))
        stack.tenants.owner = "me"
        stack.edit(rotationTriggers=TWO)
        assert "no further key is made" in str(stack.up().failure)

    def test_g5_a_forced_replacement_is_told_how_it_knows_its_keys(self) -> None:
        stack = overlapping()
        assert "--refresh" in str(stack.target_replace().failure)


class TestCallsThatComeAtOnce:
    """The same call twice, the second before the first has ended."""

    def test_g1_two_creations_make_one_key(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION})
        inputs = stack._check({})
        made = at_once(stack, lambda: stack.keys.create(inputs, IDENTITY, stack.listener))
        assert made[0] == made[1]
        assert list(stack.alive) == ["key-1"]

    def test_g1_two_rotations_make_one_key(self) -> None:
        stack = stack_with(overlap="1h")
        stack.edit(rotationTriggers=TWO)
        stack.restart()
        old = stack.resource
        assert old is not None
        inputs = stack._check(old.inputs)
        stack._diff(old, inputs)
        made = at_once(stack, lambda: stack.keys.update(old.id, old.outputs, inputs, IDENTITY, stack.listener))
        assert made[0] == made[1]
        assert list(stack.alive) == ["key-1", "key-2"]


def at_once(stack: Stack, call: Callable[[], T]) -> list[T]:
    """Make a call twice; the first one waits in its mint until the second has had time to overtake it."""
    mint, has_begun = stack.api.mint_key, threading.Event()

    def wait(organization_id: str, name: str) -> FakeKey:
        has_begun.set()
        threading.Event().wait(0.3)
        return mint(organization_id, name)

    stack.api.mint_key = wait  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(call)
        assert has_begun.wait(10)
        second = pool.submit(call)
        return [first.result(10), second.result(10)]


class TestOneProcessForSeveralRuns:
    """A provider that is attached to, or one that is kept: what it remembers is not always what the state has."""

    def test_g1_an_update_with_other_inputs_goes_on_with_the_recorded_key(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION, "vaultSecret": HERE})
        inputs = stack._check({})
        stack.vault.faults["deliver"] = [Unavailable("503")]
        pulumi_id, state = stack.keys.create(inputs, IDENTITY, stack.listener, keeps_unfinished=True)
        stack.resource = Resource(pulumi_id, inputs, wire(state))
        stack.edit(verify=False)
        assert stack.up(restarts=False).kind is Kind.UPDATE
        assert differences(stack) == []

    def test_g7_a_creation_after_a_deletion_has_nothing_left_to_end(self) -> None:
        stack = Stack({"organizationId": ORGANIZATION})
        stack.api.faults |= {"prove": [CredentialRejected("401")] * 4, "revoke": [Unavailable("503")]}
        _, state = stack.keys.create(stack._check({}), IDENTITY, stack.listener, keeps_unfinished=True)
        stack.keys.delete(wire(state), stack.listener)
        with stack.recorded() as calls:
            stack.keys.create(stack._check({}), IDENTITY, stack.listener)
        assert "revoke" not in calls


def test_g1_an_edited_state_that_owes_the_end_of_the_key_in_use_ends_nothing() -> None:
    stack = Stack({"organizationId": ORGANIZATION})
    stack.up()
    key_id = stack.state.key_id
    stack.edit_outputs(pending=owing(OwedStep.REVOKE, key_id))
    done = stack.up()
    assert done.failure is None
    assert f"key {key_id} was not revoked" in done.said
    assert (stack.state.key_id, list(stack.alive), stack.state.pending) == (key_id, [key_id], ())
