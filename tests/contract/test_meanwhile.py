"""What changes in the middle of an operation: Vault is sealed, a token ends, a key is refused; both faces."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hvac.exceptions import InvalidPath

from tests.contract.faces import FACES, Face, FaceError, PluginFace
from tests.contract.scenes import ONE
from tests.deliveries import Shelf
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

POLICY = """
path "secret/data/allomia/*" { capabilities = ["read"] }
path "secret/data/keys/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/keys/*" { capabilities = ["create", "update", "read", "delete"] }
path "secret/destroy/keys/*" { capabilities = ["update"] }
"""
POLL_SECONDS = 0.02


@dataclass
class Scene:
    """One organization, and a face whose tenant key and deliveries are in a real Vault."""

    sandbox: Sandbox
    bao: OpenBao
    tenant: Tenant
    organization: str
    face: Face
    place: str

    @property
    def news(self) -> dict[str, Any]:
        where = {"mount": "secret", "path": self.place, "field": "api_key"}
        return {"organizationId": self.organization, "rotationTriggers": ONE, "vaultSecret": where}

    def alive(self) -> list[str]:
        return [key.id for key in self.sandbox.alive(self.organization)]

    def create_while(self, meanwhile: Callable[[], object]) -> tuple[str, dict[str, Any]]:
        """Create a key; once AlloMia has made it, and before anybody knows, do something else."""
        inputs = self.face.check({}, self.news)
        self.sandbox.add_fault("delay_after", method="POST", path="*/api-keys", seconds=1)
        start = self.sandbox.last_event()
        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(self.face.create, inputs)
            while not self._has_minted(start):
                assert not creating.done(), creating.result()
                threading.Event().wait(POLL_SECONDS)
            meanwhile()
            return creating.result()

    def _has_minted(self, since: int) -> bool:
        return any(
            event.type == "minted" and event.organization_id == self.organization
            for event in self.sandbox.events(since)
        )


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.sealable() as server:
        client = server.client()
        client.sys.create_or_update_policy("narrow", POLICY)
        client.sys.enable_auth_method("approle")
        role = {"token_policies": "narrow", "token_ttl": "60s", "secret_id_num_uses": 0}
        client.adapter.post("/v1/auth/approle/role/pulumi", json=role)
        yield server


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def make(request: pytest.FixtureRequest, sandbox: Sandbox, bao: OpenBao) -> Iterator[Callable[..., Scene]]:
    """Return a function that starts the face with these settings of Vault's."""
    faces: list[Face] = []
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    Shelf(bao).put(f"allomia/{tenant.id}", api_key=tenant.key)
    place = f"keys/{zlib.crc32(request.node.nodeid.encode())}"

    def make(environ: dict[str, str], **vault: object) -> Scene:
        settings = {
            "apiUrl": sandbox.address,
            "tenantKeyRef": f"secret/allomia/{tenant.id}#api_key",
            "vault": json.dumps({"address": bao.address, **vault}),
        }
        faces.append(request.param(settings, environ).__enter__())
        return Scene(sandbox, bao, tenant, organization, faces[-1], place)

    yield make
    for face in faces:
        face.__exit__(None, None, None)


def token_of(bao: OpenBao, **more: object) -> str:
    granted = bao.client().auth.token.create(policies=["narrow"], ttl="60s", **more)
    return str(granted["auth"]["client_token"])


def approle_of(bao: OpenBao) -> tuple[dict[str, str], dict[str, object]]:
    client = bao.client()
    role_id = client.adapter.get("/v1/auth/approle/role/pulumi/role-id")["data"]["role_id"]
    secret_id = client.adapter.post("/v1/auth/approle/role/pulumi/secret-id")["data"]["secret_id"]
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    return {"SECRET_ID": secret_id}, {"auth": auth}


def refused_or_kept(scene: Scene, meanwhile: Callable[[], object], *secrets: str) -> FaceError:
    with pytest.raises(FaceError) as caught:
        scene.create_while(meanwhile)
    text = str(caught.value)
    assert text.strip().isprintable()
    assert "Traceback" not in text
    assert not [secret for secret in (scene.tenant.key, *secrets) if secret in text]
    return caught.value


def finished_by_the_next_run(scene: Scene, error: FaceError) -> None:
    """The plugin keeps the key and delivers it in the next run; the dynamic face has none, and makes another."""
    if isinstance(scene.face, PluginFace):
        kept = error.kept
        assert kept is not None
        assert scene.alive() == [kept.outputs["keyId"]]
        inputs = scene.face.check({**scene.news, "name": scene.face.name}, scene.news)
        scene.face.diff(kept.id, kept.outputs, inputs)
        outputs = scene.face.update(kept.id, kept.outputs, inputs)
    else:
        assert scene.alive() == []
        _, outputs = scene.face.up(scene.news)
    assert outputs["pending"] == []
    assert scene.alive() == [outputs["keyId"]]
    assert Shelf(scene.bao).data(scene.place)["api_key"] == outputs["secret"]
    assert scene.sandbox.key_status(scene.organization, outputs["secret"]) == 200


@pytest.mark.catalogue(65)
@pytest.mark.parametrize("whose", ["another organization's", "the tenant's"])
def test_g1_g2_a_key_that_is_not_this_organizations_is_not_written_to_vault(
    make: Callable[..., Scene], bao: OpenBao, whose: str
) -> None:
    scene = make({"VAULT_TOKEN": token_of(bao)})
    other = scene.sandbox.add_organization(scene.tenant.id, "Hill Clinic")
    foreign = scene.sandbox.make_key_by_hand(other, "theirs").key
    answered = {"another organization's": foreign, "the tenant's": scene.tenant.key}[whose]
    scene.sandbox.add_fault("edit_after", method="POST", path="*/api-keys", changes={"key": answered})
    with pytest.raises(FaceError) as caught:
        scene.face.up(scene.news)
    assert caught.value.kept is None
    assert scene.alive() == []
    assert scene.sandbox.key_status(other, foreign) == 200
    with pytest.raises(InvalidPath):
        Shelf(bao).data(scene.place)


@pytest.mark.catalogue(38)
def test_g1_g2_a_vault_that_is_sealed_between_mint_and_delivery_loses_no_key(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    token = token_of(bao)
    scene = make({"VAULT_TOKEN": token})
    error = refused_or_kept(scene, bao.seal, token)
    assert "is sealed" in str(error)
    bao.unseal()
    while bao.health() != 200:
        threading.Event().wait(POLL_SECONDS)
    finished_by_the_next_run(scene, error)


@pytest.mark.catalogue(42)
def test_g2_a_token_that_ends_between_mint_and_delivery_is_replaced_by_one_login(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    environ, vault = approle_of(bao)
    scene = make(environ, **vault)

    def end_all_tokens() -> None:
        bao.client().adapter.post("/v1/sys/leases/revoke-prefix/auth/approle/login")

    _, outputs = scene.create_while(end_all_tokens)
    assert outputs["pending"] == []
    assert Shelf(bao).data(scene.place)["api_key"] == outputs["secret"]
    assert scene.alive() == [outputs["keyId"]]


@pytest.mark.long
@pytest.mark.core
@pytest.mark.catalogue(42)
def test_g1_g2_a_token_of_the_users_that_ends_between_mint_and_delivery_loses_no_key(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    token = token_of(bao)
    scene = make({"VAULT_TOKEN": token})
    error = refused_or_kept(scene, lambda: bao.client().auth.token.revoke(token), token)
    assert "does not accept the token from environment variable VAULT_TOKEN" in str(error)
    if isinstance(scene.face, PluginFace):
        assert error.kept is not None
        assert scene.alive() == [error.kept.outputs["keyId"]]
    else:
        assert scene.alive() == []


@pytest.mark.long
@pytest.mark.core
@pytest.mark.catalogue(39)
def test_g1_g2_a_policy_that_is_narrowed_between_mint_and_delivery_loses_no_key(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    token = token_of(bao)
    scene = make({"VAULT_TOKEN": token})
    narrower = POLICY.replace('path "secret/data/keys/*" { capabilities = ["create", "update", "read"] }', "")
    try:
        error = refused_or_kept(scene, lambda: bao.client().sys.create_or_update_policy("narrow", narrower), token)
    finally:
        bao.client().sys.create_or_update_policy("narrow", POLICY)
    assert f'path "secret/data/{scene.place}"' in str(error)
    finished_by_the_next_run(scene, error)


@pytest.mark.long
@pytest.mark.core
@pytest.mark.catalogue(41)
def test_g2_somebody_who_writes_between_mint_and_delivery_is_not_overwritten(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    token = token_of(bao)
    scene = make({"VAULT_TOKEN": token})
    error = refused_or_kept(scene, lambda: Shelf(bao).put(scene.place, api_key="foreign"), token)
    assert "somebody else has written" in str(error)
    assert Shelf(bao).data(scene.place) == {"api_key": "foreign"}
    assert len(scene.alive()) == (1 if isinstance(scene.face, PluginFace) else 0)


@pytest.mark.long
@pytest.mark.catalogue(25, 26)
def test_g2_g5_a_tenant_key_that_ends_after_the_third_of_seven_leaves_three_and_no_other(
    make: Callable[..., Scene], bao: OpenBao
) -> None:
    token = token_of(bao)
    scene = make({"VAULT_TOKEN": token})
    organizations = [scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}") for number in range(7)]
    made, errors = {}, []
    for number, organization in enumerate(organizations):
        if number == 3:
            new = scene.sandbox.rotate_tenant_key(scene.tenant.id)
        news = {"organizationId": organization, "rotationTriggers": ONE}
        try:
            _, made[organization] = scene.face.up(news, name=f"key-{number}")
        except FaceError as error:
            errors.append(str(error))
    assert len(made) == 3
    assert len(errors) == 4
    assert all("does not accept the key from Vault secret/allomia/" in error for error in errors)
    assert [len(scene.sandbox.alive(each)) for each in organizations] == [1, 1, 1, 0, 0, 0, 0]
    Shelf(bao).put(f"allomia/{scene.tenant.id}", api_key=new)
    again = make({"VAULT_TOKEN": token})
    for number, organization in enumerate(organizations[3:], start=3):
        _, made[organization] = again.face.up(
            {"organizationId": organization, "rotationTriggers": ONE}, name=f"key-{number}"
        )
    assert [len(scene.sandbox.alive(each)) for each in organizations] == [1] * 7


@pytest.mark.long
@pytest.mark.catalogue(27)
@pytest.mark.parametrize(("method", "path"), [("POST", "*/api-keys"), ("GET", "*/api-keys"), ("DELETE", "*")])
def test_g4_g5_a_403_to_one_kind_of_request_says_so_and_proves_nothing(
    make: Callable[..., Scene], bao: OpenBao, method: str, path: str
) -> None:
    scene = make({"VAULT_TOKEN": token_of(bao)})
    news = {"organizationId": scene.organization, "rotationTriggers": ONE}
    id_, outputs = scene.face.up(news, name="first")
    scene.sandbox.add_fault("status", method=method, path=path, status=403, times=None)
    # The process that made the key shares its list for a few seconds.
    other = make({"VAULT_TOKEN": token_of(bao)}).face if method == "GET" else scene.face
    operations: dict[str, Callable[[], object]] = {
        "POST": lambda: scene.face.up(news, name="second"),
        "GET": lambda: other.read(id_, outputs),
        "DELETE": lambda: scene.face.delete(id_, outputs),
    }
    with pytest.raises(FaceError) as caught:
        operations[method]()
    assert "(403)" in str(caught.value)
    assert "Is it an organization key? A tenant key is needed here." in str(caught.value)
    assert scene.alive() == [outputs["keyId"]]
