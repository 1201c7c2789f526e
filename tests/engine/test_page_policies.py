"""The policies of the page are what a run needs, on the real engine: nothing is lacking, and nothing more is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.docs.pages import run_of
from tests.engine.scenes import EXAMPLES, Scene, set_scene
from tools.engine.canaries import plant
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.processes import CHECKOUT
from tools.engine.sandbox import Sandbox

PAGE = CHECKOUT / "docs" / "reference" / "vault-policies.md"
DELIVERED = "allomia/ehr-sync"
MADE_BY_HAND = "allomia/ehr"


def policy(*names: str, tenant: str = "tenant") -> str:
    """Return the lines of the page's blocks, for the tenant key of one test."""
    text = "".join(block.code for name in names for block in run_of(PAGE, name))
    return text.replace("allomia/tenant", f"allomia/{tenant}")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def log_in(openbao: OpenBao, rules: Sequence[str]) -> str:
    """Return a token that may do what the rules say, and nothing else."""
    client = openbao.client()
    client.sys.create_or_update_policy("page", "\n".join(rules))
    return plant(client.auth.token.create(policies=["page"])["auth"]["client_token"])


@pytest.fixture
def delivered(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLES / "vault-delivery"))
    rules = lines(policy("policy-tenant", "policy-delivery", tenant=scene.tenant.id))
    scene.workspace.env["VAULT_TOKEN"] = log_in(openbao, rules)
    return scene


def test_a_delivery_lives_from_preview_to_destroy_by_the_policy_of_the_page(delivered: Scene) -> None:
    project = delivered.workspace
    assert "warning" not in project.preview().check().text
    project.up("--skip-preview").check()
    token = log_in(delivered.openbao, lines(policy("policy-reader")))
    reader = delivered.openbao.client()
    reader.token = token
    read = reader.secrets.kv.v2.read_secret_version(DELIVERED, mount_point="secret", raise_on_deleted_version=True)
    assert delivered.accepts(plant(read["data"]["data"]["api_key"])) == 200
    rules = lines(policy("policy-tenant", "policy-delivery", tenant=delivered.tenant.id))
    log_in(delivered.openbao, rules)
    project.config_set("quarter", "2027-Q1")
    project.up("--skip-preview").check()
    project.refresh("--skip-preview", "--expect-no-changes").check()
    destroyed = project.destroy("--skip-preview").check()
    assert "warning" not in destroyed.text
    assert delivered.alive() == []


@pytest.mark.long
@pytest.mark.parametrize("lacking", range(3))
def test_each_line_for_a_delivery_is_needed(delivered: Scene, lacking: int) -> None:
    wanted = lines(policy("policy-delivery"))
    assert len(wanted) == 3
    kept = [line for at, line in enumerate(wanted) if at != lacking]
    log_in(delivered.openbao, [*lines(policy("policy-tenant", tenant=delivered.tenant.id)), *kept])
    project = delivered.workspace
    results = [project.up("--skip-preview"), project.destroy("--skip-preview")]
    assert any(result.code != 0 or "warning" in result.text for result in results)


@pytest.mark.parametrize(
    "lacking", [None, pytest.param(0, marks=pytest.mark.long), pytest.param(1, marks=pytest.mark.long)]
)
def test_a_key_made_by_hand_is_watched_by_the_policy_of_the_page(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, lacking: int | None
) -> None:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLES / "dashboard-key"))
    scene.workspace.run("config", "rm", "allomia:tenantKeyRef").check()
    key = sandbox.make_key_by_hand(scene.organization, "ehr").key
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(MADE_BY_HAND, {"api_key": key}, mount_point="secret")
    rules = [line for at, line in enumerate(lines(policy("policy-dashboard"))) if at != lacking]
    scene.workspace.env["VAULT_TOKEN"] = log_in(openbao, rules)
    result = scene.up()
    assert (result.code == 0) == (lacking is None)
    if lacking is None:
        scene.workspace.refresh("--skip-preview", "--expect-no-changes").check()
