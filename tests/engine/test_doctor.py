"""`allomia doctor --stack` on stacks of the real engine: a healthy one, one that a kill left, one that leaks."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hvac
import pytest

from tests.engine.scenes import Scene, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

PROGRAMS = Path(sys.executable).parent
PROJECT = f"name: clinic\nruntime: python\nplugins: {{providers: [{{name: allomia, path: {PROGRAMS}}}]}}\n"
PROGRAM = """
import pulumi
from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
organization = config.require("organizationId")
place = {"mount": "secret", "path": f"deliveries/{organization}", "field": "api_key"}
key = OrganizationApiKey("ehr", organization_id=organization, vault_secret=place)
pulumi.export("secret", key.secret)
"""
NARROW = """
path "secret/data/allomia/*" { capabilities = ["read"] }
path "secret/data/deliveries/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/deliveries/*" { capabilities = ["create", "update", "read"] }
"""


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    return set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM}))


def examine(scene: Scene, *arguments: str, **environ: str) -> Result:
    done = scene.workspace.call(PROGRAMS / "allomia", "doctor", "--stack", ".", *arguments, env=environ)
    assert not [secret for secret in scene.canaries if secret in done.text]
    assert "Traceback" not in done.text
    return done


def checks(scene: Scene, code: int, **environ: str) -> dict[str, dict[str, Any]]:
    done = examine(scene, "--output", "json", **environ)
    document = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.code, done.stderr) == (code, ""), [check for check in document.values() if check["state"] != "ok"]
    return document


def delivered(scene: Scene) -> bool:
    kv = scene.openbao.client().secrets.kv.v2
    with suppress(hvac.exceptions.InvalidPath):
        metadata = kv.read_secret_metadata(f"deliveries/{scene.organization}", mount_point="secret")
        return bool(metadata["data"]["current_version"])
    return False


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_healthy_stack_is_well_in_every_line_and_the_exit_code_is_0(scene: Scene) -> None:
    scene.up().check()
    scene.secret()
    found = checks(scene, 0)
    assert {check["state"] for check in found.values()} == {"ok"}
    assert {check["stack"] for check in found.values()} == {None, "clinic/test"}
    assert found["provider.dynamic"]["found"].endswith(f"at {sys.executable}")
    assert found["provider.plugin"]["found"].endswith("(named in Pulumi.yaml)")
    assert found["configuration.apiUrl"]["found"].endswith("(stack configuration allomia:apiUrl)")
    assert found["vault.policy"]["found"] == "it allows what is configured: to read 1, to deliver to 1"
    assert found["stack.owed"]["found"] == "nothing; keys declared: 1"
    assert found["stack.backend"]["found"].startswith("file:///")
    assert found["orphans"]["found"] == "none; keys looked at: 1"
    lines = examine(scene).stdout.splitlines()
    assert lines[0] == "this machine"
    assert "stack clinic/test" in lines
    assert lines[-1] == f"{len(found)} ok"


@pytest.mark.long
def test_a_policy_that_does_not_let_a_delivered_key_go_is_found_before_the_destroy(scene: Scene) -> None:
    scene.up().check()
    client = scene.openbao.client()
    client.sys.create_or_update_policy("narrow", NARROW)
    token = client.auth.token.create(policies=["narrow"], ttl="1h")["auth"]["client_token"]
    scene.canaries.append(token)
    policy = checks(scene, 8, VAULT_TOKEN=token)["vault.policy"]
    place = f"deliveries/{scene.organization}"
    lacks = f"it lacks update on secret/destroy/{place}, delete on secret/metadata/{place}"
    assert (policy["state"], policy["found"]) == ("failed", lacks)
    assert f'path "secret/destroy/{place}" {{ capabilities = ["update"] }}' in policy["fix"]


@pytest.mark.long
@pytest.mark.core
def test_a_killed_cli_shows_as_a_lock_a_pending_operation_and_a_key_that_is_perhaps_being_made(scene: Scene) -> None:
    scene.sandbox.add_fault("delay_after", method="POST", path="*/api-keys", seconds=1)
    process = scene.workspace.start("up", "--yes", "--skip-preview")
    wait_until(lambda: bool(scene.alive()))
    process.kill()
    process.communicate(timeout=60)
    # What was begun is brought to its end, and nobody is there to record it.
    wait_until(lambda: delivered(scene))
    found = checks(scene, 8)
    assert {name for name, check in found.items() if check["state"] != "ok"} == {
        "stack.pending",
        "stack.lock",
        "orphans",
    }
    assert found["stack.pending"]["found"] == "creating ehr"
    assert "pulumi refresh --clear-pending-creates" in found["stack.pending"]["fix"]
    assert found["stack.lock"]["found"].startswith(f"held by process {process.pid} of ")
    assert found["stack.lock"]["found"].endswith("which is gone")
    assert "pulumi cancel" in found["stack.lock"]["fix"]
    assert found["orphans"]["found"] == "1 perhaps being made"
    scene.workspace.cancel()
    assert checks(scene, 8)["stack.lock"]["found"] == "none"


def test_g3_secrets_in_clear_are_found_wherever_pulumi_keeps_the_stack_and_never_shown(scene: Scene) -> None:
    scene.up().check()
    secret = scene.secret()
    state = scene.workspace.export()
    key = next(one for one in state["deployment"]["resources"] if one["urn"].endswith("::ehr"))
    key["outputs"]["secret"] = secret
    folder = scene.workspace.root / "state" / ".pulumi"
    backups = folder / "backups" / "clinic" / "test"
    planted = {
        backups / "test.1.json": json.dumps(state).encode(),
        backups / "test.2.json.gz": gzip.compress(json.dumps({"env": {"TOKEN": scene.tenant.key}}).encode()),
        folder / "history" / "clinic" / "test" / "test-3.history.json": json.dumps({"message": secret}).encode(),
    }
    for file, content in planted.items():
        file.write_bytes(content)
    scene.workspace.config_set("clinic:copied", scene.tenant.key)
    scene.workspace.config_set("allomia:tenantKey", scene.tenant.key)
    found = checks(scene, 8)
    for file in planted:
        file.unlink()
    for name in ("clinic:copied", "allomia:tenantKey"):
        scene.workspace.run("config", "rm", name).check()
    leaked = found["stack.secrets"]["found"]
    assert found["stack.secrets"]["state"] == "failed"
    for told in (
        "secret of ehr in .pulumi/backups/clinic/test/test.1.json",
        ".pulumi/backups/clinic/test/test.2.json.gz",
        "an organization key in ",
        "test-3.history.json",
        "the tenant key in Pulumi.test.yaml",
    ):
        assert told in leaked
    assert "rotate" in found["stack.secrets"]["fix"]
    assert found["configuration.others"]["found"].startswith("allomia:tenantKey, which nothing reads")
    assert checks(scene, 0)["stack.secrets"]["state"] == "ok"


def test_a_stack_that_cannot_be_opened_fails_in_a_line(scene: Scene) -> None:
    done = scene.workspace.call(PROGRAMS / "allomia", "doctor", "--stack", ".@nowhere", "--output", "json")
    found = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.code, done.stderr) == (8, "")
    assert found["stack"]["state"] == "failed"
    assert found["stack"]["fix"]
    assert found["pulumi.cli"]["state"] == "ok"
