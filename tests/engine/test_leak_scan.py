"""A key's whole life with everything that can go wrong, at the most verbose, on the real engine: no secret in clear."""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from tests.deliveries import Relay, instead
from tests.engine.scenes import Scene, set_scene
from tests.leaks.channels import TRAIL
from tests.leaks.search import search
from tests.leaks.watch import complain
from tests.vaults import answer, stand_in
from tools.engine import canaries, trail
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

PROGRAMS = Path(sys.executable).parent
PLUGIN = {"providers": [{"name": "allomia", "path": str(PROGRAMS)}]}
PROGRAM = """
import pulumi
from MODULE import OrganizationApiKey

config = pulumi.Config()
key = OrganizationApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.require("quarter")},
    overlap="1h",
    vault_secret={"mount": "secret", "path": config.require("path"), "field": "api_key"},
)
pulumi.export("secret", key.secret)
pulumi.export("previous", key.previous_secret)
"""
VERBOSE = ("--logtostderr", "--logflow", "-v=11", "--event-log", "events.json")
INTO_FILES = ("--logflow", "-v=11")
MANY = 100
FOUND_HERE = [
    "state",
    "backup",
    "history",
    "standard output",
    "standard error",
    "automatic log",
    "event log",
    "project folder",
    "temporary folder",
    "process arguments",
    "server log",
]


def login_by_secret_id(scene: Scene) -> None:
    """Let the project log in to Vault by AppRole: a secret id in the environment, a token that no test has seen."""
    client = scene.openbao.client()
    policy = f'path "secret/*" {{ capabilities = {json.dumps(["create", "update", "read", "delete"])} }}'
    client.sys.create_or_update_policy(scene.tenant.id, policy)
    client.sys.enable_auth_method("approle", path=f"approle-{scene.tenant.id}")
    mount = f"approle-{scene.tenant.id}"
    client.auth.approle.create_or_update_approle("pulumi", token_policies=[scene.tenant.id], mount_point=mount)
    role = client.auth.approle.read_role_id("pulumi", mount_point=mount)["data"]["role_id"]
    scene.workspace.env["CLINIC_SECRET_ID"] = client.auth.approle.generate_secret_id("pulumi", mount_point=mount)[
        "data"
    ]["secret_id"]
    del scene.workspace.env["VAULT_TOKEN"]
    for name, value in {"method": "approle", "mount": mount, "roleId": role, "secretIdEnv": "CLINIC_SECRET_ID"}.items():
        scene.workspace.config_set(f"allomia:vault.auth.{name}", value, path=True)


@pytest.fixture(params=["allomia_pulumi.native", pytest.param("allomia_pulumi", marks=pytest.mark.long)])
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    head = yaml.safe_dump({"name": "clinic", "runtime": "python", "plugins": PLUGIN})
    project = workspace({"Pulumi.yaml": head, "__main__.py": PROGRAM.replace("MODULE", request.param)})
    scene = set_scene(sandbox, openbao, project, quarter="1")
    project.config_set("path", f"keys/{scene.organization}")
    project.env["PULUMI_DEBUG_COMMANDS"] = "true"  # gives --event-log
    login_by_secret_id(scene)
    return scene


def up(scene: Scene, quarter: str) -> Result:
    scene.workspace.config_set("quarter", quarter)
    return scene.up(*VERBOSE)


def fail_to_mint(scene: Scene) -> None:
    scene.sandbox.add_fault("status", method="POST", path="*/api-keys", status=403)
    assert up(scene, "2").code != 0
    scene.sandbox.clear_faults()


def fail_to_deliver(scene: Scene) -> None:
    """Let Vault refuse a key that has been minted already."""
    refuse = instead(answer(403, {"errors": ["permission denied"]}))
    relay = Relay(scene.openbao.address, [("POST", "/secret/data/keys", refuse)] * MANY)
    with stand_in(*[relay] * MANY) as server:
        scene.workspace.env["VAULT_ADDR"] = server.address
        assert scene.up(*VERBOSE).code != 0
    scene.workspace.env["VAULT_ADDR"] = scene.openbao.address


def fail_to_log_in(scene: Scene) -> None:
    key = scene.sandbox.rotate_tenant_key(scene.tenant.id)
    assert scene.workspace.refresh("--skip-preview", *VERBOSE).code != 0
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/{scene.tenant.id}", {"api_key": key}, mount_point="secret")


def look(scene: Scene) -> None:
    for command in ("keys", "orphans", "doctor"):
        scene.workspace.call(PROGRAMS / "allomia", command, "--stack", scene.workspace.folder)


def assert_nothing_leaked(scene: Scene, minted: int, secrets: list[str]) -> None:
    """Search what was left so far, and see that the search went through what it promises."""
    scene.workspace.close()
    shown = trail.take()
    complain(search(shown, [*canaries.planted(), *secrets]))
    events = [each for each in scene.sandbox.events() if each.organization_id == scene.organization]
    assert len([each for each in events if each.type == "minted"]) == minted
    silent = [name for name in FOUND_HERE if not any(fnmatchcase(each.channel, TRAIL[name]) for each in shown)]
    assert silent == []
    clear = {each.channel.split(" ")[0].split("/")[0] for each in shown if scene.organization.encode() in each.content}
    assert clear >= {"stdout", "stderr", scene.workspace.root.name}, "what stands there in clear has to be found"


def test_g3_no_secret_in_clear_in_any_channel_through_a_lost_answer_a_failed_delivery_and_a_destroy(
    scene: Scene,
) -> None:
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.up(*INTO_FILES).check()
    scene.workspace.config_set("quarter", "2")
    fail_to_deliver(scene)
    secrets = [scene.secret()]
    scene.workspace.destroy("--skip-preview", *VERBOSE).check()
    assert_nothing_leaked(scene, 3, secrets)


@pytest.mark.catalogue(60)
@pytest.mark.long
def test_g3_no_secret_in_clear_in_any_channel_through_a_whole_life_with_failures(scene: Scene) -> None:
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    up(scene, "1").check()
    fail_to_mint(scene)
    fail_to_deliver(scene)
    fail_to_log_in(scene)
    scene.up(*VERBOSE).check()
    look(scene)
    secrets = [scene.secret()]
    scene.jump(hours=2)
    scene.up(*INTO_FILES).check()
    scene.workspace.refresh("--skip-preview", *VERBOSE).check()
    scene.workspace.destroy("--skip-preview", *VERBOSE).check()
    assert_nothing_leaked(scene, 4, secrets)
