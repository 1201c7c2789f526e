"""A key made by hand, for every face: real gRPC, real HTTP, a real OpenBao, and an AlloMia without key endpoints."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.faces import FACES, UNKNOWN, Face, FaceError, is_marked_secret
from tests.contract.scenes import assert_readable, spelled
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeKey, Sandbox

DOCUMENTED = {"/api/organization", "/api/calls"}


@dataclass(frozen=True)
class Scene:
    """An organization, a place in Vault, and a face that may read there; no tenant key is anywhere near."""

    sandbox: Sandbox
    openbao: OpenBao
    organization: str
    path: str
    face: Face

    def news(self, **more: Any) -> dict[str, Any]:
        return {"organizationId": self.organization, "vaultSecret": f"secret/{self.path}#api_key", **more}

    def write(self, key: str) -> None:
        kv = self.openbao.client().secrets.kv.v2
        kv.create_or_update_secret(self.path, {"api_key": key}, mount_point="secret")

    def make(self, name: str = "ehr") -> MadeKey:
        made = self.sandbox.make_key_by_hand(self.organization, name)
        self.write(made.key)
        return made

    def revoke(self, made: MadeKey) -> None:
        self.sandbox.revoke_by_hand(self.organization, made.id)

    def next(self, id_: str, outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Go on as an `up` does; return the same outputs when there is nothing to do."""
        inputs = self.face.check(self.news(**more), self.news(**more))
        if not self.face.diff(id_, outputs, inputs).changes:
            return outputs
        return self.face.update(id_, outputs, inputs)


@pytest.fixture(scope="module", params=FACES, ids=lambda face: face.__name__)
def process(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[Face]:
    environ = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
    with request.param({"apiUrl": sandbox.address}, environ) as face:
        yield face


@pytest.fixture
def scene(process: Face, sandbox: Sandbox, openbao: OpenBao, request: pytest.FixtureRequest) -> Scene:
    sandbox.clear_faults()
    sandbox.settings(key_endpoints=False)
    number = zlib.crc32(request.node.nodeid.encode())
    process.forget(f"key-{number}", "DashboardApiKey")
    organization = sandbox.add_organization(sandbox.add_tenant("clinics").id, "Valley Health")
    return Scene(sandbox, openbao, organization, f"allomia/{number}", process)


def test_a_key_made_by_hand_lives_without_a_tenant_key_and_by_documented_calls_only(scene: Scene) -> None:
    face, start = scene.face, scene.sandbox.last_event()
    first = scene.make()
    id_, outputs = face.up(scene.news(overlap="24h"))
    assert outputs["secret"] == first.key
    assert is_marked_secret(face.last_answer, "secret")
    assert not is_marked_secret(face.last_answer, "secretFingerprint")
    assert scene.next(id_, outputs, overlap="24h") == outputs
    second = scene.make()
    rotated = scene.next(id_, outputs, overlap="24h")
    assert rotated["secret"] == second.key
    assert [old["version"] for old in rotated["previousKeys"]] == [1]
    assert first.key not in str({name: value for name, value in rotated.items() if name != "secret"})
    assert face.warnings == []
    face.delete(id_, rotated)
    assert len([warning for warning in face.warnings if "no key was revoked" in warning]) == 2
    events = scene.sandbox.events(start)
    assert {event.path for event in events if event.credential == "organization"} == DOCUMENTED
    assert [event for event in events if event.credential == "tenant"] == []
    assert face.printed == ""


def test_g6_an_unchanged_key_costs_one_metadata_read(scene: Scene) -> None:
    scene.make()
    id_, outputs = scene.face.up(scene.news())
    event, entry = scene.sandbox.last_event(), len(scene.openbao.audit_entries())
    inputs = scene.face.check(scene.news(), scene.news())
    assert not scene.face.diff(id_, outputs, inputs).changes
    assert scene.sandbox.events(event) == []
    assert [each.path for each in scene.openbao.audit_entries()[entry:]] == [f"secret/metadata/{scene.path}"]


@pytest.mark.catalogue(71)
def test_g6_an_old_key_whose_time_is_over_is_said_from_the_record_and_used_by_a_refresh(scene: Scene) -> None:
    face, first = scene.face, scene.make()
    id_, outputs = face.up(scene.news())
    scene.make()
    event = scene.sandbox.last_event()
    rotated = scene.next(id_, outputs)
    assert not any(each.credential == "organization" and each.status == 401 for each in scene.sandbox.events(event))
    event, entry = scene.sandbox.last_event(), len(scene.openbao.audit_entries())
    face.said.clear()
    assert scene.next(id_, rotated) is rotated
    assert scene.sandbox.events(event) == []
    assert [each.path for each in scene.openbao.audit_entries()[entry:]] == [f"secret/metadata/{scene.path}"]
    (warning,) = face.warnings
    assert "no refresh has looked yet whether AlloMia still accepts it; `pulumi refresh` looks" in warning
    _, looked = face.read(id_, rotated)
    assert any("The look used the key: lastUsedAt in AlloMia tells" in warning for warning in face.warnings)
    event = scene.sandbox.last_event()
    face.said.clear()
    assert scene.next(id_, looked) is looked
    assert scene.sandbox.events(event) == []
    (warning,) = face.warnings
    seen = looked["previousKeys"][0]["lookedAt"]
    assert f"as of the last refresh on {seen}; `pulumi refresh` looks again" in warning
    scene.revoke(first)
    event = scene.sandbox.last_event()
    _, forgotten = face.read(id_, looked)
    assert forgotten["previousKeys"] == []
    assert [each.status for each in scene.sandbox.events(event) if each.status == 401] == [401]


@pytest.mark.catalogue(70)
def test_two_resources_of_one_secret_keep_their_reads_apart(scene: Scene) -> None:
    face = scene.face
    scene.make()
    names = (face.name, f"{face.name}-too")
    made = [face.create(face.check({}, scene.news(), name=name), name=name) for name in names]
    assert made[0][0] == made[1][0]
    found = []
    for name, (id_, outputs) in zip(names, made, strict=True):
        face.name = name
        found.append(face.read(id_, outputs)[1])
    scene.make()
    for name, outputs in zip(names, found, strict=True):
        assert not face.diff(made[0][0], outputs, scene.news(), name=name).changes
    for name, outputs in zip(names, found, strict=True):
        assert face.diff(made[0][0], outputs, scene.news(), name=name).changes


@pytest.mark.catalogue(72)
@pytest.mark.parametrize("make_face", FACES, ids=lambda face: face.__name__)
def test_a_key_that_the_same_run_adopts_is_nobodys_to_delete(
    make_face: type[Face], sandbox: Sandbox, openbao: OpenBao
) -> None:
    sandbox.settings(key_endpoints=True)
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    path, kv = f"allomia/{organization}", openbao.client().secrets.kv.v2
    made = sandbox.make_key_by_hand(organization, "ehr")
    kv.create_or_update_secret(path, {"api_key": made.key}, mount_point="secret")
    place = f"secret/{path}#api_key"
    environ = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token, "ALLOMIA_TENANT_KEY": tenant.key}
    news = {"organizationId": organization, "vaultSecret": place}
    adopting = {"organizationId": organization, "adopt": {"keyId": made.id, "vaultSecret": place}}
    with make_face({"apiUrl": sandbox.address}, environ, name="ehr", kind="DashboardApiKey") as face:
        id_, outputs = face.up(news)
        face.delete(id_, outputs)
        (unknown,) = face.warnings
        assert "unless an OrganizationApiKey adopted it, delete it in AlloMia's dashboard" in unknown
        face.forget("ehr")
        face.up(adopting)
        face.forget("ehr", "DashboardApiKey")
        face.delete(id_, outputs)
        assert face.warnings == []
        assert any("was not revoked: an OrganizationApiKey holds it now" in said.message for said in face.said)


def test_g4_g5_a_revoked_key_is_an_error_and_nothing_is_handed_over(scene: Scene) -> None:
    first = scene.make()
    scene.revoke(first)
    with pytest.raises(FaceError, match="It is revoked, or not an AlloMia key") as caught:
        scene.face.up(scene.news())
    assert_readable(str(caught.value), first.key)


def test_g4_g5_a_key_of_another_organization_is_an_error(scene: Scene) -> None:
    foreign = scene.sandbox.add_organization(scene.sandbox.add_tenant("others").id, "Hill Health")
    scene.write(scene.sandbox.make_key_by_hand(foreign, "theirs").key)
    with pytest.raises(FaceError, match="it is another organization's key") as caught:
        scene.face.up(scene.news())
    assert_readable(str(caught.value))


def test_g3_a_tenant_key_is_refused_though_none_is_configured(scene: Scene) -> None:
    tenant = scene.sandbox.add_tenant("clinics")
    organization = scene.sandbox.add_organization(tenant.id, "Valley Health")
    news = {**scene.news(), "organizationId": organization}
    scene.write(tenant.key)
    with pytest.raises(FaceError, match="holds a tenant key") as caught:
        scene.face.up(news)
    assert_readable(str(caught.value), tenant.key)
    scene.write(scene.sandbox.make_key_by_hand(organization, "ehr").key)
    id_, outputs = scene.face.up(news)
    start = scene.sandbox.last_event()
    scene.write(tenant.key)
    inputs = scene.face.check(news, news)
    assert scene.face.diff(id_, outputs, inputs).changes
    with pytest.raises(FaceError, match="holds a tenant key"):
        scene.face.update(id_, outputs, inputs)
    paths = [event.path for event in scene.sandbox.events(start) if event.credential == "tenant"]
    assert paths == ["/api/organization"]


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 200, "body": {}}])
def test_g4_an_answer_that_does_not_tell_a_tenant_key_hands_nothing_over(scene: Scene, fault: dict[str, Any]) -> None:
    made = scene.make()
    scene.sandbox.add_fault("status", method="GET", path="/api/organization", times=None, **fault)
    with pytest.raises(FaceError, match="asking whether it is a tenant key") as caught:
        scene.face.up(scene.news())
    assert_readable(str(caught.value), made.key)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_g4_an_answer_that_proves_nothing_keeps_the_old_key(scene: Scene, status: int) -> None:
    first = scene.make()
    id_, outputs = scene.face.up(scene.news())
    scene.make()
    scene.sandbox.add_fault("status", method="GET", path="/api/calls", status=status, times=None)
    with pytest.raises(FaceError) as caught:
        scene.next(id_, outputs)
    assert_readable(str(caught.value), first.key)


def test_a_refresh_that_finds_a_revoked_key_keeps_it_and_the_next_run_says_what_to_do(scene: Scene) -> None:
    face, first = scene.face, scene.make()
    id_, outputs = face.up(scene.news())
    scene.revoke(first)
    read_id, found = face.read(id_, outputs)
    assert (read_id, found["secret"]) == (id_, first.key)
    assert [owed["step"] for owed in found["pending"]] == ["rotate"]
    assert any(
        "Make a new key in AlloMia's dashboard (Settings > API Keys > Add Key)" in warning for warning in face.warnings
    )
    with pytest.raises(FaceError, match="It is revoked, or not an AlloMia key"):
        scene.next(id_, found)
    second = scene.make()
    healed = scene.next(id_, found)
    assert (healed["secret"], healed["pending"]) == (second.key, [])
    assert [old["version"] for old in healed["previousKeys"]] == [1]
    assert scene.next(id_, healed) == healed
    _, looked = face.read(id_, healed)
    assert looked["previousKeys"] == []


def test_the_old_key_is_forgotten_by_a_refresh_too(scene: Scene) -> None:
    first = scene.make()
    id_, outputs = scene.face.up(scene.news())
    scene.make()
    rotated = scene.next(id_, outputs)
    assert [old["version"] for old in rotated["previousKeys"]] == [1]
    scene.revoke(first)
    _, found = scene.face.read(id_, rotated)
    assert found["previousKeys"] == []


def test_without_the_secret_in_state_dependents_follow_version_and_fingerprint(scene: Scene) -> None:
    scene.make()
    id_, outputs = scene.face.up(scene.news(secretInState=False))
    scene.make()
    rotated = scene.next(id_, outputs, secretInState=False)
    assert "secret" not in rotated
    assert (outputs["vaultSecretVersion"], rotated["vaultSecretVersion"]) == (1, 2)
    assert outputs["secretFingerprint"] != rotated["secretFingerprint"]
    back = scene.next(id_, rotated)
    assert back["secretFingerprint"] == rotated["secretFingerprint"]
    assert is_marked_secret(scene.face.last_answer, "secret")


def test_kv_v1_works_without_history(scene: Scene) -> None:
    client = scene.openbao.client()
    mount = scene.path.replace("/", "-")
    client.sys.enable_secrets_engine("kv", path=mount, options={"version": "1"})
    keys = [scene.sandbox.make_key_by_hand(scene.organization, name).key for name in ("first", "second")]
    client.secrets.kv.v1.create_or_update_secret("ehr", {"api_key": keys[0]}, mount_point=mount)
    news = {"organizationId": scene.organization, "vaultSecret": f"{mount}/ehr#api_key"}
    id_, outputs = scene.face.up(news)
    assert (outputs["secret"], "vaultSecretVersion" in outputs) == (keys[0], False)
    assert not scene.face.diff(id_, outputs, news).changes
    client.secrets.kv.v1.create_or_update_secret("ehr", {"api_key": keys[1]}, mount_point=mount)
    assert scene.face.diff(id_, outputs, news).changes
    rotated = scene.face.update(id_, outputs, news)
    assert (rotated["secret"], rotated["previousKeys"]) == (keys[1], [])
    assert any("KV v1 keeps no history" in warning for warning in scene.face.warnings)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"organizationId": None}, "organizationId is missing"),
        ({"vaultSecret": None}, "vaultSecret is missing"),
        ({"vaultSecret": "alm_org_key"}, "is not a Vault reference"),
        ({"vaultSecret": {"mount": "secret", "path": "p", "field": "f", "takeOver": True}}, "has no meaning"),
        ({"vaultSecret": {"mount": "secret", "path": "p", "field": "f", "version": 3}}, "pins a version"),
        ({"rotateAfter": "1d", "overlap": "24h"}, "overlap is not shorter"),
        ({"rotationTriggers": {"a": "b"}}, "not supported"),
    ],
)
def test_g5_bad_input_is_a_failure_that_says_what_to_change(scene: Scene, change: dict[str, Any], reason: str) -> None:
    given = {name: value for name, value in scene.news(**change).items() if value is not None}
    with pytest.raises(FaceError, match=spelled(scene.face, reason)) as caught:
        scene.face.check({}, given)
    assert_readable(str(caught.value), "alm_org_key")


def test_unknown_inputs_pass_a_preview(scene: Scene) -> None:
    scene.make()
    id_, outputs = scene.face.up(scene.news())
    news = scene.news(vaultSecret=UNKNOWN)
    scene.face.check(scene.news(), news)
    assert not scene.face.diff(id_, outputs, news).changes
