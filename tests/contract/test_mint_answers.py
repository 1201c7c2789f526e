"""What AlloMia answers to a mint is checked before anybody is given it: every lie, on both faces, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.faces import FaceError
from tests.contract.scenes import ONE, TWO, Scene, assert_readable
from tools.engine.sandbox import MadeKey

DAY = timedelta(days=1)


def lie(scene: Scene, changes: dict[str, Any], **more: Any) -> None:
    scene.sandbox.add_fault("edit_after", method="POST", path="*/api-keys", changes=changes, **more)


def mints(scene: Scene, since: int) -> int:
    return scene.calls(since).count("minted")


def refused(scene: Scene, inputs: dict[str, Any]) -> FaceError:
    """Create, and return the error; no key is handed over, recorded or named with a secret, and one was asked for."""
    start = scene.sandbox.last_event()
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert caught.value.kept is None
    assert mints(scene, start) == 1
    assert_readable(str(caught.value), scene.tenant.key)
    return caught.value


# What AlloMia says, given a hand-made key from before and one that was made after the list; what the error says.
LIES: dict[str, tuple[Callable[[Scene, MadeKey, MadeKey], dict[str, Any]], str]] = {
    "the tenant key": (lambda scene, *_: {"key": scene.tenant.key}, "the key in it is the tenant key"),
    "an id with the key": (lambda *_: {"id": "a-{key}"}, "its id contains a key"),
    "an id with the tenant key": (lambda scene, *_: {"id": scene.tenant.key}, "its id contains a key"),
    "a name with the key": (lambda *_: {"name": "{key}{name}"}, "its name contains a key"),
    "a name with the tenant key": (
        lambda scene, *_: {"name": f"{scene.tenant.key}{{name}}"},
        "its name contains a key",
    ),
    "an id from before": (lambda _, before, __: {"id": before.id}, "{before} existed before"),
    "another name": (lambda *_: {"name": "by hand"}, "without its mark"),
    "another key's answer": (
        lambda _, __, after: {"id": after.id, "name": after.name, "key": after.key},
        "{after}",
    ),
}


@pytest.mark.catalogue(65)
@pytest.mark.parametrize("name", LIES)
def test_g1_g2_g3_an_answer_that_cannot_be_true_is_settled_by_the_mark_and_never_handed_over(
    scene: Scene, name: str
) -> None:
    changes, text = LIES[name]
    before = scene.sandbox.make_key_by_hand(scene.organization, "before")
    inputs = scene.face.check({}, scene.news(ONE))
    after = scene.sandbox.make_key_by_hand(scene.organization, "after")
    lie(scene, changes(scene, before, after))
    error = refused(scene, inputs)
    assert text.format(before=before.id, after=after.id) in str(error)
    assert "was revoked" in str(error)
    assert scene.alive() == [before.id, after.id]


@pytest.mark.catalogue(65)
@pytest.mark.parametrize("kind", ["status", "drop_before"])
def test_g1_an_answer_that_cannot_be_true_and_a_list_that_fails_name_both_and_touch_nothing(
    scene: Scene, kind: str
) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    after = scene.sandbox.make_key_by_hand(scene.organization, "after")
    lie(scene, {"id": after.id, "name": after.name, "key": after.key})
    more = {"status": 403} if kind == "status" else {}
    scene.sandbox.add_fault(kind, method="GET", path="*/api-keys*", times=None, **more)
    error = refused(scene, inputs)
    ours = next(key for key in scene.sandbox.alive(scene.organization) if key.id != after.id)
    assert ours.name in str(error)
    assert after.id in str(error)
    assert scene.alive() == [after.id, ours.id]


@pytest.mark.catalogue(65)
def test_g1_a_name_that_allomia_cut_is_nobodys_to_delete_and_is_named(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("status", method="POST", path="*/api-keys", status=201, body={})
    cut = scene.sandbox.make_key_by_hand(scene.organization, "cut")
    scene.sandbox.clear_faults()
    answer = {"id": cut.id, "name": cut.name, "key": cut.key, "createdAt": "2026-11-25T12:00:00Z"}
    scene.sandbox.add_fault("status", method="POST", path="*/api-keys", status=201, body=answer)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert caught.value.kept is None
    assert f"allomia revoke {scene.organization} {cut.id}" in str(caught.value)
    assert scene.alive() == [cut.id]
    assert_readable(str(caught.value), scene.tenant.key, cut.key)


@pytest.mark.catalogue(65)
def test_g1_a_compensation_ends_what_carries_the_mark_and_not_what_was_answered(scene: Scene) -> None:
    """The answer has our name and the id of somebody's new key; the proof then refuses the secret."""
    inputs = scene.face.check({}, scene.news(ONE))
    after = scene.sandbox.make_key_by_hand(scene.organization, "after")
    scene.sandbox.settings(verify_lag=99)
    lie(scene, {"id": after.id})
    error = refused(scene, inputs)
    assert "does not accept it" in str(error)
    assert after.id in str(error)
    assert scene.alive() == [after.id]


@pytest.mark.catalogue(65)
def test_g1_g2_another_organizations_key_is_refused_when_the_tenant_key_sees_what_it_does_not(scene: Scene) -> None:
    other = scene.sandbox.add_organization(scene.tenant.id, "Hill Clinic")
    foreign = scene.sandbox.make_key_by_hand(other, "theirs")
    inputs = scene.face.check({}, scene.news(ONE))
    lie(scene, {"key": foreign.key})
    error = refused(scene, inputs)
    assert "it does not see" in str(error)
    assert "the key was revoked" in str(error)
    assert scene.alive() == []
    assert scene.sandbox.key_status(other, foreign.key) == 200


@pytest.mark.catalogue(65)
def test_a_404_to_the_proof_is_inconclusive_while_the_tenant_key_gets_one_too(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("status", method="GET", path="/api/calls", status=404, times=None)
    start = scene.sandbox.last_event()
    _, outputs = scene.face.create(inputs)
    assert scene.alive() == [outputs["keyId"]]
    assert any("is handed over unproved" in warning for warning in scene.face.warnings)
    calls = [event for event in scene.sandbox.events(start) if event.path == "/api/calls"]
    assert [event.credential for event in calls] == ["organization"] * 4 + ["tenant"]


@pytest.mark.catalogue(65)
def test_g2_a_key_that_is_not_found_for_a_moment_is_proved_in_the_end(scene: Scene) -> None:
    scene.sandbox.add_fault("status", method="GET", path="/api/calls", status=404, times=2)
    _, outputs = scene.face.up(scene.news(ONE))
    assert scene.accepts(outputs["secret"]) == 200
    assert scene.face.warnings == []


@pytest.mark.catalogue(65)
def test_g1_one_id_for_two_declared_keys_is_refused_to_the_second(scene: Scene) -> None:
    _, first = scene.face.up(scene.news(ONE))
    inputs = scene.face.check({}, scene.news(ONE), name="second")
    lie(scene, {"id": first["keyId"]})
    with pytest.raises(FaceError, match=f"{first['keyId']} existed before") as caught:
        scene.face.create(inputs, name="second")
    assert caught.value.kept is None
    assert scene.alive() == [first["keyId"]]
    assert scene.accepts(first["secret"]) == 200


@pytest.mark.catalogue(31)
@pytest.mark.parametrize("moment", ["2199-01-01T00:00:00Z", "2001-01-01T00:00:00Z"])
def test_a_moment_of_making_far_from_allomias_own_clock_is_replaced_by_it_with_a_warning(
    scene: Scene, moment: str
) -> None:
    lie(scene, {"createdAt": moment})
    _, outputs = scene.face.up(scene.news(rotateAfter="90d"))
    made = datetime.fromisoformat(outputs["createdAt"])
    assert abs(made - datetime.now(UTC)) < DAY
    assert abs(datetime.fromisoformat(outputs["rotateAt"]) - made - 90 * DAY) < DAY
    (warning,) = scene.face.warnings
    assert moment[:10] in warning


@pytest.mark.catalogue(65)
def test_g1_a_rotation_in_place_whose_answer_cannot_be_true_keeps_the_key_and_records_nothing(scene: Scene) -> None:
    news = scene.news(ONE, overlap="24h")
    id_, outputs = scene.face.up(news)
    inputs = scene.face.check({**news, "name": scene.face.name}, scene.news(TWO, overlap="24h"))
    assert scene.face.diff(id_, outputs, inputs).changes
    after = scene.sandbox.make_key_by_hand(scene.organization, "after")
    lie(scene, {"id": after.id, "name": after.name, "key": after.key})
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys*", status=403, times=None)
    with pytest.raises(FaceError, match=after.id) as caught:
        scene.face.update(id_, outputs, inputs)
    assert caught.value.kept is None
    assert after.id in scene.alive()
    assert scene.accepts(outputs["secret"]) == 200


def test_a_rotation_by_replacement_costs_a_list_a_mint_a_proof_and_a_deletion(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    inputs = scene.face.check(scene.news(ONE, name=scene.face.name), scene.news(TWO))
    start = scene.sandbox.last_event()
    scene.face.diff(id_, outputs, inputs)
    _, new = scene.face.up(scene.news(TWO))
    scene.face.delete(id_, outputs)
    assert [call for call in scene.calls(start) if call != "listed"] == ["minted", "verified", "revoked"]
    assert scene.calls(start).count("listed") <= 1
    assert scene.alive() == [new["keyId"]]
