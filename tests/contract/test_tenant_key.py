"""The tenant key from a real OpenBao: read once, and once more when it was replaced meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.contract.faces import FACES, Face, FaceError
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

Made = tuple[Face, Tenant, str]


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def made(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[Made]:
    tenant = sandbox.add_tenant("clinics")
    put(openbao, tenant, tenant.key)
    configuration = {"apiUrl": sandbox.address, "tenantKeyRef": f"secret/allomia/{tenant.id}#api_key"}
    with request.param(configuration, {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}) as face:
        yield face, tenant, sandbox.add_organization(tenant.id, "Valley Health")


def put(openbao: OpenBao, tenant: Tenant, key: str) -> None:
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/{tenant.id}", {"api_key": key}, mount_point="secret")


def paths(openbao: OpenBao, since: int) -> list[str]:
    return [entry.path.split("/")[0] for entry in openbao.audit_entries()[since:]]


def test_five_keys_cost_one_look_at_the_mount_and_one_read(made: Made, openbao: OpenBao) -> None:
    face, _, organization = made
    start = len(openbao.audit_entries())
    for number in range(5):
        face.up({"organizationId": organization}, name=f"key-{number}")
    assert paths(openbao, start) == ["sys", "secret"]


@pytest.mark.catalogue(26)
def test_a_tenant_key_replaced_meanwhile_is_read_again(made: Made, sandbox: Sandbox, openbao: OpenBao) -> None:
    face, tenant, organization = made
    face.up({"organizationId": organization}, name="before")
    put(openbao, tenant, sandbox.rotate_tenant_key(tenant.id))
    start = len(openbao.audit_entries())
    face.up({"organizationId": organization}, name="after")
    assert paths(openbao, start) == ["secret"]
    assert len(sandbox.alive(organization)) == 2


@pytest.mark.catalogue(25)
def test_g5_a_tenant_key_that_allomia_refuses_names_its_place(made: Made, sandbox: Sandbox) -> None:
    face, tenant, organization = made
    sandbox.rotate_tenant_key(tenant.id)
    news = {"organizationId": organization, "name": "ehr"}
    place = f"Vault secret/allomia/{tenant.id}#api_key (stack configuration allomia:tenantKeyRef)"
    for call in (lambda: face.check({}, news), lambda: face.create(news)):
        with pytest.raises(FaceError) as caught:
            call()
        assert place in str(caught.value)
        assert tenant.key not in str(caught.value)


def test_a_key_of_its_own_reference_uses_another_tenant(made: Made, sandbox: Sandbox, openbao: OpenBao) -> None:
    face, _, _ = made
    other = sandbox.add_tenant("others")
    put(openbao, other, other.key)
    organization = sandbox.add_organization(other.id, "Lakeside")
    reference = {"mount": "secret", "path": f"allomia/{other.id}", "field": "api_key", "kvVersion": 2}
    id_, outputs = face.up({"organizationId": organization, "tenantKeyRef": reference})
    assert outputs["record"]["settings"]["tenantKeyRef"] == reference
    face.read(id_, outputs)
    face.delete(id_, outputs)
    assert sandbox.alive(organization) == []


@pytest.mark.parametrize("kind", FACES)
def test_a_login_by_approle_serves_a_whole_run(kind: type[Face], sandbox: Sandbox, openbao: OpenBao) -> None:
    tenant = sandbox.add_tenant("clinics")
    put(openbao, tenant, tenant.key)
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    root = openbao.client()
    mount = f"ci-{tenant.id}"
    root.sys.enable_auth_method("approle", path=mount)
    root.sys.create_or_update_policy("tenant", f'path "secret/data/allomia/{tenant.id}" {{ capabilities = ["read"] }}')
    root.auth.approle.create_or_update_approle("pulumi", token_policies=["tenant"], mount_point=mount)
    role_id = root.auth.approle.read_role_id("pulumi", mount_point=mount)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("pulumi", mount_point=mount)["data"]["secret_id"]
    auth = {"method": "approle", "mount": mount, "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    configuration = {
        "apiUrl": sandbox.address,
        "tenantKeyRef": f"secret/allomia/{tenant.id}#api_key",
        "vault": json.dumps({"address": openbao.address, "auth": auth}),
    }
    start = len(openbao.audit_entries())
    with kind(configuration, {"SECRET_ID": secret_id}) as face:
        for number in range(3):
            face.up({"organizationId": organization}, name=f"key-{number}")
        assert paths(openbao, start) == ["auth", "sys", "secret"]
        assert secret_id not in face.printed
    assert openbao.audit_entries()[-1].path == "auth/token/revoke-self"
