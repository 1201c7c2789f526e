"""A fault of ours, at any moment after something was made, loses no key and passes as nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.conversation import KeyConversation
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.core.minted_key.update import Update
from allomia_pulumi.edges.vault.answers import request_json
from allomia_pulumi.edges.vault.faults import Fault, Repeat, to_error
from allomia_pulumi.errors import KeyLeftBehind, UnexpectedAnswer
from tests.fakes import FakeAllomia, FakeClock, FakeTenants, Owing

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
MOVED = Identity(project="clinic", stack="prod", name="emr")
PLACE = {"mount": "secret", "path": "apps/ehr", "field": "api_key"}
NEWS = {"organizationId": "org", "name": "ehr", "rotateAfter": "90d", "overlap": "1d", "vaultSecret": PLACE}
ONE, TWO = {"rotationTriggers": {"q": "1"}}, {"rotationTriggers": {"q": "2"}}
SECRET_TEXT = "a text that may hold anything"


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET_TEXT)


class World:
    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.tenants = FakeTenants(self.api)
        self.keys, self.said = OrganizationKeys(self.tenants, self.api.clock), Owing()

    def create(self) -> tuple[str, dict[str, Any]]:
        pulumi_id, state = self.keys.create({**NEWS, **ONE}, Call(IDENTITY, self.said))
        return pulumi_id, state.to_outputs()

    def rotate(self, pulumi_id: str, outputs: dict[str, Any], identity: Identity = IDENTITY) -> dict[str, Any]:
        plan = self.keys.diff(outputs, {**NEWS, **TWO}, Call(identity, self.said, pulumi_id))
        assert plan.is_rotation
        return self.keys.update(outputs, {**NEWS, **TWO}, Call(identity, self.said, pulumi_id)).to_outputs()

    def texts(self) -> str:
        return " ".join((*self.said.warnings, *self.said.left))


@pytest.fixture
def world() -> World:
    return World()


def must_hold(world: World, outputs: dict[str, Any], former: str) -> None:
    """The new key is in the state, alive, with its secret; the old one is its predecessor."""
    assert outputs["keyId"] != former
    assert outputs["previousKeyId"] == former
    assert {outputs["keyId"], former} == set(world.api.keys["org"])
    assert outputs["secret"] == world.api.keys["org"][outputs["keyId"]].key.get_secret_value()
    assert "this package itself broke (RuntimeError)" in world.texts()
    assert SECRET_TEXT not in world.texts()


@pytest.mark.catalogue(86)
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Strays, "warn_beside"),
        (KeyConversation, "record_update"),
        (Update, "_follow_in_vault"),
        (Update, "_conclude"),
    ],
)
def test_g2_a_fault_of_ours_after_a_rotation_does_not_drop_the_new_key(
    world: World, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    pulumi_id, outputs = world.create()
    monkeypatch.setattr(owner, name, broken)
    must_hold(world, world.rotate(pulumi_id, outputs), outputs["keyId"])


@pytest.mark.catalogue(86)
def test_g2_a_vault_that_cannot_even_be_built_after_a_rotation_does_not_drop_the_new_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi_id, outputs = world.create()
    monkeypatch.setattr(type(world.tenants.vault), "remark_secret", broken, raising=False)
    plan = world.keys.diff(outputs, {**NEWS, **TWO}, Call(MOVED, world.said, pulumi_id))
    assert plan.is_rotation
    monkeypatch.setattr(Update, "_follow_in_vault", broken)
    after = world.keys.update(outputs, {**NEWS, **TWO}, Call(MOVED, world.said, pulumi_id)).to_outputs()
    must_hold(world, after, outputs["keyId"])


@pytest.mark.catalogue(86)
@pytest.mark.parametrize("name", ["record_minted", "record_keys", "record_creation"])
def test_g2_a_fault_of_ours_after_a_creation_does_not_drop_the_key(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(KeyConversation, name, broken)
    pulumi_id, outputs = world.create()
    assert pulumi_id == f"org/{outputs['keyId']}"
    assert list(world.api.keys["org"]) == [outputs["keyId"]]
    assert "this package itself broke (RuntimeError)" in world.texts()


@pytest.mark.catalogue(86)
def test_g1_g2_a_fault_of_ours_between_request_and_answer_is_settled_as_a_lost_answer(world: World) -> None:
    real, calls = world.api.mint_key, iter([True, False])

    def mint_key(organization_id: str, name: str) -> Any:
        made = real(organization_id, name)
        return broken() if next(calls) else made

    world.api.mint_key = mint_key  # type: ignore[method-assign]
    _, outputs = world.create()
    assert list(world.api.keys["org"]) == [outputs["keyId"]]


@pytest.mark.catalogue(86)
def test_g2_a_key_that_cannot_be_handed_over_nor_undone_for_faults_of_ours_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.tenants.vault, "deliver_secret", broken)
    world.api.revoke_key = broken  # type: ignore[method-assign]
    with pytest.raises(KeyLeftBehind) as caught:
        world.create()
    (made,) = world.api.keys["org"]
    assert made in caught.value.message
    assert f"allomia revoke org {made}" in caught.value.hint
    assert SECRET_TEXT not in str(caught.value)


@pytest.mark.catalogue(86)
@pytest.mark.parametrize("problem", [RuntimeError(SECRET_TEXT), TypeError(SECRET_TEXT), ValueError(SECRET_TEXT)])
def test_a_fault_of_ours_is_not_told_as_vaults(problem: Exception) -> None:
    def call() -> requests.Response:
        raise problem

    with pytest.raises(Fault) as caught:
        request_json(call)
    error = to_error(caught.value, "Vault at https://vault.example", "reading secret/x#api_key")
    assert not isinstance(error, UnexpectedAnswer)
    assert "this package itself broke" in str(error)
    assert SECRET_TEXT not in str(error)
    assert caught.value.repeat is Repeat.MAYBE_DONE
