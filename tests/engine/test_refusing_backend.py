"""A state backend that refuses the write after a mint: each run loses a key, the third makes none, all are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import Scene, resource, set_scene, wait_until
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

PROGRAMS = Path(sys.executable).parent
PROJECT = yaml.safe_dump(
    {"name": "clinic", "runtime": "python", "plugins": {"providers": [{"name": "allomia", "path": str(PROGRAMS)}]}}
)
PROGRAM = """
import pulumi
from {module} import OrganizationApiKey

config = pulumi.Config()
OrganizationApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    rotation_triggers={{"quarter": config.get("quarter") or "q1"}},
    overlap="24h",
)
"""
FACES = {"dynamic": "allomia_pulumi", "plugin": "allomia_pulumi.native"}
# The engine tries for about 35 seconds, once for the step and once more at its end.
REFUSED_SECONDS = 180.0
# Long enough to notice the new key and to take the backend away.
PROOF_SECONDS = 5.0


@pytest.fixture(params=FACES)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    program = {"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM.format(module=FACES[request.param])}
    scene = set_scene(sandbox, openbao, workspace(program))
    scene.workspace.config_set("allomia:owner", "the tests")
    return scene


def up_without_record(scene: Scene) -> str:
    """Run `pulumi up` while the backend begins to refuse between the mint and its record; return the lost key."""
    before = set(scene.alive())
    scene.sandbox.add_fault("delay_before", seconds=PROOF_SECONDS, method="GET", path="*/api/calls*")
    process = scene.workspace.start("up", "--yes", "--skip-preview")
    wait_until(lambda: set(scene.alive()) > before, 60)
    (lost,) = set(scene.alive()) - before
    with scene.workspace.refusing_backend():
        stdout, stderr = process.communicate(timeout=REFUSED_SECONDS)
    text = (stdout + stderr).decode()
    assert process.returncode != 0
    assert "failed to save snapshot" in text
    return lost


def orphans(scene: Scene) -> Result:
    return scene.workspace.call(PROGRAMS / "allomia", "orphans", "--stack", str(scene.workspace.folder))


@pytest.mark.catalogue(67)
@pytest.mark.long
@pytest.mark.core
def test_g1_g2_while_the_backend_refuses_at_most_two_keys_are_lost_and_the_next_run_names_them(scene: Scene) -> None:
    scene.up().check()
    (current,) = scene.alive()
    scene.workspace.config_set("quarter", "q2")
    lost = [up_without_record(scene), up_without_record(scene)]

    refused = scene.up()
    assert refused.code != 0
    assert scene.alive() == [current, *lost]
    listed = orphans(scene).text
    for each in lost:
        assert each in refused.text
        assert each in listed
    assert "no further key is made" in refused.text
    assert resource(scene.workspace.export(), "ehr")["outputs"]["keyId"] == current

    for each in lost:
        scene.sandbox.revoke_by_hand(scene.organization, each)
    scene.up().check()
    outputs = resource(scene.workspace.export(), "ehr")["outputs"]
    assert scene.alive() == [current, outputs["keyId"]]
    assert outputs["previousKeyId"] == current
    scene.up("--expect-no-changes").check()


@pytest.mark.long
def test_a_key_in_its_overlap_is_replaced_by_force_after_a_refresh(scene: Scene) -> None:
    scene.up().check()
    scene.workspace.config_set("quarter", "q2")
    scene.up().check()
    assert len(scene.alive()) == 2
    urn = resource(scene.workspace.export(), "ehr")["urn"]
    scene.up("--refresh", f"--target-replace={urn}").check()
    assert scene.alive() == [resource(scene.workspace.export(), "ehr")["outputs"]["keyId"]]
