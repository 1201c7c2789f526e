"""What a person does to a secret in Vault between two runs, and what a key made by hand makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr

from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.handmade_key.state import OldKey
from allomia_pulumi.core.handmade_key.watch import Standing, look_at
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.references import VaultReference
from tests.fakes import FakeClock, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
PLACE = "secret/allomia/ehr#api_key"
DAY = 24 * 3600


@dataclass(frozen=True)
class Shelved:
    version: int | None
    written: dict[int, datetime]

    @property
    def is_live(self) -> bool:
        return self.version is None or self.version in self.written


@dataclass
class Shelf:
    """One secret of Vault in memory."""

    clock: FakeClock
    values: dict[int, str] = field(default_factory=dict)
    written: dict[int, datetime] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fault: AllomiaError | None = None
    is_versioned: bool = True

    def write(self, value: str) -> None:
        version = max(self.values, default=0) + 1
        self.values[version] = value
        self.written[version] = self.clock.now()

    def read_versions(self, reference: VaultReference) -> Shelved:
        self.calls.append("look")
        if self.fault:
            raise self.fault
        if not self.values:
            raise NotFound(f"no secret for {reference}")
        return Shelved(max(self.values) if self.is_versioned else None, dict(self.written))

    def read_secret(self, reference: VaultReference) -> SecretStr:
        self.calls.append("read")
        version = reference.version or max(self.values)
        if version not in self.written:
            raise NotFound(f"version {version} was destroyed")
        return SecretStr(self.values[version])


@dataclass
class World:
    """Vault, AlloMia and one declared key."""

    clock: FakeClock = field(default_factory=FakeClock)
    said: Listener = field(default_factory=Listener)
    accepted: set[str] = field(default_factory=set)
    proofs: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    trouble: AllomiaError | None = None
    tenant_keys: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    tenant_trouble: AllomiaError | None = None
    id: str = ""

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.clock)
        self.keys = DashboardKeys(self, self.clock)

    def store(self) -> Shelf:
        return self.shelf

    def prover(self) -> World:
        return self

    def is_tenant_key(self, reference: VaultReference) -> bool:
        return "tenant" in reference.location

    def is_tenant_secret(self, secret: SecretStr) -> bool:
        return secret.get_secret_value() == "the tenant key"

    def is_managed(self, mark: str) -> bool:
        return mark in self.held

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:  # noqa: ARG002
        self.proofs.append(key.get_secret_value())
        if self.trouble:
            raise self.trouble
        if key.get_secret_value() not in self.accepted:
            raise CredentialRejected(f"AlloMia does not accept the key from {source}").as_said_by("AlloMia")

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:  # noqa: ARG002
        self.asked.append(key.get_secret_value())
        if self.tenant_trouble:
            raise self.tenant_trouble
        return key.get_secret_value() in self.tenant_keys

    def make(self, key: str) -> None:
        """Make a key in the dashboard and write it to Vault."""
        self.accepted.add(key)
        self.shelf.write(key)

    def up(self, **more: Any) -> bool:
        """Do what an `up` does; tell whether there was something to do."""
        news = {"organizationId": "org", "vaultSecret": PLACE, **more}
        if not self.outputs:
            self.id, state = self.keys.create(news, IDENTITY, self.said)
            self.outputs = state.to_outputs()
            return True
        checked = self.keys.check(news, news, IDENTITY, self.said, old_identity=IDENTITY)
        assert checked.failures == ()
        change = self.keys.diff(self.id, self.outputs, news, IDENTITY, self.said)
        assert change.replaces == ()
        if change.has_changes:
            self.outputs = self.keys.update(self.id, self.outputs, news, IDENTITY, self.said).to_outputs()
        return change.has_changes

    def refresh(self) -> bool:
        """Do what a refresh does; tell whether its own diff found something."""
        self.outputs = self.keys.read(self.id, self.outputs, self.said).to_outputs()
        news = {"organizationId": "org", "vaultSecret": PLACE}
        return self.keys.diff(self.id, self.outputs, news, IDENTITY, self.said).has_changes

    @property
    def old(self) -> list[int]:
        return [each["version"] for each in self.outputs["previousKeys"]]


@pytest.fixture
def world() -> World:
    world = World()
    world.make("first")
    world.up()
    return world


def test_g6_an_unchanged_key_is_one_look_and_no_proof(world: World) -> None:
    world.shelf.calls.clear()
    world.proofs.clear()
    assert not world.up()
    assert (world.shelf.calls, world.proofs) == (["look"], [])


def test_an_old_key_is_warned_of_after_its_overlap_and_forgotten_when_it_is_refused(world: World) -> None:
    world.up(overlap="24h")
    world.make("second")
    assert world.up(overlap="24h")
    assert (world.outputs["secret"], world.old, world.said.warnings) == ("second", [1], [])
    assert not world.up(overlap="24h")
    world.clock.advance(DAY + 1)
    for _ in range(2):
        world.said.warnings.clear()
        assert not world.up(overlap="24h")
        assert len(world.said.warnings) == 1
        assert "version 1 of Vault secret/allomia/ehr#api_key" in world.said.warnings[0]
    world.accepted.remove("first")
    assert not world.refresh()
    world.said.warnings.clear()
    assert not world.up(overlap="24h")
    assert (world.old, world.said.warnings) == ([], [])


def test_overlap_acts_as_it_stands_in_the_program_today(world: World) -> None:
    world.make("second")
    assert world.up(overlap="2d")
    world.clock.advance(DAY)
    assert not world.up(overlap="2d")
    assert world.up(overlap="12h")
    assert any("the time of an old key" in warning for warning in world.said.warnings)
    assert world.up(overlap="3d")
    assert not world.up(overlap="3d")


def test_the_same_key_written_again_is_no_rotation(world: World) -> None:
    since = world.outputs["since"]
    world.clock.advance(DAY)
    world.shelf.write("first")
    assert world.up()
    assert (world.outputs["vaultSecretVersion"], world.outputs["since"], world.old) == (2, since, [])
    assert not world.up()


def test_a_rollback_never_asks_to_delete_the_key_in_use(world: World) -> None:
    world.make("second")
    world.up()
    world.shelf.write("first")
    world.said.warnings.clear()
    assert world.up()
    assert (world.outputs["secret"], world.old) == ("first", [2])
    assert all("version 1 " not in warning for warning in world.said.warnings)


def test_keys_written_between_two_runs_are_remembered_too(world: World) -> None:
    world.make("second")
    world.shelf.write("a slip of the pen")
    world.make("fourth")
    assert world.up(overlap="24h")
    assert world.outputs["secret"] == "fourth"
    assert sorted(world.old) == [1, 2]


def test_an_old_version_that_vault_lost_is_named_once_and_forgotten(world: World) -> None:
    world.up(overlap="24h")
    world.make("second")
    world.up(overlap="24h")
    del world.shelf.written[1]
    world.clock.advance(DAY + 1)
    assert not world.refresh()
    assert any("cannot be seen any more" in warning for warning in world.said.warnings)
    assert world.old == []
    assert not world.up(overlap="24h")


def test_g4_a_refused_new_key_changes_nothing(world: World) -> None:
    before = world.outputs
    world.shelf.write("not a key")
    with pytest.raises(CredentialRejected, match="revoked, or not an AlloMia key"):
        world.up()
    assert world.outputs is before


def test_a_vault_out_of_reach_is_a_warning_and_no_change(world: World) -> None:
    world.shelf.fault = Unreachable("Vault does not answer")
    assert not world.up()
    assert any("has a newer key is not known" in warning for warning in world.said.warnings)


def test_a_deleted_secret_is_shown_as_a_change_that_fails(world: World) -> None:
    before = world.outputs
    world.shelf.written.clear()
    with pytest.raises(NotFound, match="deleted or destroyed"):
        world.up()
    assert world.outputs is before


def test_g4_a_refresh_records_a_refused_key_and_the_next_run_heals_with_a_new_one(world: World) -> None:
    world.accepted.clear()
    assert world.refresh()
    assert (world.outputs["secret"], len(world.outputs["pending"])) == ("first", 1)
    assert world.outputs["nextActionAt"] == "2026-11-25T12:00:03Z"
    with pytest.raises(CredentialRejected):
        world.up()
    world.make("second")
    assert world.up()
    assert (world.outputs["secret"], world.outputs["pending"], world.old) == ("second", [], [1])
    assert not world.refresh()
    assert world.old == []
    assert not world.up()


def test_g4_a_refresh_that_learns_nothing_fails_and_keeps_the_state(world: World) -> None:
    world.shelf.fault = Unreachable("Vault does not answer")
    with pytest.raises(Unreachable):
        world.refresh()


def test_a_refresh_of_a_healthy_key_finds_nothing_even_when_a_rotation_is_due(world: World) -> None:
    world.up(rotateAfter="1d")
    world.clock.advance(2 * DAY)
    assert not world.refresh()


def test_age_is_warned_of_when_it_is_due_and_only_then(world: World) -> None:
    world.up(rotateAfter="2d", overlap="1d")
    assert world.outputs["rotateAt"] == world.outputs["nextActionAt"] == "2026-11-27T12:00:00Z"
    world.clock.advance(2 * DAY - 1)
    assert not world.up(rotateAfter="2d", overlap="1d")
    assert world.said.warnings == []
    world.clock.advance(1)
    assert not world.up(rotateAfter="2d", overlap="1d")
    assert any("due for rotation since 2026-11-27T12:00:00Z" in warning for warning in world.said.warnings)
    world.make("second")
    world.said.warnings.clear()
    assert world.up(rotateAfter="2d", overlap="1d")
    assert world.said.warnings == []
    assert datetime.fromisoformat(world.outputs["since"]) == world.clock.now()


def test_the_secret_leaves_the_state_and_comes_back(world: World) -> None:
    assert world.up(secretInState=False)
    assert "secret" not in world.outputs
    assert not world.up(secretInState=False)
    assert not world.refresh()
    assert world.up(secretInState=True)
    assert world.outputs["secret"] == "first"


def test_a_moved_place_with_the_same_key_is_no_rotation(world: World) -> None:
    place = {"mount": "kv", "path": "ehr", "field": "key"}
    assert world.up(vaultSecret=place)
    assert world.old == []
    assert world.outputs["record"]["settings"]["vaultSecret"] == place
    assert not world.up(vaultSecret=place)


def test_another_organization_is_a_replacement_unless_it_is_unknown(world: World) -> None:
    news = {"organizationId": "other", "vaultSecret": PLACE}
    assert world.keys.diff(world.id, world.outputs, news, IDENTITY, world.said).replaces == ("organizationId",)
    unknown = {"organizationId": UNKNOWN, "vaultSecret": PLACE}
    assert not world.keys.diff(world.id, world.outputs, unknown, IDENTITY, world.said).has_changes


def test_the_tenant_keys_place_is_refused(world: World) -> None:
    news = {"organizationId": "org", "vaultSecret": "secret/allomia/tenant#api_key"}
    checked = world.keys.check({}, news, IDENTITY, world.said)
    assert ["tenant key" in failure.reason for failure in checked.failures] == [True]


def test_g7_destroy_revokes_nothing_names_every_key_and_needs_nobody(world: World) -> None:
    world.up(overlap="24h")
    world.make("second")
    world.up(overlap="24h")
    world.shelf.fault = Unreachable("Vault does not answer")
    for _ in range(2):
        world.said.warnings.clear()
        world.keys.delete(world.outputs, world.said)
        assert [
            f"version {number} of Vault" in warning for number, warning in zip((2, 1), world.said.warnings, strict=True)
        ]
    assert world.accepted == {"first", "second"}


def test_kv_v1_has_no_versions_and_no_old_keys() -> None:
    world = World()
    world.shelf.is_versioned = False
    world.make("first")
    world.up()
    assert "vaultSecretVersion" not in world.outputs
    assert not world.up()
    world.make("second")
    assert world.up()
    assert (world.outputs["secret"], world.old) == ("second", [])
    assert any("KV v1 keeps no history" in warning for warning in world.said.warnings)
    assert not world.up()


def test_a_secret_made_anew_under_an_old_version_number_is_noticed(world: World) -> None:
    world.shelf.values.clear()
    world.clock.advance(DAY)
    world.make("second")
    assert world.outputs["vaultSecretVersion"] == max(world.shelf.values) == 1
    assert world.up()
    assert (world.outputs["secret"], world.old) == ("second", [])
    assert any("was made anew, so nobody can look" in warning for warning in world.said.warnings)
    assert not world.up()


def test_an_old_version_made_anew_never_asks_to_delete_the_key_in_use(world: World) -> None:
    world.up(overlap="24h")
    world.make("second")
    world.up(overlap="24h")
    world.shelf.values.clear()
    world.shelf.written.clear()
    world.clock.advance(DAY + 1)
    world.make("third")
    world.accepted -= {"first", "second"}
    world.said.warnings.clear()
    assert world.up(overlap="24h")
    assert world.old == []
    assert not any("still accepts" in warning and "whether" not in warning for warning in world.said.warnings)
    assert not world.up(overlap="24h")


@pytest.mark.parametrize("answer", [NotFound("404"), AccessDenied("403"), Unreachable("no answer")])
def test_an_answer_that_is_no_401_forgets_no_old_key(world: World, answer: AllomiaError) -> None:
    world.make("second")
    world.up()
    old, settings = OldKey.model_validate(world.outputs["previousKeys"][0]), world.outputs["record"]["settings"]
    world.trouble = answer.as_said_by("AlloMia")
    assert look_at(old, settings["organizationId"], world.shelf, world).standing is Standing.UNKNOWN


def test_a_refresh_with_a_newer_key_waiting_asks_for_no_third_one(world: World) -> None:
    world.accepted.clear()
    world.make("second")
    assert not world.refresh()
    assert (world.said.warnings, world.outputs["pending"]) == ([], [])
    assert any("has version 2: the next `pulumi up` proves it" in info for info in world.said.infos)
    assert world.up()
    assert world.outputs["secret"] == "second"


def test_a_key_that_came_and_went_between_two_runs_is_remembered(world: World) -> None:
    world.make("second")
    world.shelf.write("first")
    assert world.up(overlap="24h")
    assert (world.outputs["secret"], world.old) == ("first", [2])


def test_a_rollback_does_not_make_a_key_younger(world: World) -> None:
    since = world.outputs["since"]
    world.clock.advance(DAY)
    world.make("second")
    world.up()
    world.clock.advance(DAY)
    world.shelf.write("first")
    assert world.up()
    assert world.outputs["since"] == since


def test_the_tenant_key_itself_is_handed_to_nobody() -> None:
    world = World()
    world.make("the tenant key")
    with pytest.raises(InvalidConfiguration, match="holds the tenant key"):
        world.up()


def test_g3_nor_is_any_other_tenant_key_and_it_is_asked_for_once_for_each_version(world: World) -> None:
    assert world.asked == ["first"]
    world.up()
    world.refresh()
    world.up()
    assert world.asked == ["first"]
    world.make("a tenant key")
    world.tenant_keys.add("a tenant key")
    proofs = list(world.proofs)
    with pytest.raises(InvalidConfiguration, match="holds a tenant key") as caught:
        world.up()
    assert "a tenant key, which" in caught.value.message
    assert (world.outputs["secret"], world.proofs) == ("first", proofs)
    world.make("third")
    assert world.up()
    assert world.outputs["secret"] == "third"
    assert world.asked == ["first", "a tenant key", "third"]


@pytest.mark.parametrize(
    "trouble", [Unreachable("gone"), Unavailable("503"), RateLimited("429"), UnexpectedAnswer("?")]
)
def test_g4_an_answer_that_does_not_tell_a_tenant_key_hands_nothing_over(world: World, trouble: AllomiaError) -> None:
    world.make("second")
    world.tenant_trouble = trouble
    with pytest.raises(type(trouble)):
        world.up()
    assert world.outputs["secret"] == "first"


def test_after_an_overlap_a_vault_out_of_reach_fails_no_run(world: World) -> None:
    world.make("second")
    world.up()
    world.shelf.fault = Unreachable("Vault does not answer")
    assert not world.up()


def test_a_renamed_resource_is_recorded(world: World) -> None:
    news = {"organizationId": "org", "vaultSecret": PLACE}
    renamed = IDENTITY.model_copy(update={"name": "epic"})
    assert world.keys.diff(world.id, world.outputs, news, renamed, world.said).has_changes
    after = world.keys.update(world.id, world.outputs, news, renamed, world.said).to_outputs()
    assert after["record"]["identity"]["name"] == "epic"
    assert not world.keys.diff(world.id, after, news, renamed, world.said).has_changes
