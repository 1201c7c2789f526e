"""More new keys than an organization has room for, beside a rotation and a removal in the same run."""

from __future__ import annotations

import json

import pytest

from tests.engine.scenes import PROJECTS, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import pulumi
from {face} import OrganizationApiKey

config = pulumi.Config()
for name, quarter in config.require_object("keys").items():
    OrganizationApiKey(
        name, organization_id=config.require("organizationId"), rotation_triggers={{"quarter": quarter}}
    )
"""
NEW = {f"new-{number}": "1" for number in range(6)}


@pytest.mark.catalogue(35)
@pytest.mark.long
@pytest.mark.parametrize("face", PROJECTS)
def test_g1_six_new_keys_with_room_for_two(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, face: str
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS[face], "__main__.py": PROGRAM.format(face=face)})
    scene = set_scene(sandbox, openbao, project)

    def declare(keys: dict[str, str]) -> None:
        project.config_set("keys", json.dumps(keys))

    def recorded() -> list[str]:
        found = project.export()["deployment"]["resources"]
        return sorted(each["outputs"]["keyId"] for each in found if "keyId" in each.get("outputs", {}))

    declare({"old": "1", "kept": "1", "removed": "1"})
    scene.up().check()
    before = scene.alive()
    declare({"old": "2", "kept": "1", **NEW})
    since = sandbox.last_event()
    preview = project.preview()
    assert preview.code != 0
    assert "no free key slot" in preview.text
    assert not {"minted", "revoked"} & {event.type for event in sandbox.events(since)}
    assert scene.alive() == before

    failed = scene.up()
    assert failed.code != 0
    assert "no free key slot" in failed.text
    assert len(scene.alive()) <= 5
    assert sorted(scene.alive()) == recorded()

    # As the error says: without the new keys first, so that the old ones end, and then with as many as have room.
    for keys in ({"old": "2", "kept": "1"}, {"old": "2", "kept": "1", "new-0": "1", "new-1": "1"}):
        declare(keys)
        for _ in range(2):
            scene.up().check()
            assert sorted(scene.alive()) == recorded()
        scene.up("--expect-no-changes").check()
        assert len(scene.alive()) == len(keys)
