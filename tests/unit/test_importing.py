"""Importing a key that exists: what is proved, what is refused, and that a program's settings rotate nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.errors import (
    AllomiaError,
    CredentialRejected,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.fakes import LINEAGE, TENANT_KEY, FakeAllomia, FakeClock, FakeKey, FakeTenants, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
PLACE = {"mount": "secret", "path": "apps/ehr", "field": "api_key"}
HOUR = 3600


class World:
    """A key made by hand two hours ago, and a process of the provider."""

    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.tenants = FakeTenants(self.api)
        self.key = self.api.make("org", "made by hand")
        self.api.clock.advance(2 * HOUR)
        self.said = Listener()
        self.start()

    def start(self) -> None:
        """Begin a process, as the next command does."""
        self.keys = OrganizationKeys(self.tenants, self.api.clock)

    def import_(self, pulumi_id: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        state, inputs = self.keys.import_(pulumi_id or f"org/{self.key.id}", IDENTITY, self.said)
        return state.to_outputs(), inputs

    def go_on(self, outputs: dict[str, Any], olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Check, diff and update as the engine does; return the same outputs when nothing is due."""
        pulumi_id = f"org/{self.key.id}"
        checked = self.keys.check(olds, news, IDENTITY, self.said, old_identity=IDENTITY)
        assert checked.failures == ()
        plan = self.keys.diff(pulumi_id, outputs, checked.inputs, IDENTITY, self.said)
        assert plan.replaces == ()
        if not plan.has_changes:
            return outputs
        return self.keys.update(pulumi_id, outputs, checked.inputs, IDENTITY, self.said).to_outputs()

    @property
    def alive(self) -> list[str]:
        return list(self.api.keys["org"])


@pytest.fixture
def world() -> World:
    return World()


def test_a_key_is_imported_with_its_secret_when_that_is_proved_to_be_its_own(world: World) -> None:
    world.tenants.imported = world.key.key
    outputs, inputs = world.import_()
    assert world.api.calls == ["list", "tenant", "prove", "list"]
    assert world.tenants.asked_for == ("org", world.key.id)
    assert inputs == {"organizationId": "org", "name": "made by hand"}
    assert outputs["secret"] == world.key.key.get_secret_value()
    assert (outputs["keyId"], outputs["createdAt"]) == (world.key.id, "2026-11-25T12:00:00Z")
    assert outputs["rotationReason"] == "imported"
    assert "triggersHash" not in outputs
    assert world.said.warnings == []


def test_without_a_secret_the_import_works_and_says_how_to_bring_one(world: World) -> None:
    outputs, _ = world.import_()
    assert world.api.calls == ["list"]
    assert outputs["secretFingerprint"] == ""
    assert "secret" not in outputs
    assert "ALLOMIA_IMPORT_VAULT_SECRET" in world.said.warnings[0]


@pytest.mark.parametrize("pulumi_id", ["", "org", "org/", "/key-1", "org/key-1/more", " org/k", "org/..", "../k"])
def test_g5_a_malformed_id_is_refused_before_anything_is_asked(world: World, pulumi_id: str) -> None:
    with pytest.raises(InvalidInput, match="<organizationId>/<keyId>"):
        world.keys.import_(pulumi_id, IDENTITY, world.said)
    assert world.api.calls == []


def test_g5_a_key_that_the_organization_does_not_have_is_an_error(world: World) -> None:
    with pytest.raises(NotFound, match=r"has no key with that id.*allomia keys --organization org"):
        world.import_("org/key-9")


def test_g3_a_key_pasted_in_place_of_its_id_is_not_repeated(world: World) -> None:
    pasted = world.key.key.get_secret_value()
    with pytest.raises(NotFound) as caught:
        world.import_(f"org/{pasted}")
    assert pasted not in str(caught.value)


def test_g5_an_organization_that_the_tenant_does_not_see_is_an_error(world: World) -> None:
    with pytest.raises(NotFound, match="organization foreign"):
        world.import_(f"foreign/{world.key.id}")


def test_g4_the_secret_of_another_key_is_refused(world: World) -> None:
    other = world.api.make("org", "another")
    world.tenants.imported = other.key
    with pytest.raises(UnexpectedAnswer, match=f"seems to be that of key {other.id}"):
        world.import_()


def test_g3_the_tenant_key_is_no_organizations_key(world: World) -> None:
    world.tenants.imported = SecretStr(TENANT_KEY)
    with pytest.raises(InvalidInput, match="is the tenant key") as caught:
        world.import_()
    assert TENANT_KEY not in str(caught.value)
    assert "prove" not in world.api.calls


def test_g3_nor_is_another_tenant_key(world: World) -> None:
    world.tenants.imported = SecretStr("alm_tenant_of_before")
    world.api.tenant_keys.add("alm_tenant_of_before")
    with pytest.raises(InvalidInput, match="is a tenant key") as caught:
        world.import_()
    assert "alm_tenant_of_before" not in str(caught.value)
    assert "prove" not in world.api.calls


@pytest.mark.parametrize("fault", [Unavailable("503"), RateLimited("429"), Unreachable("gone"), UnexpectedAnswer("?")])
def test_g4_an_answer_that_does_not_tell_a_tenant_key_imports_nothing(world: World, fault: AllomiaError) -> None:
    world.tenants.imported = world.key.key
    world.api.faults["tenant"] = [fault]
    with pytest.raises(type(fault)):
        world.import_()


def test_g4_a_secret_that_allomia_refuses_is_refused(world: World) -> None:
    world.tenants.imported = SecretStr("a slip of the pen")
    with pytest.raises(CredentialRejected) as caught:
        world.import_()
    assert "slip of the pen" not in str(caught.value)


@pytest.mark.parametrize("operation", ["list", "prove"])
def test_g4_without_an_answer_nothing_is_imported(world: World, operation: str) -> None:
    world.tenants.imported = world.key.key
    world.api.faults[operation] = [Unavailable("503")] * 9
    with pytest.raises(Unavailable, match="503"):
        world.import_()
    assert world.alive == [world.key.id]


def test_the_mark_of_another_declared_key_is_told(world: World) -> None:
    foreign = make_mark(Identity(project="other", stack="prod", name="x"), "", LINEAGE)
    key = world.api.make("org", foreign.name("billing"))
    _, inputs = world.import_(f"org/{key.id}")
    assert inputs["name"] == "billing"
    assert "carries the mark of another declared key" in world.said.warnings[-1]


def test_the_own_mark_is_no_news(world: World) -> None:
    key = world.api.make("org", make_mark(IDENTITY, "", LINEAGE).name("ehr"))
    world.tenants.imported = key.key
    world.import_(f"org/{key.id}")
    assert world.said.warnings == []


EVERYTHING = {
    "organizationId": "org",
    "name": "a label of the program's",
    "rotationTriggers": {"quarter": "1"},
    "rotateAfter": "1h",
    "vaultSecret": PLACE,
}


@pytest.mark.parametrize("overlap", [None, "30m"])
def test_an_import_in_a_program_applies_its_settings_and_rotates_nothing(world: World, overlap: str | None) -> None:
    world.tenants.imported = world.key.key
    outputs, inputs = world.import_()
    news = {**EVERYTHING, **({"overlap": overlap} if overlap else {})}
    after = world.go_on(outputs, inputs, news)
    assert world.alive == [world.key.id]
    assert (after["keyId"], after["rotationReason"]) == (world.key.id, "imported")
    assert after["record"]["settings"]["name"] == "a label of the program's"
    assert (after["rotateAt"], after["vaultSecretVersion"]) == ("2026-11-25T13:00:00Z", 1)
    assert len(after["triggersHash"]) == 64


def test_name_and_triggers_of_the_importing_program_rotate_nothing_later_either(world: World) -> None:
    world.tenants.imported = world.key.key
    outputs, inputs = world.import_()
    news = {**EVERYTHING, "rotateAfter": "90d"}
    after = world.go_on(outputs, inputs, news)
    world.start()
    world.api.calls.clear()
    assert world.go_on(after, news, news) == after
    assert world.api.calls == []


def test_an_age_that_is_over_rotates_in_the_run_after_the_import(world: World) -> None:
    outputs, inputs = world.import_()
    news = {**inputs, "rotateAfter": "1h", "overlap": "30m"}
    after = world.go_on(outputs, inputs, news)
    assert world.alive == [world.key.id]
    world.start()
    rotated = world.go_on(after, news, news)
    assert rotated["rotationReason"] == "schedule"
    assert rotated["previousKeyId"] == world.key.id
    assert rotated["secret"]


def test_a_program_that_says_what_was_imported_changes_nothing(world: World) -> None:
    outputs, inputs = world.import_()
    world.start()
    world.api.calls.clear()
    assert world.go_on(outputs, inputs, inputs) == outputs
    assert world.api.calls == []


def test_a_key_imported_without_its_secret_gets_one_by_its_rotation(world: World) -> None:
    outputs, inputs = world.import_()
    applied = world.go_on(outputs, inputs, {**inputs, "rotationTriggers": {"q": "1"}, "overlap": "1h"})
    world.start()
    rotated = world.go_on(applied, inputs, {**inputs, "rotationTriggers": {"q": "2"}, "overlap": "1h"})
    assert rotated["secret"]
    assert rotated["secretFingerprint"]
    assert "previousSecret" not in rotated


def test_later_runs_say_that_the_secret_is_missing_and_the_importing_run_says_it_once(world: World) -> None:
    outputs, inputs = world.import_()
    world.go_on(outputs, inputs, inputs)
    assert len(world.said.warnings) == 1
    world.start()
    world.go_on(outputs, inputs, inputs)
    assert "stays empty until a rotation brings one" in world.said.warnings[1]


def test_g5_a_key_without_its_secret_cannot_be_delivered_and_the_error_says_what_helps(world: World) -> None:
    outputs, inputs = world.import_()
    with pytest.raises(UnexpectedAnswer, match=r"Leave vaultSecret out until a rotation.*ALLOMIA_IMPORT_VAULT_SECRET"):
        world.go_on(outputs, inputs, {**inputs, "vaultSecret": PLACE})


def test_keys_that_are_imported_together_are_told_apart(world: World) -> None:
    other = world.api.make("org", "another")
    secrets = {world.key.id: world.key.key, other.id: other.key}
    world.tenants.imported_secret = lambda _, key_id: (secrets[key_id], "Vault")  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(world.import_, [f"org/{key_id}" for key_id in secrets]))
    assert world.said.warnings == []
    assert world.api.calls == ["list", "tenant", "prove", "list"] * 2


def test_a_refresh_of_an_imported_key_reports_nothing(world: World) -> None:
    outputs, _ = world.import_()
    world.start()
    state = world.keys.read(f"org/{world.key.id}", outputs, world.said)
    assert state is not None
    assert state.to_outputs() == outputs


def test_a_key_whose_age_allomia_does_not_tell_counts_from_the_import(world: World) -> None:
    dateless = FakeKey("key-77", "old", world.key.key, None)  # type: ignore[arg-type]
    world.api.keys["org"]["key-77"] = dateless
    outputs, _ = world.import_("org/key-77")
    assert outputs["createdAt"] == "2026-11-25T14:00:00Z"
