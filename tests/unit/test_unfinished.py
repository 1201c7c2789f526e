"""A creation that ends half-way, for a face that can say so: what exists is kept, and the next run ends it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.errors import (
    AccessDenied,
    CredentialRejected,
    KeyLeftBehind,
    OutcomeUnknown,
    Unavailable,
    UnexpectedAnswer,
)
from tests.fakes import FakeAllomia, FakeClock, FakeKey, FakeTenants, Owing
from tests.stacks import ORGANIZATION, Stack, differences

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
PLACE = VaultLocation(mount="secret", path="apps/ehr", field="api_key")
NEWS = {"organizationId": "org", "name": "ehr", "vaultSecret": PLACE.model_dump(by_alias=True)}
PLAIN = {"organizationId": "org", "name": "ehr"}


class World:
    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.tenants = FakeTenants(self.api)
        self.vault = self.tenants.vault
        self.start()

    def start(self) -> None:
        self.keys, self.said = OrganizationKeys(self.tenants, self.api.clock), Owing()

    def create(self, news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        pulumi_id, state = self.keys.create(news, Call(IDENTITY, self.said, keeps_unfinished=True))
        return pulumi_id, state.to_outputs()

    def go_on(self, pulumi_id: str, outputs: dict[str, Any], news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Do what the next run does: update in place, or replace and delete."""
        self.start()
        inputs = self.keys.check(news, news, Call(IDENTITY, self.said, old_identity=IDENTITY)).inputs
        plan = self.keys.diff(outputs, inputs, Call(IDENTITY, self.said, pulumi_id))
        if not plan.replaces:
            return pulumi_id, self.keys.update(outputs, inputs, Call(IDENTITY, self.said, pulumi_id)).to_outputs()
        self.keys.check({}, news, Call(IDENTITY, self.said))
        new_id, new = self.create(news)
        self.keys.delete(outputs, self.said)
        return new_id, new

    @property
    def alive(self) -> list[str]:
        return list(self.api.keys["org"])


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("fault", [Unavailable("503"), AccessDenied("403"), OutcomeUnknown("no answer")])
def test_g2_a_key_that_works_is_kept_when_vault_fails_and_delivered_by_the_next_run(
    world: World, fault: Exception
) -> None:
    world.vault.faults["deliver"] = [fault]  # type: ignore[list-item]
    pulumi_id, outputs = world.create(NEWS)
    assert outputs["pending"][0]["step"] == "deliver"
    assert outputs["secret"]
    assert "exists and works" in world.said.left[0]
    assert outputs["nextActionAt"] == "2026-11-25T12:00:00Z"

    same_id, healed = world.go_on(pulumi_id, outputs, NEWS)
    assert (same_id, healed["keyId"], healed["secret"]) == (pulumi_id, outputs["keyId"], outputs["secret"])
    assert (healed["pending"], healed["vaultSecretVersion"]) == ([], 1)
    assert world.vault.value(PLACE) == outputs["secret"]
    assert world.api.minted == 1
    assert world.said.left == []


@pytest.mark.catalogue(46)
def test_a_refresh_in_between_does_not_forget_what_is_owed(world: World) -> None:
    world.vault.faults["deliver"] = [Unavailable("503")]
    pulumi_id, outputs = world.create(NEWS)
    world.start()
    state = world.keys.read(pulumi_id, outputs, world.said)
    assert state is not None
    assert state.to_outputs()["pending"] == outputs["pending"]
    assert world.keys.diff(outputs, NEWS, Call(IDENTITY, world.said, pulumi_id)).has_changes


def test_g2_a_key_whose_secret_may_not_stay_in_state_is_revoked(world: World) -> None:
    world.vault.faults["deliver"] = [Unavailable("503")]
    with pytest.raises(Unavailable, match="the key was revoked"):
        world.create({**NEWS, "secretInState": False})
    assert world.alive == []


def test_g2_a_key_whose_answer_was_lost_and_that_stays_is_kept_by_name_and_replaced_by_the_next_run(
    world: World,
) -> None:
    world.api.faults["after mint"] = [OutcomeUnknown("no answer")]
    world.api.faults["revoke"] = [Unavailable("503")]
    pulumi_id, outputs = world.create(PLAIN)
    left = outputs["keyId"]
    assert world.alive == [left]
    assert pulumi_id == f"org/{left}"
    assert "secret" not in outputs
    assert [owed["step"] for owed in outputs["pending"]] == ["revoke", "rotate"]
    assert f"allomia revoke org {left}" in world.said.left[0]

    _, new = world.go_on(pulumi_id, outputs, PLAIN)
    assert world.alive == [new["keyId"]] != [left]
    assert new["secret"]
    assert new["pending"] == []


def test_with_an_overlap_the_left_key_is_revoked_before_the_next_is_made(world: World) -> None:
    news = {**PLAIN, "overlap": "1h"}
    world.api.faults["after mint"] = [OutcomeUnknown("no answer")]
    world.api.faults["revoke"] = [Unavailable("503")]
    pulumi_id, outputs = world.create(news)
    same_id, new = world.go_on(pulumi_id, outputs, news)
    assert same_id == pulumi_id
    assert world.alive == [new["keyId"]]
    assert "previousKeyId" not in new


def test_g4_a_left_key_that_somebody_revokes_is_dropped_by_a_refresh(world: World) -> None:
    world.api.faults["after mint"] = [OutcomeUnknown("no answer")]
    world.api.faults["revoke"] = [Unavailable("503")]
    pulumi_id, outputs = world.create(PLAIN)
    world.api.keys["org"].clear()
    world.start()
    assert world.keys.read(pulumi_id, outputs, world.said) is None


def test_g2_a_key_that_allomia_never_accepts_and_that_stays_is_kept_by_name(world: World) -> None:
    world.api.faults["prove"] = [CredentialRejected("401")] * 4
    world.api.faults["revoke"] = [Unavailable("503")]
    _, outputs = world.create(PLAIN)
    assert world.alive == [outputs["keyId"]]
    assert "secret" not in outputs


@pytest.mark.parametrize("moment", ["creation", "rotation in place"])
def test_g1_a_key_that_is_not_proved_ours_is_an_error_and_is_never_recorded(world: World, moment: str) -> None:
    """A proxy answers with somebody's key, and the list that would settle it fails."""
    first = {**PLAIN, "overlap": "1h", "rotationTriggers": {"q": "1"}}
    news = {**first, "rotationTriggers": {"q": "2"}}
    act: Callable[[], object] = partial(world.create, PLAIN)
    if moment == "rotation in place":
        pulumi_id, outputs = world.create(first)
        assert world.keys.diff(outputs, news, Call(IDENTITY, world.said, pulumi_id)).has_changes
        act = partial(world.keys.update, outputs, news, Call(IDENTITY, world.said, pulumi_id))
    original = world.api.mint_key

    def mix_up(organization_id: str, name: str) -> FakeKey:
        original(organization_id, name)
        world.api.faults["list"] = [Unavailable("503")]
        return world.api.make(organization_id, "by hand")

    world.api.mint_key = mix_up  # type: ignore[method-assign]
    with pytest.raises(KeyLeftBehind) as caught:
        act()
    by_hand = world.alive[-1]
    assert by_hand in str(caught.value)
    assert not caught.value.is_ours
    assert "revoke" not in world.api.calls


@pytest.mark.parametrize("answer", [Revocation.CONFIRMED, Revocation.ACCEPTED])
def test_g2_a_key_whose_engine_is_gone_is_proved_revoked(world: World, answer: Revocation) -> None:
    state = world.keys.create(PLAIN, Call(IDENTITY, world.said))[1]
    original = world.api.revoke_key

    def revoke(organization_id: str, key_id: str) -> Revocation:
        if answer is Revocation.CONFIRMED:
            original(organization_id, key_id)
        return answer

    world.api.revoke_key = revoke  # type: ignore[method-assign]
    if answer is Revocation.CONFIRMED:
        world.keys.abandon({}, state, world.said)
        assert world.alive == []
    else:
        with pytest.raises(UnexpectedAnswer, match="may be alive"):
            world.keys.abandon({}, state, world.said)


@pytest.mark.catalogue(6)
def test_g2_a_key_whose_engine_is_gone_is_revoked(world: World) -> None:
    state = world.keys.create(PLAIN, Call(IDENTITY, world.said))[1]
    world.keys.abandon({}, state, world.said)
    assert world.alive == []


def test_a_key_that_vault_holds_stays_for_its_readers_though_its_engine_is_gone(world: World) -> None:
    state = world.keys.create(NEWS, Call(IDENTITY, world.said))[1]
    world.keys.abandon({}, state, world.said)
    assert world.alive == [state.key_id]


@pytest.mark.catalogue(6)
def test_an_update_whose_engine_is_gone_loses_only_what_it_made(world: World) -> None:
    first = {**PLAIN, "overlap": "1h", "rotationTriggers": {"q": "1"}}
    pulumi_id, state = world.keys.create(first, Call(IDENTITY, world.said))
    news = {**first, "rotationTriggers": {"q": "2"}}
    world.keys.diff(state.to_outputs(), news, Call(IDENTITY, world.said, pulumi_id))
    after = world.keys.update(state.to_outputs(), news, Call(IDENTITY, world.said, pulumi_id))
    assert len(world.alive) == 2
    world.keys.abandon(state.to_outputs(), after, world.said)
    assert world.alive == [state.key_id]
    world.keys.abandon(after.to_outputs(), after, world.said)
    assert world.alive == [state.key_id]


def test_a_face_that_cannot_keep_half_a_key_gets_an_error(world: World) -> None:
    world.api.faults["after mint"] = [OutcomeUnknown("no answer")]
    world.api.faults["revoke"] = [Unavailable("503")]
    with pytest.raises(KeyLeftBehind):
        world.keys.create(PLAIN, Call(IDENTITY, world.said))
    world.vault.faults["deliver"] = [Unavailable("503")]
    with pytest.raises(Unavailable, match="the key was revoked"):
        world.keys.create(NEWS, Call(IDENTITY, world.said))


@pytest.mark.parametrize("moment", ["creation", "rotation in place"])
def test_g2_a_record_that_cannot_be_made_costs_no_key(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": {"n": "1"}, "overlap": "1d"})
    if moment == "rotation in place":
        assert stack.up().failure is None
        stack.edit(rotationTriggers={"n": "2"})
    before = set(stack.alive)

    def fail(_value: object) -> str:
        raise OverflowError

    module = "record" if moment == "creation" else "rotate"
    monkeypatch.setattr(f"allomia_pulumi.core.minted_key.{module}.fingerprint", fail)
    with pytest.raises(OverflowError):
        stack.up()
    assert set(stack.alive) == before
    monkeypatch.undo()
    assert stack.up().failure is None
    assert differences(stack) == []
