"""An organization's metadata on the real engine, in both faces: what a program writes is what AlloMia has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.scenes import PROJECTS, Calls, Scene, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import json
import pathlib

import pulumi
from {module} import OrganizationMetadata

declared = json.loads(pathlib.Path("metadata.json").read_text())
if declared is not None:
    declared["later"] = pulumi.Output.from_input({{"tenant_id": "kept"}})
    declared["pin"] = pulumi.Output.secret("{pin}")
    about = OrganizationMetadata(
        "valley",
        organization_id=pulumi.Config().require("organizationId"),
        metadata=declared,
    )
    pulumi.export("version", about.version)
    pulumi.export("metadataId", about.metadata_id)
"""
PIN = "a-word-that-is-a-secret"
METADATA: dict[str, Any] = {
    "emr_system": "Epic",
    "operatingHours": {"monday": "9:00-17:00", "organization_id": "kept"},
    "metadata_id": ["cardiology", {"tenant_key_ref": True}],
    "beds": 12,
    "share": 0.5,
    "Köln": "ä “quoted” 医院",
    "empty": {},
    "none": [],
}


@pytest.fixture(params=PROJECTS)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    program = PROGRAM.format(module=request.param, pin=PIN)
    files = {"Pulumi.yaml": PROJECTS[request.param], "__main__.py": program, "metadata.json": "null"}
    scene = set_scene(sandbox, openbao, workspace(files))
    scene.sandbox.put_metadata(scene.organization, {"made": "by AlloMia"})
    return scene


def declare(scene: Scene, metadata: str) -> None:
    scene.workspace.write({"metadata.json": metadata})


def written(scene: Scene) -> dict[str, Any]:
    record = scene.sandbox.metadata(scene.organization)
    assert record is not None
    return record


@pytest.mark.catalogue(124)
def test_a_program_writes_metadata_changes_them_and_leaves_them(scene: Scene) -> None:
    beside = {"later": {"tenant_id": "kept"}, "pin": PIN}
    declare(scene, json.dumps(METADATA))
    preview = scene.workspace.preview().check()
    assert f"replaces whatever organization {scene.organization} has there" in preview.text
    assert written(scene)["version"] == 1

    with Calls(scene) as calls:
        scene.up().check()
    assert [each for each in calls.allomia() if each] == [["metadata_updated"]]
    assert written(scene)["metadata"] == {**METADATA, **beside}
    assert scene.workspace.outputs() == {"version": 2, "metadataId": written(scene)["id"]}
    assert not any(PIN.encode() in content for _, content in state_texts(scene.workspace))

    with Calls(scene) as calls:
        scene.workspace.up("--skip-preview", "--expect-no-changes").check()
        scene.sandbox.put_metadata(scene.organization, {"changed": "elsewhere"})
        scene.workspace.refresh("--skip-preview", "--expect-no-changes").check()
    assert calls.allomia() == []

    declare(scene, json.dumps({**METADATA, "beds": 13}))
    result = scene.up().check()
    assert PIN not in result.text
    assert written(scene)["metadata"] == {**METADATA, "beds": 13, **beside}
    assert scene.workspace.outputs()["version"] == 4

    declare(scene, "null")
    with Calls(scene) as calls:
        gone = scene.up().check()
    assert f"the metadata of organization {scene.organization} stay at AlloMia" in gone.text
    assert calls.allomia() == []
    assert written(scene)["version"] == 4


@pytest.mark.catalogue(124)
def test_entries_without_a_value_reach_allomia_though_pulumi_would_drop_them(scene: Scene) -> None:
    metadata = {"gap": None, "deep": {"gap": None, "kept": 1}, "list": [None, {"gap": None}]}
    declare(scene, json.dumps(metadata))
    scene.up().check()
    found = written(scene)["metadata"]
    assert {name: found[name] for name in metadata} == metadata
