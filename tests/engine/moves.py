"""What can happen to a stack so that its keys are somebody else today: renames, moves, an owner, a copy."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from allomia_pulumi.core.identity import Identity
from tests.engine.scenes import Scene, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

PROGRAMS = Path(sys.executable).parent
ALLOMIA = PROGRAMS / "allomia"
PROJECT = {"runtime": "python", "plugins": {"providers": [{"name": "allomia", "path": str(PROGRAMS)}]}}
MODULES = {"dynamic": "allomia_pulumi", "plugin": "allomia_pulumi.native"}
PROGRAM = """
import json
import pathlib

import pulumi
from {module} import OrganizationApiKey


class Clinic(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("my:index:Clinic", name)


declared = json.loads(pathlib.Path("keys.json").read_text())
parent = Clinic("clinic") if declared["component"] else None
first = None
for name, key in declared["keys"].items():
    aliases = [pulumi.Alias(name=former) for former in key.pop("former")]
    if parent:
        aliases = [pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
    options = pulumi.ResourceOptions(parent=parent, aliases=aliases, depends_on=[first] if first else None)
    first = OrganizationApiKey(name, options, **key)
"""
OWNER = "the tests"
KEPT, OVERLAPPING, REPLACED = "kept", "overlapping", "replaced"
WITH_VAULT = (OVERLAPPING, REPLACED)
RENAMED = "-renamed"
COMPONENT = "my:index:Clinic"


class Move(StrEnum):
    """What happened between two runs."""

    ALIAS = "alias"
    COMPONENT = "into a component"
    STATE_RENAME = "state rename"
    STATE_MOVE = "state move"
    STACK_RENAME = "stack rename"
    PROJECT_RENAME = "project rename"
    OWNER_SET = "owner set"
    OWNER_CHANGED = "owner changed"
    COPIED = "copied stack"


@dataclass
class Clinic:
    """A stack with a key of each kind, in an organization of its own; two are written to Vault.

    Attributes:
        stacks: The stacks that may have something to say about the keys, the present one first.
        suffix: What was added to the names.
    """

    scene: Scene
    organizations: Mapping[str, str]
    project: str = "clinic"
    stacks: list[str] = field(default_factory=lambda: ["test"])
    suffix: str = ""
    parents: str = ""
    owner: str = OWNER
    quarter: str = "q1"

    def up(self, *arguments: str) -> Result:
        return self.scene.up(*arguments)

    def state(self) -> dict[str, dict[str, Any]]:
        """Return each key as the state has it, by its first name."""
        state = self.scene.workspace.export()
        return {name: resource(state, f"{name}{self.suffix}") for name in self.organizations}

    def identity(self, name: str) -> Identity:
        """Return who a key is today."""
        return Identity(project=self.project, stack=self.stacks[0], parents=self.parents, name=f"{name}{self.suffix}")

    def place(self, name: str) -> dict[str, str]:
        return {"mount": "secret", "path": f"clinic/{self.organizations[name]}", "field": "api_key"}

    def metadata(self, name: str) -> dict[str, str]:
        """Return what Vault says of a key's secret."""
        kv = self.scene.openbao.client().secrets.kv.v2
        path = self.place(name)["path"]
        found: dict[str, str] = kv.read_secret_metadata(path, mount_point="secret")["data"]["custom_metadata"]
        return found

    def in_vault(self, name: str) -> str:
        kv = self.scene.openbao.client().secrets.kv.v2
        path = self.place(name)["path"]
        read = kv.read_secret_version(path, mount_point="secret", raise_on_deleted_version=True)
        return str(read["data"]["data"]["api_key"])

    def alive(self) -> dict[str, dict[str, str]]:
        """Return the living keys of each organization: names by ids."""
        return {
            name: {key.id: key.name for key in self.scene.sandbox.alive(organization)}
            for name, organization in self.organizations.items()
        }

    def declare(self, former: Mapping[str, Sequence[str]] | None = None, more: Mapping[str, Any] | None = None) -> None:
        """Write down what the program declares."""
        keys = {
            f"{name}{self.suffix}": {
                "organization_id": organization,
                "rotation_triggers": {"quarter": self.quarter},
                "overlap": None if name == REPLACED else "24h",
                "vault_secret": self.place(name) if name in WITH_VAULT else None,
                "former": list((former or {}).get(name, [])),
            }
            for name, organization in self.organizations.items()
        }
        declared = {"component": bool(self.parents), "keys": {**keys, **(more or {})}}
        self.scene.workspace.write({"keys.json": json.dumps(declared)})

    def rotate(self) -> None:
        """Have the program ask for new keys."""
        self.quarter = f"{self.quarter}+"
        text = (self.scene.workspace.folder / "keys.json").read_text()
        declared = json.loads(text)
        for key in declared["keys"].values():
            key["rotation_triggers"] = {"quarter": self.quarter}
        self.scene.workspace.write({"keys.json": json.dumps(declared)})

    def orphans(self, stack: str, *arguments: str) -> Result:
        return self.scene.workspace.call(
            ALLOMIA, "orphans", "--stack", f"{self.scene.workspace.folder}@{stack}", *arguments
        )

    def urns(self) -> list[str]:
        return [key["urn"] for key in self.state().values()]

    def other_stack(self, name: str) -> None:
        """Make another stack of the same configuration; the present one stays selected."""
        workspace = self.scene.workspace
        config = yaml.safe_load((workspace.folder / f"Pulumi.{self.stacks[0]}.yaml").read_text())["config"]
        workspace.init(name)
        file = workspace.folder / f"Pulumi.{name}.yaml"
        own = yaml.safe_load(file.read_text()) if file.exists() else {}
        workspace.write({file.name: yaml.safe_dump({**(own or {}), "config": config})})
        self.select(self.stacks[0])

    def select(self, stack: str) -> None:
        self.scene.workspace.run("stack", "select", stack).check()


def open_clinic(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, face: str, *, owner: str = OWNER
) -> Clinic:
    """Make the stack, with its keys."""
    program = {
        "Pulumi.yaml": yaml.safe_dump({"name": "clinic", **PROJECT}),
        "__main__.py": PROGRAM.format(module=MODULES[face]),
    }
    scene = set_scene(sandbox, openbao, workspace(program))
    names = (KEPT, OVERLAPPING, REPLACED)
    clinic = Clinic(scene, {name: sandbox.add_organization(scene.tenant.id, name) for name in names}, owner=owner)
    if owner:
        scene.workspace.config_set("allomia:owner", owner)
    clinic.declare()
    clinic.up().check()
    return clinic


def move(clinic: Clinic, what: Move) -> None:
    """Do to the stack what a person does; the next `up` is the first to see it."""
    MOVES[what](clinic)


def _alias(clinic: Clinic) -> None:
    clinic.suffix = RENAMED
    clinic.declare(former={name: [name] for name in clinic.organizations})


def _component(clinic: Clinic) -> None:
    clinic.parents = COMPONENT
    clinic.declare()


def _state_rename(clinic: Clinic) -> None:
    for name, key in clinic.state().items():
        clinic.scene.workspace.run("state", "rename", key["urn"], f"{name}{RENAMED}", "--yes").check()
    clinic.suffix = RENAMED
    clinic.declare()


def _state_move(clinic: Clinic) -> None:
    clinic.other_stack("other")
    stacks = [f"organization/{clinic.project}/{name}" for name in ("test", "other")]
    urns = clinic.urns()
    clinic.scene.workspace.run("state", "move", "--source", stacks[0], "--dest", stacks[1], *urns, "--yes").check()
    clinic.select("other")
    clinic.stacks = ["other", "test"]


def _stack_rename(clinic: Clinic) -> None:
    clinic.scene.workspace.run("stack", "rename", "prod").check()
    clinic.stacks = ["prod"]
    # A new stack takes the former name.
    clinic.other_stack("test")
    clinic.stacks = ["prod", "test"]


def _project_rename(clinic: Clinic) -> None:
    workspace = clinic.scene.workspace
    workspace.run("stack", "rename", "organization/hospital/test").check()
    workspace.write({"Pulumi.yaml": yaml.safe_dump({"name": "hospital", **PROJECT})})
    clinic.project = "hospital"
    clinic.select("test")


def _owner(clinic: Clinic) -> None:
    clinic.owner = "another person"
    clinic.scene.workspace.config_set("allomia:owner", clinic.owner)


def _copy(clinic: Clinic) -> None:
    workspace = clinic.scene.workspace
    exported = workspace.run("stack", "export").check().stdout
    clinic.other_stack("copy")
    workspace.write({"copy.json": exported.replace("urn:pulumi:test::", "urn:pulumi:copy::")})
    workspace.run("stack", "import", "--stack", "copy", "--file", "copy.json").check()
    (workspace.folder / "copy.json").unlink()
    clinic.select("copy")
    clinic.stacks = ["copy", "test"]


MOVES: Mapping[Move, Callable[[Clinic], None]] = {
    Move.ALIAS: _alias,
    Move.COMPONENT: _component,
    Move.STATE_RENAME: _state_rename,
    Move.STATE_MOVE: _state_move,
    Move.STACK_RENAME: _stack_rename,
    Move.PROJECT_RENAME: _project_rename,
    Move.OWNER_SET: _owner,
    Move.OWNER_CHANGED: _owner,
    Move.COPIED: _copy,
}
