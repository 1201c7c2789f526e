"""Two runs at once on the real engine: no sixth key, nothing orphaned, and every extra key is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.scenes import PROJECT, SEVERAL, Scene, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result, Workspace

FULL = "has no free key slot"
PLACE = '{"mount": "secret", "path": place, "field": "api_key"} if place else None'
DELIVERED = SEVERAL.replace("rotation_triggers", f"vault_secret={PLACE},\n        rotation_triggers").replace(
    "\nfor", '\nplace = config.get("place")\nfor'
)

NAMED = """
import pulumi
from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
for name in config.require("names").split(","):
    key = OrganizationApiKey(name, organization_id=config.require("organizationId"))
    pulumi.export(name, key.secret)
"""


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": DELIVERED})
    return set_scene(sandbox, openbao, project, quarter="1", count="1")


def at_once(*workspaces: Workspace) -> list[Result]:
    """Run `pulumi up` in several projects at the same moment."""
    with ThreadPoolExecutor(len(workspaces)) as pool:
        return list(pool.map(lambda each: each.run("up", "--yes", "--skip-preview", timeout=300), workspaces))


def recorded(workspace: Workspace, names: Sequence[str]) -> set[str]:
    state = workspace.export()
    return {str(resource(state, name)["outputs"]["keyId"]) for name in names}


def another_stack(scene: Scene, workspace: Workspace) -> Workspace:
    """Give another project, with another stack, the same configuration."""
    workspace.env.update({name: scene.workspace.env[name] for name in ("VAULT_ADDR", "VAULT_TOKEN")})
    config = (scene.workspace.folder / "Pulumi.test.yaml").read_text()
    workspace.init("other")
    workspace.write({"Pulumi.other.yaml": re.sub(r"(?m)^encryptionsalt:.*\n?", "", config)})
    return workspace


def same_stack(scene: Scene, workspace: Workspace) -> Workspace:
    """Copy the stack with its state to another backend, whose lock is another one."""
    names = ("VAULT_ADDR", "VAULT_TOKEN", "PULUMI_CONFIG_PASSPHRASE")
    workspace.env.update({name: scene.workspace.env[name] for name in names})
    shutil.copytree(scene.workspace.root / "state", workspace.root / "state", dirs_exist_ok=True)
    workspace.write({"Pulumi.test.yaml": (scene.workspace.folder / "Pulumi.test.yaml").read_text()})
    workspace.run("stack", "select", "test").check()
    return workspace


@pytest.mark.catalogue(33)
@pytest.mark.long
@pytest.mark.core
def test_g1_two_stacks_for_the_last_slot_make_one_key_and_the_loser_names_the_holders(
    scene: Scene, workspace: MakeWorkspace
) -> None:
    holders = {scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}").id for number in range(4)}
    other = another_stack(scene, workspace({"Pulumi.yaml": PROJECT, "__main__.py": DELIVERED}))

    results = at_once(scene.workspace, other)

    winner, loser = sorted(results, key=lambda result: result.code)
    assert winner.code == 0
    assert loser.code != 0
    assert FULL in loser.text
    assert all(f"by hand {number}" in loser.text for number in range(4))
    winning = scene.workspace if results[0] is winner else other
    made = recorded(winning, ["key-0"])
    assert set(scene.alive()) == holders | made
    assert scene.accepts(str(winning.outputs(show_secrets=True)["key-0"])) == 200


@pytest.mark.catalogue(34)
@pytest.mark.long
@pytest.mark.core
def test_g1_ten_creates_for_five_slots_leave_five_in_state_and_no_orphan(scene: Scene) -> None:
    scene.workspace.write({"__main__.py": NAMED})
    scene.workspace.config_set("names", "a,b,c,d,e,f,g,h,i,j")
    result = scene.workspace.run("up", "--yes", "--skip-preview", "--continue-on-error", timeout=300)
    assert result.code != 0
    assert FULL in result.text
    assert "Traceback" not in result.text
    resources = scene.workspace.export()["deployment"]["resources"]
    state = {each["urn"][-1]: each["outputs"]["keyId"] for each in resources if "OrganizationApiKey" in each["type"]}
    assert set(state.values()) == set(scene.alive())
    assert 0 < len(state) <= 5
    refused = [event for event in scene.sandbox.events() if event.type == "refused"]
    assert not [event for event in refused if event.organization_id == scene.organization]

    names = sorted({*state, *[name for name in "abcdefghij" if name not in state][: 5 - len(state)]})
    scene.workspace.config_set("names", ",".join(names))
    scene.up().check()
    assert recorded(scene.workspace, names) == set(scene.alive())
    assert {scene.accepts(scene.secret(name)) for name in names} == {200}
    assert "6 unchanged" in scene.up().check().text, "five keys and the stack itself"


@pytest.mark.catalogue(36)
@pytest.mark.long
@pytest.mark.core
def test_g1_the_same_stack_twice_at_once_names_every_extra_key(scene: Scene, workspace: MakeWorkspace) -> None:
    scene.up().check()
    twin = same_stack(scene, workspace({"Pulumi.yaml": PROJECT, "__main__.py": DELIVERED}))
    for each in (scene.workspace, twin):
        each.config_set("quarter", "2")

    for result in at_once(scene.workspace, twin):
        assert "Traceback" not in result.text

    ours, theirs = recorded(scene.workspace, ["key-0"]), recorded(twin, ["key-0"])
    assert set(scene.alive()) <= ours | theirs
    assert len(scene.alive()) <= 2
    for each, other in ((scene.workspace, theirs), (twin, ours)):
        refreshed = each.refresh("--skip-preview")
        assert all(key_id in refreshed.text for key_id in other & set(scene.alive()) - recorded(each, ["key-0"]))


@pytest.mark.catalogue(36)
@pytest.mark.long
@pytest.mark.core
def test_g1_check_and_set_lets_one_of_two_runs_of_a_stack_deliver(scene: Scene, workspace: MakeWorkspace) -> None:
    place = f"allomia/keys/{scene.organization}"
    scene.workspace.config_set("place", place)
    scene.up().check()
    twin = same_stack(scene, workspace({"Pulumi.yaml": PROJECT, "__main__.py": DELIVERED}))
    for each in (scene.workspace, twin):
        each.config_set("quarter", "2")

    results = at_once(scene.workspace, twin)

    assert {result.code for result in results} & {0}
    stored = scene.openbao.client().secrets.kv.v2.read_secret_version(
        place, mount_point="secret", raise_on_deleted_version=True
    )["data"]
    assert scene.accepts(stored["data"]["api_key"]) == 200
    known = recorded(scene.workspace, ["key-0"]) | recorded(twin, ["key-0"])
    assert stored["metadata"]["custom_metadata"]["key_id"] in known
    assert set(scene.alive()) <= known
    said = "".join(result.text for result in results if result.code != 0)
    assert said == "" or f"secret/{place}" in said
