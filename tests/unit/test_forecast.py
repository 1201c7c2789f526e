"""What a preview tells of an update: what stays is known, what changes is not, and nothing is asked."""

from __future__ import annotations

from typing import Any

import pytest

from allomia_pulumi.core.handler import Preview
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.model import UNKNOWN
from tests.fakes import FakeAllomia, FakeClock, FakeTenants, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
NEWS = {"organizationId": "org", "name": "ehr", "rotationTriggers": {"q": "1"}, "overlap": "1h"}
ROTATING = {**NEWS, "rotationTriggers": {"q": "2"}}
PLACE = {"mount": "secret", "path": "apps/ehr", "field": "api_key"}
EVERYTHING = frozenset(str(field.alias) for field in KeyState.model_fields.values())


class World:
    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.keys = OrganizationKeys(FakeTenants(self.api), self.api.clock)
        self.said = Listener()
        self.id, state = self.keys.create(NEWS, IDENTITY, self.said)
        self.outputs = state.to_outputs()

    def update(self, news: dict[str, Any]) -> None:
        self.diff(news)
        self.outputs = self.keys.update(self.id, self.outputs, news, IDENTITY, self.said).to_outputs()

    def diff(self, news: dict[str, Any]) -> tuple[str, ...]:
        return self.keys.diff(self.id, self.outputs, news, IDENTITY, self.said).causes

    def preview(self, news: dict[str, Any]) -> Preview:
        self.diff(news)
        self.api.calls.clear()
        preview = self.keys.preview(self.id, self.outputs, news, IDENTITY)
        assert self.api.calls == []
        return preview


@pytest.fixture
def world() -> World:
    return World()


def test_of_a_rotation_in_place_nothing_is_known(world: World) -> None:
    assert world.preview(ROTATING) == Preview({}, EVERYTHING)
    assert world.diff(ROTATING) == ("rotation.trigger",)


def test_unknown_triggers_may_rotate_so_nothing_is_known(world: World) -> None:
    assert world.preview({**NEWS, "rotationTriggers": UNKNOWN}).unknown == EVERYTHING


def test_a_retirement_leaves_the_current_key_known_and_its_predecessor_absent(world: World) -> None:
    world.update(ROTATING)
    world.api.clock.advance(2 * 3600)
    before = dict(world.outputs)
    preview = world.preview(ROTATING)
    assert preview.unknown == frozenset()
    assert [preview.outputs[name] for name in ("keyId", "secret", "secretFingerprint")] == [
        before[name] for name in ("keyId", "secret", "secretFingerprint")
    ]
    assert [preview.outputs[name] for name in ("previousKeyId", "previousSecret", "previousRevokeAt")] == [None] * 3
    assert world.diff(ROTATING) == ("predecessor.retire",)


def test_what_a_preview_says_is_what_the_update_does(world: World) -> None:
    world.update(ROTATING)
    world.api.clock.advance(2 * 3600)
    expected = world.preview(ROTATING).outputs
    world.update(ROTATING)
    assert {name: value for name, value in expected.items() if value is not None} == world.outputs


@pytest.mark.parametrize("change", [{"rotateAfter": "90d"}, {"overlap": "2h"}, {"verify": False}])
def test_a_setting_that_moves_no_key_is_foretold_exactly(world: World, change: dict[str, Any]) -> None:
    news = {**NEWS, **change}
    expected = world.preview(news).outputs
    world.update(news)
    assert {name: value for name, value in expected.items() if value is not None} == world.outputs


def test_a_delivery_leaves_open_what_vault_will_answer(world: World) -> None:
    news = {**NEWS, "vaultSecret": PLACE}
    preview = world.preview(news)
    assert preview.unknown == {"vaultSecretVersion", "record", "pending", "nextActionAt"}
    assert preview.outputs["secret"] == world.outputs["secret"]
    assert world.diff(news) == ("delivery.due",)


def test_an_input_that_is_not_known_yet_leaves_open_what_follows_from_it(world: World) -> None:
    preview = world.preview({**NEWS, "rotateAfter": UNKNOWN})
    assert "rotateAt" in preview.unknown
    assert preview.outputs["secret"] == world.outputs["secret"]


def test_a_rotation_by_age_is_called_due(world: World) -> None:
    world.api.clock.advance(3 * 3600)
    assert world.diff({**NEWS, "rotateAfter": "2h"}) == ("rotation.due",)


def test_a_changed_name_is_called_so(world: World) -> None:
    assert world.diff({**NEWS, "name": "another", "overlap": None}) == ("rotation.renamed",)
