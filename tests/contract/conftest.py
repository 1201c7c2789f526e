"""The fixtures that several modules of contract tests share; a module with servers of its own kind has its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.ground.clock import SystemClock
from tests.contract.faces import FACES, Face
from tests.contract.scenes import Scene, Terminal, set_scene
from tests.deliveries import Shelf
from tests.vaults import mount_kv, opened
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant


@pytest.fixture(scope="module", params=FACES, ids=lambda face: face.__name__)
def process(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[tuple[Face, Tenant]]:
    """One provider process for the module: each test has an organization and a resource of its own."""
    tenant = sandbox.add_tenant("clinics")
    with request.param({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        yield face, tenant


@pytest.fixture
def scene(process: tuple[Face, Tenant], sandbox: Sandbox, request: pytest.FixtureRequest) -> Scene:
    return set_scene(process, sandbox, request.node.nodeid)


@pytest.fixture
def terminal(sandbox: Sandbox) -> Iterator[Terminal]:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "ALLOMIA_API_URL": sandbox.address,
        "ALLOMIA_TENANT_KEY": tenant.key,
    }
    yield Terminal(sandbox, tenant.id, organization, environ)
    sandbox.clear_faults()


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev(audit=True) as server:
        client = server.client()
        mount_kv(client, "legacy", "1")
        mount_kv(client, "team/kv2", "2")
        mount_kv(client, "strict", "2")
        client.adapter.post("/v1/strict/config", json={"cas_required": True})
        yield server


@pytest.fixture(scope="module")
def shelf(bao: OpenBao) -> Shelf:
    return Shelf(bao)


@pytest.fixture
def environ(bao: OpenBao) -> dict[str, str]:
    return {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token}


@pytest.fixture
def vault(environ: dict[str, str]) -> Iterator[Vault]:
    with opened(environ, SystemClock()) as vault:
        yield vault
