"""The engine's error hooks repeat an operation with the outputs of before: nothing is made twice, nothing is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from allomia_pulumi.core.marks import parse_mark
from tests.contract.faces import FaceError, PluginFace
from tests.contract.scenes import ONE, TWO, Scene

MINT = {"method": "POST", "path": "*/api-keys"}
PROOF = {"method": "GET", "path": "/api/calls"}
REVOKE = {"method": "DELETE", "path": "*/api-keys/*"}


def made(scene: Scene, since: int) -> Counter[str]:
    return Counter(scene.calls(since))


def spoil_the_hand_over(scene: Scene) -> None:
    """Let AlloMia make a key, refuse it, and not revoke it."""
    scene.sandbox.add_fault("status", status=401, times=None, **PROOF)
    scene.sandbox.add_fault("status", status=500, times=None, **REVOKE)


def lineages(scene: Scene) -> set[str]:
    marks = (parse_mark(key.name) for key in scene.sandbox.alive(scene.organization))
    return {mark.lineage for mark in marks if mark}


def test_g1_a_creation_that_failed_before_its_mint_is_repeated_once(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("status", status=400, **MINT)
    with pytest.raises(FaceError):
        scene.face.create(inputs)
    _, outputs = scene.face.create(inputs)
    assert scene.alive() == [outputs["keyId"]]
    assert lineages(scene) == {inputs["__lineage"]} == {outputs["record"]["lineage"]}


@pytest.mark.catalogue(62)
def test_g1_a_repeated_creation_ends_what_it_left_before_it_makes_another(scene: Scene) -> None:
    start, inputs = scene.sandbox.last_event(), scene.face.check({}, scene.news(ONE))
    spoil_the_hand_over(scene)
    for _ in range(3):
        with pytest.raises(FaceError) as caught:
            scene.face.create(inputs)
        assert scene.alive()[0] in str(caught.value)
    assert made(scene, start)["minted"] == 1
    scene.sandbox.clear_faults()
    _, outputs = scene.face.create(inputs)
    assert scene.alive() == [outputs["keyId"]]
    assert outputs["pending"] == []
    assert scene.accepts(outputs["secret"]) == 200


def test_g1_g2_the_plugins_half_done_creation_is_repeated_as_an_update_and_comes_to_its_end(scene: Scene) -> None:
    """The engine repeats a creation that ended half-way as an update with its outputs, and without a diff."""
    if not isinstance(scene.face, PluginFace):
        pytest.skip("the dynamic face has no creation that ends half-way")
    start, inputs = scene.sandbox.last_event(), scene.face.check({}, scene.news(ONE))
    spoil_the_hand_over(scene)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    kept = caught.value.kept
    assert kept is not None
    for _ in range(2):
        with pytest.raises(FaceError) as caught:
            scene.face.update(kept.id, kept.outputs, inputs)
        assert caught.value.kept is not None
    assert made(scene, start)["minted"] == 1
    scene.sandbox.clear_faults()
    after = scene.face.update(kept.id, kept.outputs, inputs)
    assert scene.alive() == [after["keyId"]] != [kept.outputs["keyId"]]
    assert after["pending"] == []
    assert scene.accepts(after["secret"]) == 200


@pytest.mark.catalogue(62)
def test_g1_a_repeated_creation_that_had_succeeded_hands_over_the_same_key(scene: Scene) -> None:
    start = scene.sandbox.last_event()
    inputs = scene.face.check({}, scene.news(ONE))
    first = scene.face.create(inputs)
    assert scene.face.create(inputs) == first
    assert made(scene, start)["minted"] == 1


def test_g1_with_other_inputs_a_creation_is_none_of_before_and_names_that_key(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    _, first = scene.face.create(inputs)
    _, second = scene.face.create({**inputs, "rotationTriggers": TWO})
    assert first["keyId"] != second["keyId"]
    assert any(first["keyId"] in warning and "allomia orphans" in warning for warning in scene.face.warnings)


def test_g1_after_its_deletion_a_creation_makes_a_key_again(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    id_, first = scene.face.create(inputs)
    scene.face.delete(id_, first)
    _, second = scene.face.create(inputs)
    assert scene.alive() == [second["keyId"]] != [first["keyId"]]


def test_g2_a_repeated_replacement_keeps_its_reason_and_its_lineage(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    inputs = scene.face.check(
        scene.news(ONE, name=scene.face.name, __lineage=outputs["record"]["lineage"]), scene.news(TWO)
    )
    assert scene.face.diff(id_, outputs, inputs).replaces == ["rotationTriggers"]
    inputs = scene.face.check({}, scene.news(TWO))
    scene.sandbox.add_fault("status", status=400, times=2, **MINT)
    for _ in range(2):
        with pytest.raises(FaceError):
            scene.face.create(inputs)
    _, after = scene.face.create(inputs)
    assert after["rotationReason"] == "trigger"
    assert after["record"]["lineage"] == outputs["record"]["lineage"]
    assert scene.face.warnings == []


class Rotation:
    """A key that is due for a rotation in place, after its diff."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.id, self.outputs = scene.face.up(scene.news(ONE, overlap="1h"))
        old = scene.news(ONE, overlap="1h", name=scene.face.name, __lineage=self.outputs["record"]["lineage"])
        self.inputs = scene.face.check(old, scene.news(TWO, overlap="1h"))
        assert scene.face.diff(self.id, self.outputs, self.inputs).changes
        self.start = scene.sandbox.last_event()

    def update(self) -> dict[str, Any]:
        return self.scene.face.update(self.id, self.outputs, self.inputs)

    def must_be_done(self, after: dict[str, Any]) -> None:
        assert after["rotationReason"] == "trigger"
        assert after["previousKeyId"] == self.outputs["keyId"]
        assert sorted(self.scene.alive()) == sorted([after["keyId"], after["previousKeyId"]])
        assert after["pending"] == []
        assert self.scene.accepts(after["secret"]) == 200


@pytest.mark.catalogue(62)
def test_g2_a_repeated_update_without_its_diff_rotates_all_the_same(scene: Scene) -> None:
    rotation = Rotation(scene)
    scene.sandbox.add_fault("status", status=400, times=2, **MINT)
    for _ in range(2):
        with pytest.raises(FaceError):
            rotation.update()
    rotation.must_be_done(rotation.update())


@pytest.mark.catalogue(62)
def test_g1_g2_a_repeated_update_goes_on_from_the_half_done_one(scene: Scene) -> None:
    rotation = Rotation(scene)
    spoil_the_hand_over(scene)
    for _ in range(3):
        if isinstance(scene.face, PluginFace):
            with pytest.raises(FaceError) as caught:
                rotation.update()
            assert caught.value.kept is not None
        else:
            assert [owed["step"] for owed in rotation.update()["pending"]] == ["revoke"]
    assert made(scene, rotation.start)["minted"] == 1
    scene.sandbox.clear_faults()
    rotation.must_be_done(rotation.update())


def test_g1_a_repeated_update_that_had_succeeded_says_the_same(scene: Scene) -> None:
    rotation = Rotation(scene)
    after = rotation.update()
    assert rotation.update() == after
    assert made(scene, rotation.start)["minted"] == 1
    rotation.must_be_done(after)


@pytest.mark.catalogue(62)
def test_g7_a_repeated_deletion_ends_everything(scene: Scene) -> None:
    rotation = Rotation(scene)
    after = rotation.update()
    scene.sandbox.add_fault("status", status=400, skip=1, **REVOKE)
    with pytest.raises(FaceError):
        scene.face.delete(rotation.id, after)
    assert len(scene.alive()) == 1
    for _ in range(2):
        scene.face.delete(rotation.id, after)
    assert scene.alive() == []
