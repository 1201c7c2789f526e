"""The plugin on the real engine when something fails, is killed or is configured wrongly: no key is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.deliveries import Relay, instead
from tests.engine.scenes import PROJECT, Calls, Scene, leaks, resource, set_scene, state_texts, wait_until
from tests.vaults import answer, stand_in
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result, Workspace

Stage = Callable[..., Scene]

PROGRAMS = str(Path(sys.executable).parent)
PROGRAM = f"""
name: clinic
runtime: yaml
plugins: {{{{providers: [{{{{name: allomia, path: {PROGRAMS}}}}}]}}}}
config:
  organizationId: {{{{type: string}}}}
  quarter: {{{{type: string, default: q1}}}}
resources:
  ehr:
    type: allomia:OrganizationApiKey
    properties:
      organizationId: ${{{{organizationId}}}}
      rotationTriggers: {{{{quarter: "${{{{quarter}}}}"}}}}
      {{more}}
  follower:
    type: allomia:OrganizationApiKey
    properties:
      organizationId: ${{{{organizationId}}}}
      rotationTriggers: {{{{upstream: "${{{{ehr.secret}}}}"}}}}
outputs:
  secret: ${{{{ehr.secret}}}}
"""
DELIVERED = "vaultSecret: {mount: secret, path: deliveries/ORGANIZATION, field: api_key}"
DYNAMIC = """
import pulumi
from allomia_pulumi import OrganizationApiKey

pulumi.export("secret", OrganizationApiKey("ehr", organization_id=pulumi.Config().require("organizationId")).secret)
"""
MINT = {"method": "POST", "path": "*/api-keys"}
REVOKE = {"method": "DELETE", "path": "*/api-keys/*"}
SERVER = "pulumi-resource-allomia"
REFUSED = instead(answer(403, {"errors": ["permission denied"]}))
MANY = 400


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, yaml_workspace: MakeWorkspace) -> Stage:
    """Return a function that sets the scene for a key with more properties, and a key that follows it."""

    def set_up(more: str = "verify: true") -> Scene:
        project = yaml_workspace({"Pulumi.yaml": PROGRAM.format(more=more)})
        scene = set_scene(sandbox, openbao, project)
        text = (project.folder / "Pulumi.yaml").read_text().replace("ORGANIZATION", scene.organization)
        project.write({"Pulumi.yaml": text})
        return scene

    return set_up


@contextmanager
def vault_that_refuses_writes(scene: Scene) -> Iterator[Relay]:
    """Put a relay before Vault that refuses to write deliveries, until its troubles are cleared."""
    relay = Relay(scene.openbao.address, [("POST", "/secret/data/deliveries", REFUSED)] * MANY)
    with stand_in(*[relay] * MANY) as server:
        scene.workspace.env["VAULT_ADDR"] = server.address
        yield relay


def types(calls: Calls) -> list[str]:
    """Return the types of all calls to AlloMia."""
    return list(chain.from_iterable(calls.allomia()))


def recorded(scene: Scene, name: str = "ehr") -> dict[str, Any]:
    """Return what the state has of a resource that is not about to be deleted."""
    resources = scene.workspace.export()["deployment"]["resources"]
    found = (each for each in resources if each["urn"].endswith(f"::{name}") and not each.get("delete"))
    return next(found, {})


def delivered(scene: Scene) -> str:
    kv = scene.openbao.client().secrets.kv.v2
    read = kv.read_secret_version(
        f"deliveries/{scene.organization}", mount_point="secret", raise_on_deleted_version=True
    )
    return str(read["data"]["data"]["api_key"])


def assert_nothing_leaks(scene: Scene, *results: Result) -> None:
    texts = [("console", result.text.encode()) for result in results]
    assert leaks(scene.canaries, [*state_texts(scene.workspace), *texts]) == []


def servers(workspace: Workspace, needle: str = SERVER) -> list[int]:
    """Return the processes of a project that have a word in their command line."""
    mark = f"PULUMI_HOME={workspace.root / 'pulumi'}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
            if is_ours and needle.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def start_slow_mint(scene: Scene, seconds: float) -> subprocess.Popen[bytes]:
    """Start an `up`, and return when AlloMia has made the key and has not answered yet."""
    before = scene.sandbox.last_event()
    scene.sandbox.add_fault("delay_after", seconds=seconds, **MINT)
    process = scene.workspace.start("up", "--yes", "--skip-preview")
    wait_until(lambda: any(event.type == "minted" for event in scene.sandbox.events(before)), 60.0)
    return process


@pytest.mark.catalogue(38, 46)
@pytest.mark.long
@pytest.mark.core
def test_g2_a_key_that_vault_does_not_take_is_kept_and_delivered_by_the_next_run(stage: Stage) -> None:
    scene = stage(DELIVERED)
    with vault_that_refuses_writes(scene) as relay:
        with Calls(scene) as calls:
            results = [scene.up()]
        assert results[0].code != 0
        assert "exists and works, and it was not written to Vault" in results[0].text
        assert types(calls) == ["listed", "minted", "verified"]
        state = recorded(scene)
        assert "exists and works" in state["initErrors"][0]
        assert "ciphertext" in state["outputs"]["secret"]
        assert recorded(scene, "follower") == {}

        results.append(scene.workspace.refresh("--skip-preview").check())
        with Calls(scene) as calls:
            results.append(scene.up())
        assert results[-1].code != 0
        assert types(calls) == []
        assert 'capabilities = ["create", "update"]' in results[-1].text

        relay.troubles.clear()
        with Calls(scene) as calls:
            results.append(scene.up().check())
        # The one key that is made now is the follower's.
        assert types(calls) == ["listed", "minted", "verified"]
        assert recorded(scene)["id"] == state["id"]
        assert (delivered(scene), scene.accepts(scene.secret())) == (scene.secret(), 200)
        results.append(scene.up("--expect-no-changes").check())
        assert_nothing_leaks(scene, *results)
        scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
@pytest.mark.core
def test_g2_an_undelivered_replacement_ends_the_old_key_only_when_it_is_delivered(stage: Stage) -> None:
    scene = stage(DELIVERED)
    scene.up().check()
    old = scene.secret()
    scene.workspace.config_set("quarter", "q2")
    with vault_that_refuses_writes(scene) as relay:
        results = [scene.up()]
        assert results[0].code != 0
        assert (scene.accepts(old), delivered(scene)) == (200, old)
        results.append(scene.workspace.refresh("--skip-preview").check())
        assert scene.accepts(old) == 200
        relay.troubles.clear()
        with Calls(scene) as calls:
            results.append(scene.up().check())
        assert types(calls) == ["listed", "minted", "verified", "revoked", "revoked"]
        assert [scene.accepts(secret) for secret in (old, scene.secret())] == [401, 200]
        assert delivered(scene) == scene.secret()
        scene.up("--expect-no-changes").check()
    assert_nothing_leaks(scene, *results)


@pytest.mark.catalogue(46)
@pytest.mark.long
def test_a_destroy_right_after_an_undelivered_key_ends_it(stage: Stage) -> None:
    scene = stage(DELIVERED)
    with vault_that_refuses_writes(scene):
        assert scene.up().code != 0
        scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.catalogue(46)
@pytest.mark.long
@pytest.mark.core
@pytest.mark.parametrize("moment", ["creation", "replacement", "rotation in place"])
def test_g1_a_key_whose_answer_was_lost_and_that_cannot_be_revoked_is_remembered(stage: Stage, moment: str) -> None:
    scene = stage("overlap: 24h" if moment == "rotation in place" else "verify: true")
    old = ""
    if moment != "creation":
        scene.up().check()
        old = scene.secret()
        scene.workspace.config_set("quarter", "q2")
    scene.sandbox.add_fault("drop_after", **MINT)
    scene.sandbox.add_fault("status", status=403, times=None, **REVOKE)
    results = [scene.up()]
    assert results[0].code != 0
    left = recorded(scene)["outputs"]["pending"][0]["keyId"]
    assert f"key {left} is alive in organization {scene.organization} and nobody holds it" in results[0].text
    results.append(scene.workspace.refresh("--skip-preview").check())
    assert left in scene.alive()
    assert not old or scene.accepts(old) == 200

    scene.sandbox.clear_faults()
    results.append(scene.up().check())
    assert left not in scene.alive()
    is_kept = moment == "rotation in place"
    # The key, its follower, and the predecessor while its overlap runs.
    assert len(scene.alive()) == (3 if is_kept else 2)
    assert scene.accepts(scene.secret()) == 200
    assert not old or scene.accepts(old) == (200 if is_kept else 401)
    results.append(scene.up("--expect-no-changes").check())
    assert_nothing_leaks(scene, *results)


@pytest.mark.long
@pytest.mark.core
def test_g7_a_destroy_after_a_key_that_cannot_be_revoked_ends_everything(stage: Stage) -> None:
    scene = stage()
    scene.up().check()
    scene.workspace.config_set("quarter", "q2")
    scene.sandbox.add_fault("drop_after", **MINT)
    scene.sandbox.add_fault("status", status=403, times=None, **REVOKE)
    assert scene.up().code != 0
    assert len(scene.alive()) == 3
    scene.sandbox.clear_faults()
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.catalogue(4)
def test_one_ctrl_c_during_a_mint_records_the_key(stage: Stage) -> None:
    scene = stage()
    process = start_slow_mint(scene, 2.0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    state = recorded(scene)
    assert scene.alive() == [state["outputs"]["keyId"]]
    with Calls(scene) as calls:
        result = scene.up().check()
    assert types(calls) == ["listed", "minted", "verified"]
    assert "1 created" in result.text
    assert (recorded(scene)["id"], len(scene.alive())) == (state["id"], 2)
    assert scene.accepts(scene.secret()) == 200


@pytest.mark.catalogue(6)
@pytest.mark.long
@pytest.mark.core
@pytest.mark.parametrize("place", ["nowhere", "vault"])
def test_g1_a_killed_engine_takes_the_plugin_with_it_and_leaves_no_key_without_a_holder(
    stage: Stage, place: str
) -> None:
    scene = stage(DELIVERED if place == "vault" else "verify: true")
    process = start_slow_mint(scene, 2.0)
    assert servers(scene.workspace)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not servers(scene.workspace))
    scene.workspace.cancel()
    scene.canaries.extend([delivered(scene)] if place == "vault" else [])
    left = scene.alive()
    assert len(left) == (1 if place == "vault" else 0)
    result = scene.up().check()
    # Vault's readers may use that key, so it is named, not revoked.
    assert all(key_id in result.text for key_id in left)
    assert scene.accepts(scene.secret()) == 200
    refreshed = scene.workspace.refresh("--skip-preview").check()
    assert all(key_id in refreshed.text for key_id in left)
    assert len(scene.alive()) == 2 + len(left)
    assert_nothing_leaks(scene, result, refreshed)


@pytest.mark.long
def test_a_killed_engine_takes_the_dynamic_provider_with_it(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    scene = set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECT, "__main__.py": DYNAMIC}))
    process = start_slow_mint(scene, 1.0)
    assert servers(scene.workspace, "dynamic")
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not servers(scene.workspace, "dynamic"))
    scene.workspace.cancel()
    (lost,) = scene.alive()
    assert lost in scene.up().check().text


@pytest.mark.catalogue(1)
@pytest.mark.long
@pytest.mark.core
def test_g1_a_killed_plugin_costs_a_key_that_is_named_and_the_old_one_lives(stage: Stage) -> None:
    scene = stage()
    scene.up().check()
    old, before = scene.secret(), set(scene.alive())
    scene.workspace.config_set("quarter", "q2")
    process = start_slow_mint(scene, 2.0)
    for pid in servers(scene.workspace):
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    (stray,) = set(scene.alive()) - before
    assert scene.accepts(old) == 200
    refreshed = scene.workspace.refresh("--skip-preview").check()
    assert stray in refreshed.text
    result = scene.up().check()
    assert stray in result.text
    assert "allomia orphans --stack ." in result.text
    assert [scene.accepts(secret) for secret in (old, scene.secret())] == [401, 200]
    assert_nothing_leaks(scene, refreshed, result)


WRONG = {
    "an http address": "allomia:apiUrl is an http address off this machine",
    "a key in clear": "allomia:tenantKeyRef is not a Vault reference",
    "no configuration": "no tenant key is configured",
    "a missing plugin": "no folder at path '/nowhere/bin'",
}


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=() if c == "a key in clear" else pytest.mark.long) for c in WRONG]
)
def test_g5_a_wrong_configuration_is_one_line_in_the_preview(stage: Stage, case: str) -> None:
    scene = stage()
    project = scene.workspace
    if case == "an http address":
        project.config_set("allomia:apiUrl", "http://allomia.example.com")
    elif case == "a key in clear":
        project.config_set("allomia:tenantKeyRef", scene.tenant.key, secret=True)
    elif case == "no configuration":
        project.run("config", "rm", "allomia:tenantKeyRef").check()
    else:
        text = (project.folder / "Pulumi.yaml").read_text()
        project.write({"Pulumi.yaml": text.replace(PROGRAMS, "/nowhere/bin")})
    result = project.preview()
    assert result.code != 0
    assert any(WRONG[case] in line for line in result.text.splitlines()), result.text
    assert "Traceback" not in result.text
    assert_nothing_leaks(scene, result)
    assert scene.alive() == []


@pytest.mark.long
def test_a_path_in_vault_that_a_destroy_left_can_be_used_again(stage: Stage) -> None:
    scene = stage(DELIVERED)
    scene.up().check()
    scene.workspace.config_set("quarter", "q2")
    scene.up().check()
    scene.workspace.destroy("--skip-preview").check()
    scene.up().check()
    assert delivered(scene) == scene.secret()
    assert resource(scene.workspace.export(), "ehr")["outputs"]["keyId"] in scene.alive()
