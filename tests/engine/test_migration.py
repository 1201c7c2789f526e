"""A stack of the dynamic face moves to the plugin by its import line: nothing is minted, nothing is revoked."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.scenes import EXAMPLES, PROJECT, Calls, Scene, leaks, migrate, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

EXAMPLE = EXAMPLES / "migrate-to-plugin"
METADATA = "secret/metadata/allomia/by-hand"
BOTH_KINDS = """
import pulumi
from allomia_pulumi import DashboardApiKey, OrganizationApiKey

config = pulumi.Config()
organization = config.require("organizationId")


class Clinic(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("my:index:Clinic", name)
        below = pulumi.ResourceOptions(parent=self)
        self.key = OrganizationApiKey(
            "nested",
            below,
            organization_id=organization,
            rotation_triggers={"quarter": config.require("quarter")},
            rotate_after="90d",
            overlap="24h",
        )
        self.by_hand = DashboardApiKey(
            "by-hand", below, organization_id=organization, vault_secret="secret/allomia/by-hand#api_key"
        )


clinic = Clinic("clinic")
delivered = OrganizationApiKey(
    "delivered",
    organization_id=organization,
    rotation_triggers={"quarter": config.require("quarter")},
    vault_secret={"mount": "secret", "path": config.require("path"), "field": "api_key"},
)
pulumi.export("delivered", delivered.secret)
pulumi.export("nested", clinic.key.secret)
pulumi.export("byHand", clinic.by_hand.secret)
"""
KINDS = {"delivered": "OrganizationApiKey", "nested": "OrganizationApiKey", "by-hand": "DashboardApiKey"}


def keys_in_state(scene: Scene) -> dict[str, dict[str, Any]]:
    state = scene.workspace.export()
    return {name: resource(state, name) for name in KINDS}


def in_clear(key: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a key that are not encrypted."""
    return {name: value for name, value in key["outputs"].items() if "ciphertext" not in str(value)}


def write_by_hand(scene: Scene) -> str:
    """Make a key in the dashboard and write it to Vault, as a person does."""
    made = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret("allomia/by-hand", {"api_key": made.key}, mount_point="secret")
    scene.canaries.append(made.key)
    return made.id


def secrets(scene: Scene) -> dict[str, Any]:
    outputs = scene.workspace.outputs(show_secrets=True)
    scene.canaries.extend(map(str, outputs.values()))
    return outputs


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": BOTH_KINDS})
    scene = set_scene(sandbox, openbao, project, quarter="1")
    project.config_set("path", f"allomia/keys/{scene.organization}")
    return scene


@pytest.mark.catalogue(54)
@pytest.mark.long
def test_both_kinds_move_in_place_and_live_on_through_the_plugin(scene: Scene) -> None:
    project = scene.workspace
    by_hand = write_by_hand(scene)
    scene.up().check()
    first = secrets(scene)
    project.config_set("quarter", "2")
    scene.up().check()
    second, alive, before = secrets(scene), scene.alive(), keys_in_state(scene)

    migrate(project)
    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        project.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {"preflight": 2, METADATA: 2})
    assert (secrets(scene), scene.alive()) == (second, alive)
    after = keys_in_state(scene)
    for name, kind in KINDS.items():
        assert after[name]["type"] == f"allomia:index:{kind}"
        assert after[name]["id"] == before[name]["id"]
        assert in_clear(after[name]) == in_clear(before[name])
    project.refresh("--skip-preview", "--expect-no-changes").check()
    assert leaks(scene.canaries, state_texts(project)) == []

    scene.jump(hours=25)
    with Calls(scene) as calls:
        scene.up().check()
    assert [kind for each in calls.allomia() for kind in each if kind in {"minted", "revoked"}] == ["revoked"]
    assert (scene.accepts(first["nested"]), scene.accepts(second["nested"])) == (401, 200)
    project.config_set("quarter", "3")
    scene.up().check()
    third = secrets(scene)
    assert [scene.accepts(third[name]) for name in ("delivered", "nested", "byHand")] == [200, 200, 200]
    assert [scene.accepts(second[name]) for name in ("delivered", "nested")] == [401, 200]
    project.up("--skip-preview", "--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert scene.alive() == [by_hand]


NAMED = """
import pulumi
from allomia_pulumi import DashboardApiKey, OrganizationApiKey

config = pulumi.Config()
organization = config.require("organizationId")


class Clinic(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("my:index:Clinic", name, opts=opts)


CLINIC
key = OrganizationApiKey(
    "KEY",
    pulumi.ResourceOptions(KEY_OPTIONS),
    organization_id=organization,
    name="reader",
    overlap="24h",
    vault_secret={"mount": "secret", "path": config.require("path"), "field": "api_key"},
)
by_hand = DashboardApiKey(
    "HAND",
    pulumi.ResourceOptions(HAND_OPTIONS),
    organization_id=organization,
    vault_secret="secret/allomia/by-hand#api_key",
)
pulumi.export("secret", key.secret)
pulumi.export("byHand", by_hand.secret)
"""


def program(clinic: str, key: str, hand: str, options: str) -> str:
    """Write the program; in the options, BEFORE stands for what each key was called first."""
    text = NAMED.replace("CLINIC", clinic)
    text = text.replace("KEY_OPTIONS", options.replace("BEFORE", "key").replace("KIND", "OrganizationApiKey"))
    text = text.replace("HAND_OPTIONS", options.replace("BEFORE", "hand").replace("KIND", "DashboardApiKey"))
    return text.replace('"KEY"', f'"{key}"').replace('"HAND"', f'"{hand}"')


VALLEY = 'clinic = Clinic("valley")'
HILL = 'clinic = Clinic("hill", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="valley")]))'
AT_ROOT = program("", "key", "hand", "")
BELOW = program(VALLEY, "key", "hand", "parent=clinic")
MOVES = {
    "renamed": (AT_ROOT, program("", "reader", "dashboard", 'aliases=[pulumi.Alias(name="BEFORE")]')),
    "into a component": (
        AT_ROOT,
        program(VALLEY, "key", "hand", "parent=clinic, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]"),
    ),
    "into a component and renamed": (
        AT_ROOT,
        program(VALLEY, "reader", "dashboard", 'parent=clinic, aliases=[pulumi.Alias("BEFORE", parent=None)]'),
    ),
    "out of a component, by the plugin's URN": (
        BELOW,
        program(
            VALLEY,
            "reader",
            "dashboard",
            "aliases=[clinic.urn.apply(lambda urn: f'{urn.rpartition(\"::\")[0]}$allomia:index:KIND::BEFORE')]",
        ),
    ),
    "component renamed": (BELOW, program(HILL, "key", "hand", "parent=clinic")),
    "component and key renamed": (
        BELOW,
        program(HILL, "reader", "dashboard", 'parent=clinic, aliases=[pulumi.Alias(name="BEFORE")]'),
    ),
}


@pytest.mark.catalogue(54)
@pytest.mark.long
@pytest.mark.parametrize("move", MOVES)
def test_g1_moving_and_renaming_or_reparenting_in_one_run_mints_and_revokes_nothing(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, move: str
) -> None:
    before, after = MOVES[move]
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": before})
    scene = set_scene(sandbox, openbao, project)
    project.config_set("path", f"allomia/keys/{scene.organization}")
    write_by_hand(scene)
    scene.up().check()
    secret, alive = secrets(scene), scene.alive()

    project.write({"__main__.py": after})
    migrate(project)
    preview = project.preview().check()
    assert not re.search(r"to (delete|replace)", preview.text), preview.text
    with Calls(scene) as calls:
        scene.up().check()
    assert [kind for each in calls.allomia() for kind in each if kind in {"minted", "revoked"}] == []
    assert (secrets(scene), scene.alive()) == (secret, alive)
    types = [each["type"] for each in project.export()["deployment"]["resources"]]
    assert sorted(each for each in types if "ApiKey" in each) == [
        "allomia:index:DashboardApiKey",
        "allomia:index:OrganizationApiKey",
    ]
    project.up("--skip-preview", "--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert len(scene.alive()) == 1


@pytest.fixture
def example(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLE))
    scene.up().check()
    return scene


def test_the_example_moves_as_its_readme_says(example: Scene) -> None:
    scene, project = example, example.workspace
    secret, alive = scene.secret(), scene.alive()

    readme = (EXAMPLE / "README.md").read_text()
    removed, added = re.findall(r"^[-+](from .*)$", readme, re.MULTILINE)
    program = (project.folder / "__main__.py").read_text()
    assert program.count(removed) == 1
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    named = block.replace(".venv/bin", str(Path(sys.executable).parent), 1)
    assert named != block
    described = (project.folder / "Pulumi.yaml").read_text()
    project.write({"__main__.py": program.replace(removed, added), "Pulumi.yaml": described + named})

    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        scene.up().check()
    assert calls.allomia() == []
    assert (scene.secret(), scene.alive()) == (secret, alive)
    project.config_set("quarter", "2027-Q1")
    scene.up().check()
    assert (scene.accepts(scene.secret()), scene.accepts(secret)) == (200, 200)
    project.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_the_way_back_is_a_new_key(example: Scene) -> None:
    scene, project = example, example.workspace
    program = (project.folder / "__main__.py").read_text()
    migrate(project)
    project.config_set("quarter", "2027-Q1")
    scene.up().check()
    secret, old = scene.secret(), scene.alive()
    assert len(old) == 2

    project.write({"__main__.py": program})
    preview = project.preview().check()
    assert re.search(r"\+ 1 to create\s+- 1 to delete", preview.text), preview.text
    with Calls(scene) as calls:
        scene.up().check()
    changes = [kind for each in calls.allomia() for kind in each if kind in {"minted", "revoked"}]
    assert changes == ["minted", "revoked", "revoked"]
    (new,) = scene.alive()
    assert new not in old
    assert (scene.accepts(scene.secret()), scene.accepts(secret)) == (200, 401)
    project.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_an_alias_forces_no_way_back_and_changing_the_import_again_mends_it(example: Scene) -> None:
    scene, project = example, example.workspace
    program = (project.folder / "__main__.py").read_text()
    migrate(project)
    moved = (project.folder / "__main__.py").read_text()
    project.config_set("quarter", "2027-Q1")
    scene.up().check()
    secret, alive = scene.secret(), scene.alive()

    alias = 'pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="allomia:index:OrganizationApiKey")])'
    forced = program.replace('    "ehr-sync",\n', f'    "ehr-sync",\n    {alias},\n')
    assert forced != program
    project.write({"__main__.py": forced})
    scene.up().check()
    for result in (project.refresh("--skip-preview"), project.destroy("--skip-preview")):
        assert result.code != 0
        assert "KeyError: '__provider'" in result.text
    assert (scene.secret(), scene.alive()) == (secret, alive)

    project.write({"__main__.py": moved})
    project.up("--skip-preview", "--expect-no-changes").check()
    assert (scene.secret(), scene.alive()) == (secret, alive)
    project.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_a_stack_moves_to_an_explicit_provider_too(example: Scene) -> None:
    scene, project = example, example.workspace
    secret, alive = scene.secret(), scene.alive()
    migrate(project)
    program = (project.folder / "__main__.py").read_text()
    settings = f'api_url="{scene.sandbox.address}", tenant_key_ref="secret/allomia/{scene.tenant.id}#api_key"'
    named = program.replace("import OrganizationApiKey", "import OrganizationApiKey, Provider").replace(
        '    "ehr-sync",\n',
        f'    "ehr-sync",\n    pulumi.ResourceOptions(provider=Provider("clinics", {settings})),\n',
    )
    project.write({"__main__.py": named})
    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == []
    assert (scene.secret(), scene.alive()) == (secret, alive)
    project.up("--skip-preview", "--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert scene.alive() == []
