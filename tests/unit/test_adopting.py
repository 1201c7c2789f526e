"""Taking over a key that exists already: what is looked at, what is refused, and what later runs make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.errors import (
    AllomiaError,
    CredentialRejected,
    NotFound,
    SecretConflict,
    Unavailable,
    UnexpectedAnswer,
)
from tests.fakes import LINEAGE, FakeAllomia, FakeClock, FakeKey, FakeTenants, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
HAND = VaultLocation(mount="secret", path="allomia/ehr", field="api_key")
DELIVERED = VaultLocation(mount="secret", path="apps/ehr", field="api_key")
BY_HAND = "secret/allomia/ehr#api_key"
HOUR = 3600
WRITES = {"mint", "revoke", "deliver", "withdraw"}


class Process:
    """One process of the provider, driven as the engine drives it."""

    def __init__(self, tenants: FakeTenants) -> None:
        self.said = Listener()
        self.keys = OrganizationKeys(tenants, tenants.api.clock)

    def create(self, news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        checked = self.keys.check({}, news, Call(IDENTITY, self.said))
        assert checked.failures == ()
        pulumi_id, state = self.keys.create(checked.inputs, Call(IDENTITY, self.said))
        return pulumi_id, json.loads(json.dumps(state.to_outputs()))

    def diff(self, pulumi_id: str, outputs: dict[str, Any], news: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
        checked = self.keys.check(news, news, Call(IDENTITY, self.said, old_identity=IDENTITY))
        assert checked.failures == ()
        plan = self.keys.diff(outputs, checked.inputs, Call(IDENTITY, self.said, pulumi_id))
        return plan.has_changes, plan.replaces


class World:
    """A key made by hand an hour ago, its secret in Vault, and a program that adopts it."""

    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.tenants = FakeTenants(self.api)
        self.vault = self.tenants.vault
        self.by_hand = self.api.make("org", "ehr, made by hand")
        self.vault.write(HAND, self.by_hand.key.get_secret_value())
        self.api.clock.advance(HOUR)

    def news(self, **more: Any) -> dict[str, Any]:
        adopt = {"keyId": self.by_hand.id, "vaultSecret": BY_HAND}
        return {"organizationId": "org", "name": "ehr", "adopt": adopt, **more}

    def process(self) -> Process:
        self.api.calls.clear()
        self.vault.calls.clear()
        return Process(self.tenants)

    def holds(self, organization: str = "org") -> dict[str, FakeKey]:
        """Return the keys that are alive, whenever they were used."""
        return {key.id: replace(key, last_used_at=None) for key in self.api.keys[organization].values()}

    @property
    def writes(self) -> set[str]:
        return WRITES.intersection(self.api.calls, self.vault.calls)


@pytest.fixture
def world() -> World:
    return World()


def test_an_adopted_key_is_proved_and_recorded_as_it_is_and_nothing_is_minted(world: World) -> None:
    process = world.process()
    pulumi_id, outputs = process.create(world.news(rotateAfter="90d"))
    assert world.api.calls == ["list", "list", "tenant", "prove", "list"]
    assert world.vault.calls == ["read", "read"]
    assert pulumi_id == f"org/{world.by_hand.id}"
    assert (outputs["keyId"], outputs["keyName"]) == (world.by_hand.id, "ehr, made by hand")
    assert (outputs["createdAt"], outputs["rotateAt"]) == ("2026-11-25T12:00:00Z", "2027-02-23T12:00:00Z")
    assert outputs["secret"] == world.by_hand.key.get_secret_value()
    assert outputs["rotationReason"] == "imported"
    assert process.said.warnings == []


def test_the_first_key_of_an_organization_and_an_adopted_one_are_told_apart_by_their_reason(world: World) -> None:
    _, minted = world.process().create({"organizationId": "org"})
    _, adopted = world.process().create(world.news())
    assert (minted["rotationReason"], adopted["rotationReason"]) == ("created", "imported")


def test_a_pinned_version_of_the_secret_is_the_one_that_is_adopted(world: World) -> None:
    world.vault.write(HAND, "something newer")
    pinned = {"mount": "secret", "path": "allomia/ehr", "field": "api_key", "version": 1}
    _, outputs = world.process().create(world.news(adopt={"keyId": world.by_hand.id, "vaultSecret": pinned}))
    assert outputs["secret"] == world.by_hand.key.get_secret_value()


def test_g4_a_key_that_the_organization_does_not_have_is_an_error_that_asks_nothing_more(world: World) -> None:
    before = world.holds()
    process = world.process()
    with pytest.raises(NotFound, match="has no key key-9 to adopt"):
        process.create(world.news(adopt={"keyId": "key-9", "vaultSecret": BY_HAND}))
    assert (world.api.calls, world.vault.calls) == (["list", "list"], [])
    assert world.holds() == before


def test_g4_a_secret_that_allomia_refuses_is_an_error_and_nothing_changes(world: World) -> None:
    world.vault.write(HAND, "a slip of the pen")
    before = world.holds()
    process = world.process()
    with pytest.raises(CredentialRejected, match="put the secret of that key there") as raised:
        process.create(world.news())
    assert "slip of the pen" not in str(raised.value)
    assert (world.writes, world.holds()) == (set(), before)


def test_g4_a_secret_that_vault_does_not_have_is_an_error_and_nothing_changes(world: World) -> None:
    before = world.holds()
    process = world.process()
    with pytest.raises(NotFound, match="secret/nothing/here#api_key"):
        process.create(world.news(adopt={"keyId": world.by_hand.id, "vaultSecret": "secret/nothing/here#api_key"}))
    assert (world.writes, world.holds()) == (set(), before)
    assert "prove" not in world.api.calls


@pytest.mark.parametrize("was_used", [False, True])
def test_g4_the_secret_of_another_key_is_refused_by_what_allomia_saw_used(world: World, was_used: bool) -> None:
    other = world.api.make("org", "another")
    if was_used:
        world.api.prove_key("org", other.key)
        world.api.clock.advance(1)
    world.vault.write(HAND, other.key.get_secret_value())
    before = world.holds()
    process = world.process()
    with pytest.raises(UnexpectedAnswer, match=f"seems to be that of key {other.id}") as raised:
        process.create(world.news(vaultSecret=DELIVERED.model_dump(by_alias=True, exclude_none=True)))
    assert other.key.get_secret_value() not in str(raised.value)
    assert (world.writes, world.holds()) == (set(), before)


def test_a_key_that_somebody_else_uses_at_the_same_time_is_no_obstacle(world: World) -> None:
    busy = world.api.make("org", "busy")
    world.api.faults["prove"] = [lambda: world.api.prove_key("org", busy.key)]
    _, outputs = world.process().create(world.news())
    assert outputs["keyId"] == world.by_hand.id
    assert world.api.keys["org"][busy.id].last_used_at is not None


def test_an_allomia_that_tells_no_use_is_no_obstacle_and_is_warned_of(world: World) -> None:
    def forget() -> None:
        world.api.keys["org"] = {id_: replace(key, last_used_at=None) for id_, key in world.api.keys["org"].items()}

    world.api.faults["list"] = [lambda: None, lambda: None, forget, forget, forget]
    process = world.process()
    _, outputs = process.create(world.news())
    assert outputs["keyId"] == world.by_hand.id
    assert ["does not tell for certain" in warning for warning in process.said.warnings] == [True]


@pytest.mark.parametrize("operation", ["list", "prove"])
def test_g4_an_allomia_that_is_down_adopts_nothing(world: World, operation: str) -> None:
    world.api.faults[operation] = [Unavailable("AlloMia is down")] * 2
    before = world.holds()
    process = world.process()
    with pytest.raises(Unavailable):
        process.create(world.news())
    assert (world.writes, world.holds()) == (set(), before)


@pytest.mark.parametrize(
    ("marked", "is_warned"), [(IDENTITY, False), (IDENTITY.model_copy(update={"name": "portal"}), True)]
)
def test_only_the_mark_of_another_declared_key_is_warned_of(world: World, marked: Identity, is_warned: bool) -> None:
    name = make_mark(marked, "", LINEAGE).name("ehr")
    world.api.keys["org"][world.by_hand.id] = replace(world.by_hand, name=name)
    process = world.process()
    _, outputs = process.create(world.news())
    assert outputs["keyName"] == name
    assert ["carries the mark of another declared key" in warning for warning in process.said.warnings] == (
        [True] if is_warned else []
    )


def test_g1_a_full_organization_is_no_obstacle(world: World) -> None:
    while len(world.holds()) < world.api.limit:
        world.api.make("org", "more by hand")
    _, outputs = world.process().create(world.news())
    assert outputs["keyId"] == world.by_hand.id


def test_adopt_left_in_the_program_is_warned_of_and_changes_nothing(world: World) -> None:
    pulumi_id, outputs = world.process().create(world.news())
    process = world.process()
    assert process.diff(pulumi_id, outputs, world.news()) == (False, ())
    assert [warning.partition(":")[0] for warning in process.said.warnings] == ["`adopt` has done its work"]
    assert (world.api.calls, world.vault.calls) == ([], [])


def test_adopt_taken_out_of_the_program_changes_nothing_and_is_not_warned_of(world: World) -> None:
    pulumi_id, outputs = world.process().create(world.news())
    process = world.process()
    assert process.diff(pulumi_id, outputs, {"organizationId": "org", "name": "ehr"}) == (False, ())
    assert process.said.warnings == []


def test_a_rotation_by_replacement_mints_though_adopt_is_left_in_the_program(world: World) -> None:
    pulumi_id, outputs = world.process().create(world.news(rotationTriggers={"quarter": "1"}))
    process, changed = world.process(), world.news(rotationTriggers={"quarter": "2"})
    assert process.diff(pulumi_id, outputs, changed) == (True, ("rotationTriggers",))
    _, successor = process.create(changed)
    assert successor["keyId"] != world.by_hand.id
    assert successor["rotationReason"] == "trigger"
    process.keys.delete(outputs, process.said)
    assert list(world.holds()) == [successor["keyId"]]


def test_g7_an_adopted_key_is_revoked_when_its_resource_is_destroyed_in_a_later_run(world: World) -> None:
    _, outputs = world.process().create(world.news())
    process = world.process()
    process.keys.delete(outputs, process.said)
    assert world.holds() == {}


def test_a_key_that_the_same_run_adopts_again_is_not_revoked_with_its_older_record(world: World) -> None:
    _, outputs = world.process().create(world.news())
    process = world.process()
    _, again = process.create(world.news())
    assert again["keyId"] == outputs["keyId"]
    process.keys.delete(outputs, process.said)
    assert list(world.holds()) == [world.by_hand.id]
    assert any("was not revoked" in warning for warning in process.said.warnings)


def test_an_adopted_key_is_delivered_to_vault_and_the_place_of_the_hand_made_one_is_left(world: World) -> None:
    place = DELIVERED.model_dump(by_alias=True, exclude_none=True)
    _, outputs = world.process().create(world.news(vaultSecret=place))
    assert world.vault.value(DELIVERED) == world.by_hand.key.get_secret_value()
    assert outputs["vaultSecretVersion"] == 1
    assert world.vault.secrets["secret/apps/ehr"].stored.key_id == world.by_hand.id
    assert world.vault.secrets["secret/allomia/ehr"].stored.version == 1
    process = world.process()
    assert process.diff(f"org/{outputs['keyId']}", outputs, world.news(vaultSecret=place)) == (False, ())


def test_g4_a_delivery_that_fails_leaves_the_adopted_key_alive(world: World) -> None:
    world.vault.faults["deliver"] = [Unavailable("Vault is sealed")]
    process = world.process()
    with pytest.raises(AllomiaError, match="Vault is sealed"):
        process.create(world.news(vaultSecret=DELIVERED.model_dump(by_alias=True, exclude_none=True)))
    assert list(world.holds()) == [world.by_hand.id]


def test_g4_a_place_that_somebody_else_wrote_is_not_written_over(world: World) -> None:
    process = world.process()
    news = world.news(vaultSecret=HAND.model_dump(by_alias=True, exclude_none=True))
    failures = process.keys.check({}, news, Call(IDENTITY, process.said)).failures
    assert ["did not write" in failure.reason for failure in failures] == [True]
    with pytest.raises(SecretConflict):
        process.keys.create(news, Call(IDENTITY, process.said))
    assert world.writes == set()
    _, outputs = world.process().create(
        world.news(vaultSecret=HAND.model_dump(by_alias=True, exclude_none=True) | {"takeOver": True})
    )
    assert outputs["vaultSecretVersion"] == 2


def test_a_key_that_is_adopted_again_is_not_revoked_as_the_predecessor_in_the_older_record(world: World) -> None:
    first, second = ({"rotationTriggers": {"quarter": quarter}, "overlap": "24h"} for quarter in ("1", "2"))
    pulumi_id, outputs = world.process().create(world.news(**first))
    process = world.process()
    process.diff(pulumi_id, outputs, world.news(**second))
    rotated = process.keys.update(outputs, world.news(**second), Call(IDENTITY, process.said, pulumi_id)).to_outputs()
    assert rotated["previousKeyId"] == world.by_hand.id
    process = world.process()
    _, again = process.create(world.news(**second))
    process.keys.delete(rotated, process.said)
    assert again["keyId"] == world.by_hand.id
    assert world.by_hand.id in world.holds()


def test_g7_an_adopted_key_that_the_engine_replaces_after_a_diff_without_changes_is_revoked(world: World) -> None:
    pulumi_id, outputs = world.process().create(world.news())
    process, news = world.process(), {"organizationId": "org", "name": "ehr"}
    assert process.diff(pulumi_id, outputs, news) == (False, ())
    _, successor = process.create(news)
    process.keys.delete(outputs, process.said)
    assert list(world.holds()) == [successor["keyId"]]
