"""One suite for every face, over real gRPC and real HTTP: same inputs, same calls, same outputs, same errors."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from allomia_pulumi.core.marks import parse_mark
from tests.contract.faces import FACES, UNKNOWN, Diffed, Face, FaceError, is_marked_secret
from tests.contract.scenes import ONE, TWO, Scene, assert_readable, spelled
from tools.engine.processes import free_port


def test_a_key_lives_from_create_to_delete(scene: Scene) -> None:
    face, start = scene.face, scene.sandbox.last_event()
    id_, outputs = face.up(scene.news(ONE))
    assert scene.calls(start) == ["listed", "minted", "verified"]
    assert scene.accepts(outputs["secret"]) == 200
    assert id_ == f"{scene.organization}/{outputs['keyId']}"
    inputs = face.check(scene.news(ONE, name=scene.face.name), scene.news(TWO))
    assert face.diff(id_, outputs, inputs).replaces == ["rotationTriggers"]
    _, new = face.up(scene.news(TWO))
    assert new["rotationReason"] == "trigger"
    face.delete(id_, outputs)
    assert scene.accepts(outputs["secret"]) == 401
    assert scene.accepts(new["secret"]) == 200
    assert scene.alive() == [new["keyId"]]
    assert face.warnings == []
    assert face.printed == ""


def test_g1_the_inputs_that_check_returned_witness_the_lineage_of_the_key(scene: Scene) -> None:
    face = scene.face
    inputs = face.check({}, scene.news(ONE))
    _, outputs = face.create(inputs)
    mark = parse_mark(outputs["keyName"])
    assert mark is not None
    assert inputs["__lineage"] == mark.lineage == outputs["record"]["lineage"]
    assert face.check(inputs, scene.news(TWO))["__lineage"] == mark.lineage


def test_g3_secret_outputs_are_marked_in_every_answer(scene: Scene) -> None:
    face = scene.face
    id_, outputs = face.up(scene.news(ONE))
    answers = [face.last_answer]
    face.read(id_, outputs)
    answers.append(face.last_answer)
    after = face.update(id_, outputs, scene.news(name=scene.face.name))
    answers.append(face.last_answer)
    for answer in answers:
        assert is_marked_secret(answer, "secret")
        assert is_marked_secret(answer, "triggersHash")
        assert not is_marked_secret(answer, "keyId")
    assert after["triggersHash"] == ""
    assert set(after) == set(outputs)


def test_a_rotation_in_place_marks_the_predecessors_secret_too(scene: Scene) -> None:
    face, news = scene.face, scene.news(ONE, overlap="24h")
    id_, outputs = face.up(news)
    changed = scene.news(TWO, overlap="24h")
    inputs = face.check({**news, "name": face.name}, changed)
    assert face.diff(id_, outputs, inputs) == Diffed(changes=True, replaces=[])
    after = face.update(id_, outputs, inputs)
    assert all(is_marked_secret(face.last_answer, name) for name in ("secret", "previousSecret", "triggersHash"))
    assert (after["previousSecret"], after["previousKeyId"]) == (outputs["secret"], outputs["keyId"])
    assert after["rotationReason"] == "trigger"
    assert after["pending"] == []
    assert [scene.accepts(secret) for secret in (outputs["secret"], after["secret"])] == [200, 200]
    face.delete(id_, after)
    assert scene.alive() == []


@pytest.mark.catalogue(47)
def test_g1_a_404_to_a_revocation_is_no_proof(scene: Scene) -> None:
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.sandbox.add_fault("status", method="DELETE", path="*", status=404, times=None)
    with pytest.raises(FaceError, match="and nobody holds it") as caught:
        scene.face.up(scene.news(ONE))
    assert f"allomia revoke {scene.organization} {scene.alive()[0]}" in str(caught.value)


@pytest.mark.catalogue(50)
def test_g6_an_unchanged_key_costs_no_call(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    start = scene.sandbox.last_event()
    inputs = scene.face.check(scene.news(ONE, name=scene.face.name), scene.news(ONE))
    assert not scene.face.diff(id_, outputs, inputs).changes
    assert scene.calls(start) == []


AMBIGUOUS: dict[str, dict[str, Any]] = {
    "lost before": {"kind": "drop_before"},
    "lost after": {"kind": "drop_after"},
    "cut": {"kind": "truncate"},
    "500": {"kind": "status", "status": 500},
    "500 after": {"kind": "status_after", "status": 500},
    "503": {"kind": "status", "status": 503},
    "503 after": {"kind": "status_after", "status": 503},
    "HTML": {"kind": "html"},
    "HTML after": {"kind": "html", "after": True},
    "408": {"kind": "status", "status": 408},
    "408 after": {"kind": "status_after", "status": 408},
    "not JSON": {"kind": "body_after", "body": "{", "content_type": "application/json"},
    "no key": {
        "kind": "body_after",
        "body": '{"id":"a","name":"b","key":null,"createdAt":"2026-11-25T12:00:00Z"}',
        "content_type": "application/json",
    },
}


@pytest.mark.catalogue(9, 16)
@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_g1_g2_an_ambiguous_answer_leaves_one_key_whose_secret_works(scene: Scene, fault: dict[str, Any]) -> None:
    scene.sandbox.add_fault(method="POST", path="*/api-keys", **fault)
    _, outputs = scene.face.up(scene.news(ONE))
    assert scene.alive() == [outputs["keyId"]]
    assert scene.accepts(outputs["secret"]) == 200


@pytest.mark.catalogue(17)
@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_g1_g5_answers_lost_for_ever_leave_nothing_or_name_it(scene: Scene, fault: dict[str, Any]) -> None:
    scene.sandbox.add_fault(method="POST", path="*/api-keys", times=None, **fault)
    with pytest.raises(FaceError) as caught:
        scene.face.up(scene.news(ONE))
    assert_readable(str(caught.value), scene.tenant.key)
    assert scene.alive() == []
    assert str(caught.value).startswith("allomia: ")


def test_g2_a_lost_answer_that_cannot_be_settled_names_the_key(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys", status=403, times=None)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    key = scene.sandbox.alive(scene.organization)[0]
    assert key.name in str(caught.value)
    assert f"allomia revoke {scene.organization}" in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)


@pytest.mark.catalogue(45)
def test_g2_a_key_that_cannot_be_revoked_is_named(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.settings(verify_lag=99)
    scene.sandbox.add_fault("status", method="DELETE", path="*", status=403, times=None)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert f"allomia revoke {scene.organization} {scene.alive()[0]}" in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)


def test_g2_a_key_that_allomia_never_accepts_is_revoked(scene: Scene) -> None:
    scene.sandbox.settings(verify_lag=99)
    with pytest.raises(FaceError, match="does not accept it; the key was revoked"):
        scene.face.up(scene.news(ONE))
    assert scene.alive() == []


def test_a_new_key_that_needs_a_moment_gets_it(scene: Scene) -> None:
    scene.sandbox.settings(verify_lag=2)
    _, outputs = scene.face.up(scene.news(ONE))
    assert scene.alive() == [outputs["keyId"]]


@pytest.mark.catalogue(30)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 422, 429, 500])
def test_g5_a_sixth_key_is_refused_by_name_whatever_the_code(scene: Scene, status: int) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    for number in range(5):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    scene.sandbox.settings(quota_status=status)
    if status == 429:
        headers = {"Retry-After": "3600"}
        scene.sandbox.add_fault("status", method="POST", path="*/api-keys", status=429, headers=headers, times=None)
    with pytest.raises(FaceError, match="has no free key slot: 5 of 5 keys are alive") as caught:
        scene.face.create(inputs)
    assert all(f"by hand {number}" in str(caught.value) for number in range(5))
    assert_readable(str(caught.value), scene.tenant.key)


def test_g8_a_full_organization_is_refused_before_anything_is_sent(scene: Scene) -> None:
    for number in range(5):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    start = scene.sandbox.last_event()
    with pytest.raises(FaceError, match="no free key slot"):
        scene.face.check({}, scene.news(ONE))
    assert scene.calls(start) == ["listed"]


@pytest.mark.catalogue(17)
@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "status", "status": 403}, "Is it an organization key?"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "3600"}}, "limits requests"),
        ({"kind": "html"}, "a web page"),
        (
            {"kind": "status", "status": 302, "headers": {"Location": "https://evil.example"}},
            "does not look like AlloMia",
        ),
        ({"kind": "body_after", "body": "[]", "content_type": "application/json"}, "an answer of an unknown shape"),
    ],
)
def test_g5_a_bad_allomia_warns_in_preview_and_fails_in_create(scene: Scene, fault: dict[str, Any], text: str) -> None:
    scene.sandbox.add_fault(method="GET", path="*/api-keys", times=None, **fault)
    inputs = scene.face.check({}, scene.news(ONE))
    assert text in scene.face.warnings[0]
    assert_readable(scene.face.warnings[0], scene.tenant.key)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert text in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)
    assert scene.alive() == []


def test_g5_an_unknown_organization_says_so(scene: Scene) -> None:
    news = {**scene.news(ONE), "organizationId": "00000000-0000-0000-0000-000000000000"}
    for call in (lambda: scene.face.check({}, news), lambda: scene.face.create({**news, "name": "ehr"})):
        with pytest.raises(FaceError, match="does not exist, or the tenant key") as caught:
            call()
        assert_readable(str(caught.value), scene.tenant.key)
    assert scene.face.warnings == []


def test_g5_a_refused_tenant_key_is_an_error_of_preview_and_create(scene: Scene) -> None:
    scene.sandbox.add_fault("status", status=401, method="GET", path="*/api-keys", times=None)
    news = {**scene.news(ONE), "name": "ehr"}
    for call in (lambda: scene.face.check({}, news), lambda: scene.face.create(news)):
        with pytest.raises(FaceError, match="environment variable ALLOMIA_TENANT_KEY") as caught:
            call()
        assert_readable(str(caught.value), scene.tenant.key)
    assert scene.face.warnings == []
    assert scene.alive() == []


def test_g5_key_endpoints_that_allomia_does_not_serve_are_told(scene: Scene) -> None:
    scene.sandbox.settings(key_endpoints=False)
    with pytest.raises(FaceError, match="they are assumed, since AlloMia documents none") as caught:
        scene.face.create(scene.face.check({}, scene.news(ONE)))
    assert "allomia:keysPath" in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)


@pytest.mark.catalogue(28)
def test_a_read_drops_a_key_on_proof_only(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    scene.sandbox.revoke_by_hand(scene.organization, outputs["keyId"])
    with request_fails(scene, 401), pytest.raises(FaceError, match="--run-program") as caught:
        fresh_read(scene, id_, outputs)
    assert_readable(str(caught.value), scene.tenant.key)
    assert fresh_read(scene, id_, outputs)[0] == ""


def request_fails(scene: Scene, status: int) -> Any:
    """Let every read of AlloMia fail inside the block."""

    class Fails:
        def __enter__(self) -> None:
            scene.sandbox.add_fault("status", method="GET", path="/api/organization*", status=status, times=None)

        def __exit__(self, *_: object) -> None:
            scene.sandbox.clear_faults()

    return Fails()


def fresh_read(scene: Scene, id_: str, outputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read in a process of its own, as a refresh does."""
    face = type(scene.face)(scene.face.configuration, scene.face.environ)
    with face:
        return face.read(id_, outputs)


def test_g4_a_foreign_or_deleted_organization_is_an_error_with_the_way_out(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    scene.sandbox.delete_organization(scene.organization)
    with pytest.raises(FaceError, match="pulumi state delete URN") as caught:
        fresh_read(scene, id_, outputs)
    assert_readable(str(caught.value), scene.tenant.key)
    with pytest.raises(FaceError, match="pulumi state delete URN"):
        scene.face.delete(id_, outputs)


@pytest.mark.catalogue(47)
def test_g7_delete_is_safe_to_repeat(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    scene.face.delete(id_, outputs)
    scene.face.delete(id_, outputs)
    assert scene.alive() == []


@pytest.mark.catalogue(47)
def test_g7_a_lost_answer_to_a_delete_is_no_error(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    scene.sandbox.add_fault("drop_after", method="DELETE", path="*")
    scene.face.delete(id_, outputs)
    assert scene.alive() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"organizationId": ""}, "organizationId is not a text or is empty"),
        ({"name": ""}, "name is not a text or is empty"),
        ({"name": "x" * 61}, "name has 61 characters"),
        ({"tenantKeyRef": "alm_tenant_in_clear"}, "tenantKeyRef is not a Vault reference"),
        ({"rotationTriggers": {"n": ["1"]}}, "rotationTriggers.n is not a text"),
        ({"secretInState": False}, "secretInState is false without vaultSecret"),
        ({"organizationId": ".."}, "organizationId is not an id"),
        ({"overlap": "soon"}, "overlap is not a duration"),
        ({"overlap": "2d", "rotateAfter": "1d"}, "overlap is not shorter than rotateAfter"),
        ({"vaultSecret": {"mount": "secret", "path": "../a", "field": "f"}}, "vaultSecret is not a Vault reference"),
        ({"keepers": {"a": "b"}}, "`keepers` is not supported by this version"),
    ],
)
def test_g5_bad_input_is_a_check_failure(scene: Scene, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FaceError, match=re.escape(spelled(scene.face, reason))) as caught:
        scene.face.check({}, {**scene.news(ONE), **change})
    assert_readable(str(caught.value), scene.tenant.key, "alm_tenant_in_clear")


@pytest.mark.catalogue(49)
def test_unknown_values_in_a_preview_take_no_slot_and_rotate_nothing(scene: Scene) -> None:
    start = scene.sandbox.last_event()
    news = {**scene.news(ONE), "organizationId": UNKNOWN}
    assert scene.face.check({}, news)["organizationId"] == UNKNOWN
    assert scene.calls(start) == []
    id_, outputs = scene.face.up(scene.news(ONE))
    inputs = scene.face.check(scene.news(ONE, name=scene.face.name), news)
    assert not scene.face.diff(id_, outputs, inputs).changes
    inputs = scene.face.check(scene.news(ONE, name=scene.face.name), {**scene.news(), "rotationTriggers": UNKNOWN})
    diffed = scene.face.diff(id_, outputs, inputs)
    assert (diffed.changes, diffed.replaces) == (True, [])
    assert any("the key may rotate" in said.message for said in scene.face.said if said.severity == "INFO")


@pytest.mark.catalogue(55)
def test_twenty_keys_at_once_are_minted_once_each(scene: Scene) -> None:
    organizations = [scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}") for number in range(20)]
    scene.sandbox.settings(latency_ms=50)

    def up(number: int) -> str:
        news = {**scene.news(ONE), "organizationId": organizations[number]}
        return str(scene.face.up(news, name=f"key-{number}")[1]["keyId"])

    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(up, range(20)))
    alive = [[key.id for key in scene.sandbox.alive(organization)] for organization in organizations]
    assert alive == [[key] for key in made]


@pytest.mark.parametrize(
    ("configuration", "environ", "reason"),
    [
        ({}, {}, "no tenant key is configured"),
        ({"tenantKeyRef": "alm_tenant_in_clear"}, {}, "is not a Vault reference"),
        ({"apiUrl": "http://allomia.example"}, {}, "an http address off this machine"),
        ({"vault": '{"auth": {"token": "s.canary"}}'}, {}, "would put a secret into Pulumi's state"),
        ({"keysPath": "/keys"}, {}, "one {organizationId}"),
    ],
)
@pytest.mark.parametrize("kind", FACES)
def test_g5_wrong_configuration_is_a_check_failure(
    kind: type[Face], configuration: dict[str, str], environ: dict[str, str], reason: str
) -> None:
    with kind(configuration, environ) as face:
        with pytest.raises(FaceError, match=re.escape(reason)) as caught:
            face.check({}, {"organizationId": "org"})
        assert_readable(str(caught.value), "alm_tenant_in_clear", "s.canary")


@pytest.mark.catalogue(11)
@pytest.mark.parametrize("kind", FACES)
def test_g5_an_allomia_that_is_not_there_warns_and_then_fails(kind: type[Face]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with kind({"apiUrl": address}, {"ALLOMIA_TENANT_KEY": "alm_tenant_canary"}) as face:
        inputs = face.check({}, {"organizationId": "org"})
        assert "is not reachable" in face.warnings[0]
        assert "stack configuration allomia:apiUrl" in face.warnings[0]
        with pytest.raises(FaceError, match="is not reachable") as caught:
            face.create(inputs)
        assert_readable(str(caught.value), "alm_tenant_canary")
