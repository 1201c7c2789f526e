"""States that are old, empty or somebody else's: `allomia orphans --revoke --yes` ends no key that is in use there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import PROJECT, Scene, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

Stage = Callable[..., Scene]

ALLOMIA = Path(sys.executable).parent / "allomia"
PROGRAM = """
import pulumi
from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
OrganizationApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.get("quarter") or "q1"},
    overlap="30d",
    vault_secret=config.get_object("place"),
)
"""
FILES = {"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM}
LACKING = "an operation whose record was lost, or a restored state, or the wrong backend"
OTHER_LINEAGE = "the state's resource has another lineage"


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(FILES))
    scene.workspace.config_set("allomia:owner", "the tests")
    return scene


def current(scene: Scene) -> str:
    return str(resource(scene.workspace.export(), "ehr")["outputs"]["keyId"])


def assert_kept(scene: Scene, key_id: str, doubt: str, *, is_lacking: bool) -> None:
    """A day later, `--yes` keeps the key, and says why."""
    scene.jump(25)
    alive = scene.alive()
    kept = scene.workspace.call(ALLOMIA, "orphans", "--stack", scene.workspace.folder, "--revoke", "--yes")
    assert kept.code == 8, kept.text
    assert f"{key_id}: {doubt}" in kept.stdout
    assert "revoked" not in kept.stdout
    assert kept.stdout.startswith(LACKING) is is_lacking
    assert scene.alive() == alive


def another_backend(scene: Scene, make: MakeWorkspace) -> Scene:
    """Give a second backend a project and a stack of the same names and configuration, and nothing in its state."""
    other = make(FILES)
    other.env.update(VAULT_ADDR=scene.openbao.address, VAULT_TOKEN=scene.openbao.token)
    configuration = yaml.safe_load((scene.workspace.folder / "Pulumi.test.yaml").read_text())["config"]
    other.write({"Pulumi.test.yaml": yaml.safe_dump({"config": configuration})})
    other.init("test")
    found = replace(scene, workspace=other)
    found.jump(float(scene.workspace.env.get("ALLOMIA_TEST_SECONDS_AHEAD", "0")) / 3600)
    return found


@pytest.mark.parametrize("vault", [False, True], ids=["state", "vault"])
def test_g1_a_state_of_before_the_last_rotation_ends_no_key(stage: Scene, vault: bool) -> None:
    scene = stage
    if vault:
        place = {"mount": "secret", "path": f"restored/{scene.tenant.id}", "field": "api_key"}
        for name, value in place.items():
            scene.workspace.config_set(f"place.{name}", value, path=True)
    scene.up().check()
    before = json.dumps(scene.workspace.export())
    scene.workspace.config_set("quarter", "q2")
    scene.up().check()
    newest = current(scene)
    scene.workspace.run("stack", "import", stdin=before).check()
    assert current(scene) != newest
    assert_kept(scene, newest, "it was not made before the key that the state has as current", is_lacking=True)
    scene.up().check()
    assert newest not in json.dumps(scene.workspace.export()["deployment"]["resources"])
    assert_kept(scene, newest, "backups/clinic/test/", is_lacking=False)


def test_g1_an_empty_backend_of_the_same_names_ends_no_key(stage: Scene, workspace: MakeWorkspace) -> None:
    scene = stage
    scene.up().check()
    key_id = current(scene)
    wrong = another_backend(scene, workspace)
    assert_kept(wrong, key_id, "the state has no resource that it belongs to", is_lacking=True)
    wrong.up().check()
    assert_kept(wrong, key_id, OTHER_LINEAGE, is_lacking=True)


def test_g1_a_backend_of_an_older_state_ends_no_key(stage: Scene, workspace: MakeWorkspace) -> None:
    scene = stage
    scene.up().check()
    wrong = another_backend(scene, workspace)
    moved = scene.workspace.export()
    scene.workspace.config_set("quarter", "q2")
    scene.up().check()
    newest = current(scene)
    # Secrets are encrypted for the other backend: without them it is the same state.
    for entry in moved["deployment"]["resources"]:
        for name in ("secret", "triggersHash"):
            entry.get("outputs", {}).pop(name, None)
        entry.get("inputs", {}).pop("rotationTriggers", None)
    moved["deployment"]["secrets_providers"] = wrong.workspace.export()["deployment"]["secrets_providers"]
    wrong.workspace.run("stack", "import", stdin=json.dumps(moved)).check()
    assert_kept(wrong, newest, "it was not made before the key that the state has as current", is_lacking=True)


def test_g1_a_new_stack_under_the_former_name_of_another_ends_none_of_its_keys(stage: Scene) -> None:
    scene = stage
    scene.up().check()
    key_id = current(scene)
    configuration = yaml.safe_load((scene.workspace.folder / "Pulumi.test.yaml").read_text())["config"]
    scene.workspace.run("stack", "rename", "renamed").check()
    scene.workspace.write({"Pulumi.test.yaml": yaml.safe_dump({"config": configuration})})
    scene.workspace.init("test")
    assert_kept(scene, key_id, "the state has no resource that it belongs to", is_lacking=True)
    scene.up().check()
    assert_kept(scene, key_id, OTHER_LINEAGE, is_lacking=True)
    scene.workspace.run("stack", "select", "renamed").check()
    told = scene.workspace.call(ALLOMIA, "orphans", "--stack", f"{scene.workspace.folder}@renamed")
    assert "1 declared key alive" in told.stdout
