"""A key counts as revoked on proof, whatever AlloMia answers to a deletion: both faces and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.faces import FaceError, PluginFace
from tests.contract.scenes import ONE, TWO, Scene, assert_readable
from tools.engine.sandbox import Sandbox

ALLOMIA = str(Path(sys.executable).with_name("allomia"))
OTHER = "0b8e7a52-0000-4000-8000-000000000000"
# 2xx answers that confirm nothing.
ANSWERS: dict[str, dict[str, Any]] = {
    "an empty object": {"status": 200, "body": {}},
    "an error": {"status": 200, "body": {"error": "not now"}},
    "a message": {"status": 200, "body": {"message": "API key successfully deleted"}},
    "queued": {"status": 202, "body": {"message": "queued"}},
    "no content": {"status": 204},
    "a page": {"status": 200, "body": "<html></html>", "headers": {"Content-Type": "text/html"}},
    "nothing": {"status": 200, "body": ""},
    "a list": {"status": 200, "body": []},
}


def answer(scene: Scene, kind: str, **fault: Any) -> None:
    scene.sandbox.add_fault(kind, method="DELETE", path="*", times=None, **fault)


def listing(scene: Scene) -> dict[str, Any]:
    """Return the organization's list as AlloMia shows it now."""
    keys = [{"id": key.id, "name": key.name} for key in scene.sandbox.alive(scene.organization)]
    return {"apiKeys": keys, "pagination": {"total": len(keys), "hasNextPage": False}}


def test_a_destroy_costs_one_deletion(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    start = scene.sandbox.last_event()
    scene.face.delete(id_, outputs)
    assert scene.calls(start) == ["revoked"]


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("name", ANSWERS)
def test_g4_a_deletion_that_allomia_only_claims_is_an_error_and_the_key_is_named(scene: Scene, name: str) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    answer(scene, "status", **ANSWERS[name])
    with pytest.raises(FaceError, match="it may be alive") as caught:
        scene.face.delete(id_, outputs)
    assert f"allomia revoke {scene.organization} {outputs['keyId']}" in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key, outputs["secret"])
    assert scene.accepts(outputs["secret"]) == 200


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("name", ANSWERS)
def test_g7_a_deletion_that_is_not_confirmed_counts_when_the_key_itself_is_gone(scene: Scene, name: str) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    answer(scene, "status_after", **ANSWERS[name])
    start = scene.sandbox.last_event()
    scene.face.delete(id_, outputs)
    assert scene.alive() == []
    assert [event.method for event in scene.sandbox.events(start)] == ["DELETE", "GET", "GET", "GET"]
    assert scene.face.warnings == []


@pytest.mark.catalogue(66)
def test_a_deletion_that_is_queued_is_waited_for_and_a_list_that_lags_is_a_warning(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    key = {"id": outputs["keyId"], "name": outputs["keyName"]}
    answer(scene, "status_after", status=202, body={"message": "queued"})
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys/*", status=200, body=key, times=2)
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys", status=200, body=listing(scene), times=None)
    scene.face.delete(id_, outputs)
    (warning,) = scene.face.warnings
    assert outputs["keyId"] in warning
    assert "still lists it" in warning
    assert scene.alive() == []


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_g4_a_deletion_of_another_key_is_an_error_that_names_both(scene: Scene, kind: str) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    answer(scene, kind, status=200, body={"message": "API key successfully deleted", "apiKeyId": OTHER})
    with pytest.raises(FaceError, match=OTHER) as caught:
        scene.face.delete(id_, outputs)
    assert outputs["keyId"] in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("status", [404, 401, 500])
def test_g4_a_key_that_is_gone_in_an_organization_that_is_not_readable_is_not_proved_gone(
    scene: Scene, status: int
) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    answer(scene, "status", status=204)
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys/*", status=404, times=None)
    scene.sandbox.add_fault("status", method="GET", path=f"*/{scene.organization}", status=status, times=None)
    with pytest.raises(FaceError) as caught:
        scene.face.delete(id_, outputs)
    assert f"allomia revoke {scene.organization} {outputs['keyId']}" in str(caught.value)


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("name", ANSWERS)
def test_g2_a_compensation_that_allomia_only_claims_leaves_a_key_that_is_named(scene: Scene, name: str) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.settings(verify_lag=99)
    answer(scene, "status", **ANSWERS[name])
    with pytest.raises(FaceError, match="nobody holds it") as caught:
        scene.face.create(inputs)
    (alive,) = scene.alive()
    assert f"allomia revoke {scene.organization} {alive}" in str(caught.value)
    if isinstance(scene.face, PluginFace):
        assert caught.value.kept is not None
        assert caught.value.kept.outputs["keyId"] == alive
    scene.sandbox.clear_faults()
    scene.sandbox.revoke_by_hand(scene.organization, alive)


def rotated_in_place(scene: Scene) -> tuple[str, dict[str, Any]]:
    """Return a key with a living predecessor, whose overlap ends as soon as the program leaves it out."""
    news = scene.news(ONE, overlap="24h")
    id_, outputs = scene.face.up(news)
    inputs = scene.face.check({**news, "name": scene.face.name}, scene.news(TWO, overlap="24h"))
    scene.face.diff(id_, outputs, inputs)
    start = scene.sandbox.last_event()
    after = scene.face.update(id_, outputs, inputs)
    assert scene.calls(start) == ["minted", "verified"]
    return id_, after


def retire(scene: Scene, id_: str, outputs: dict[str, Any]) -> dict[str, Any]:
    news = scene.news(TWO)
    inputs = scene.face.check({**scene.news(TWO, overlap="24h"), "name": scene.face.name}, news)
    assert scene.face.diff(id_, outputs, inputs).changes
    return scene.face.update(id_, outputs, inputs)


def test_a_rotation_in_place_costs_a_mint_and_a_proof_and_its_end_a_list_a_look_and_a_deletion(scene: Scene) -> None:
    id_, outputs = rotated_in_place(scene)
    start = scene.sandbox.last_event()
    after = retire(scene, id_, outputs)
    calls = scene.calls(start)
    assert (sorted(calls[:2]), calls[2:]) == (["listed", "read"], ["revoked"])
    assert scene.alive() == [after["keyId"]]
    assert "previousKeyId" not in after


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("name", ANSWERS)
def test_g4_a_predecessor_whose_deletion_allomia_only_claims_stays_in_the_state(scene: Scene, name: str) -> None:
    id_, outputs = rotated_in_place(scene)
    answer(scene, "status", **ANSWERS[name])
    after = retire(scene, id_, outputs)
    assert after["previousKeyId"] == outputs["previousKeyId"]
    assert any(outputs["previousKeyId"] in each and "may be alive" in each for each in scene.face.warnings)
    scene.sandbox.clear_faults()
    answer(scene, "status_after", **ANSWERS[name])
    assert "previousKeyId" not in retire(scene, id_, after)
    assert scene.alive() == [outputs["keyId"]]


def revoke(scene: Scene, key_id: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "ALLOMIA_API_URL": scene.sandbox.address,
        "ALLOMIA_TENANT_KEY": scene.tenant.key,
    }
    return subprocess.run(
        [ALLOMIA, "revoke", scene.organization, key_id, "--yes"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=90,
    )


@pytest.fixture
def emergency(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Return a scene whose face is not needed: the command line has one of its own."""
    tenant = sandbox.add_tenant("clinics")
    face = PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}, name=request.node.name)
    sandbox.clear_faults()
    sandbox.settings(quota_status=409, key_endpoints=True, verify_lag=0, latency_ms=0)
    yield Scene(sandbox, tenant, sandbox.add_organization(tenant.id, "Valley Health"), face)
    sandbox.clear_faults()


def test_the_emergency_command_proves_and_says_what_it_saw(emergency: Scene) -> None:
    made = emergency.sandbox.make_key_by_hand(emergency.organization, "leaked")
    start = emergency.sandbox.last_event()
    done = revoke(emergency, made.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "revoked: AlloMia confirmed it, the key itself answers 404, and the list lacks it"
    )
    assert emergency.alive() == []
    methods = [event.method for event in emergency.sandbox.events(start)]
    assert methods == ["GET", "DELETE", "GET", "GET", "GET"]


@pytest.mark.catalogue(66)
@pytest.mark.parametrize("name", ["an empty object", "queued", "no content", "confirmed"])
def test_g5_the_emergency_command_never_says_revoked_of_a_living_key(emergency: Scene, name: str) -> None:
    made = emergency.sandbox.make_key_by_hand(emergency.organization, "leaked")
    confirmed = {"status": 200, "body": {"message": "gone", "apiKeyId": made.id}}
    answer(emergency, "status", **{**ANSWERS, "confirmed": confirmed}[name])
    done = revoke(emergency, made.id)
    assert done.returncode == 1
    assert "revoked: " not in done.stdout
    assert f"key {made.id}" in done.stderr
    assert "it may be alive" in done.stderr
    assert emergency.accepts(made.key) == 200


def test_the_emergency_command_ends_a_key_that_the_list_lacks_and_that_answers(emergency: Scene) -> None:
    empty = listing(emergency)
    made = emergency.sandbox.make_key_by_hand(emergency.organization, "leaked")
    emergency.sandbox.add_fault("status", method="GET", path="*/api-keys", status=200, body=empty, times=None)
    done = revoke(emergency, made.id)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("revoked: AlloMia confirmed it")
    assert emergency.alive() == []


def test_the_emergency_command_says_of_a_key_that_is_gone_what_proves_it(emergency: Scene) -> None:
    made = emergency.sandbox.make_key_by_hand(emergency.organization, "leaked")
    emergency.sandbox.revoke_by_hand(emergency.organization, made.id)
    done = revoke(emergency, made.id)
    assert done.returncode == 3
    assert f"organization {emergency.organization} has no key {made.id}" in done.stderr
    assert "the list lacks it and it answers 404 itself" in done.stderr
