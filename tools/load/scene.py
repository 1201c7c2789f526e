"""The scene of a load run: a sandbox with organizations and random faults, and a project that declares the keys."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

__all__ = ["FACES", "Load", "Record", "Scene", "project", "set_scene"]

FACES = {"dynamic": "allomia_pulumi", "plugin": "allomia_pulumi.native"}
KINDS = (":OrganizationApiKey", ":index:OrganizationApiKey")
PROGRAM = """\
import json
from pathlib import Path

import pulumi
from {module} import OrganizationApiKey

config = pulumi.Config()
organizations = json.loads(Path("organizations.json").read_text())
for number in range(config.require_int("count")):
    OrganizationApiKey(
        f"key-{{number}}",
        organization_id=organizations[number % len(organizations)],
        rotation_triggers={{"quarter": config.require("quarter")}},
        overlap=config.get("overlap"),
    )
"""
PLUGINS = {"providers": [{"name": "allomia", "path": str(Path(sys.executable).parent)}]}
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("status", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("status", {"status": 503}),
    ("drop_before", {"reset": True}),
    ("drop_after", {}),
    ("status_after", {"status": 503}),
    ("truncate", {}),
)


@dataclass(frozen=True)
class Load:
    """How much of what.

    Attributes:
        chance: The share of requests that a fault strikes.
        seed: Which ones, as far as the order of parallel requests repeats itself.
        checkpoints: Whether the engine writes its whole state after each step, as it does by default, or only at the
            end of a run: what it writes grows with the square of the keys, and hides what this package costs.
    """

    face: str
    keys: int
    organizations: int
    chance: float
    seed: int
    checkpoints: bool = False


@dataclass(frozen=True)
class Record:
    """What the state says of one declared key, or of one that waits for its deletion."""

    organization_id: str
    key_id: str
    key_ids: frozenset[str]
    secret: str | None = field(repr=False)


@dataclass(frozen=True)
class Scene:
    """The sandbox and the project of one load run."""

    load: Load
    sandbox: Sandbox
    workspace: Workspace
    organizations: tuple[str, ...]

    def arm(self) -> None:
        """Let every kind of fault strike its share of the requests."""
        for number, (kind, more) in enumerate(FAULTS):
            self.sandbox.add_fault(
                kind,
                path="/api/*",
                times=None,
                chance=self.load.chance / len(FAULTS),
                seed=self.load.seed * len(FAULTS) + number,
                **more,
            )

    def disarm(self) -> Counter[str]:
        """Remove the faults, and return how often each kind struck."""
        hits = Counter({_describe(kind, more): 0 for kind, more in FAULTS})
        for (kind, more), fault in zip(FAULTS, self.sandbox.faults(), strict=True):
            hits[_describe(kind, more)] += fault.hits
        self.sandbox.clear_faults()
        return hits

    def alive(self) -> dict[str, str]:
        """Return the names of all living keys by their ids."""
        keys = (key for organization in self.organizations for key in self.sandbox.alive(organization))
        return {key.id: key.name for key in keys}

    def records(self) -> list[Record]:
        """Read the state, with its secrets."""
        text = self.workspace.run("stack", "export", "--show-secrets", timeout=600).check().stdout
        resources = json.loads(text)["deployment"].get("resources", [])
        return [_record(each["outputs"]) for each in resources if each["type"].endswith(KINDS)]


def project(load: Load) -> dict[str, str]:
    """Return the files of the project."""
    about = {"name": "clinic", "runtime": "python", **({"plugins": PLUGINS} if load.face == "plugin" else {})}
    return {"Pulumi.yaml": yaml.safe_dump(about), "__main__.py": PROGRAM.format(module=FACES[load.face])}


def set_scene(load: Load, sandbox: Sandbox, workspace: Workspace) -> Scene:
    """Make a tenant with its organizations, and a stack that declares keys for them."""
    sandbox.reset()
    tenant = sandbox.add_tenant("clinics")
    organizations = tuple(sandbox.add_organization(tenant.id, f"Clinic {n}") for n in range(load.organizations))
    workspace.env.update(ALLOMIA_API_URL=sandbox.address, ALLOMIA_TENANT_KEY=tenant.key)
    if not load.checkpoints:
        workspace.env.update(PULUMI_EXPERIMENTAL="true", PULUMI_SKIP_CHECKPOINTS="true")
    workspace.write({"organizations.json": json.dumps(organizations)})
    workspace.init("load")
    workspace.config_set("count", str(load.keys))
    return Scene(load, sandbox, workspace, organizations)


def _describe(kind: str, more: dict[str, Any]) -> str:
    return f"{kind} {more['status']}" if "status" in more else kind


def _record(outputs: dict[str, Any]) -> Record:
    owed = {each.get("keyId") for each in outputs.get("pending") or ()}
    secret = outputs.get("secret")
    return Record(
        organization_id=outputs["record"]["settings"]["organizationId"],
        key_id=outputs["keyId"],
        key_ids=frozenset(filter(None, {outputs["keyId"], outputs.get("previousKeyId"), *owed})),
        secret=json.loads(secret["plaintext"]) if isinstance(secret, dict) else secret,
    )
