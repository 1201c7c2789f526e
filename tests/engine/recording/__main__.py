"""Record what today's code writes: `python -m tests.engine.recording NAME`, where NAME is `VERSION-COMMIT`."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Mapping
from dataclasses import replace

from tests.engine.moves import MODULES
from tests.engine.recording.capturing import record
from tests.engine.recording.files import FOLDER, Recording, value_of
from tests.engine.recording.programs import (
    BY_HAND,
    DELIVERED,
    INTERRUPTED,
    KEPT,
    KEYS,
    LATE,
    OVERLAPPING,
    TAKEN_OVER,
    program,
    vault_path,
)
from tests.engine.recording.stacks import open_stack, project
from tests.engine.scenes import Scene, kill_while_making
from tools.engine.build import ensure_engine
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

FORMER_NAME = "reader"
OWNER = {"allomia:owner": "the tests"}


def main() -> None:
    """Record each kind of state on each face."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the folder to write: version and commit of the code")
    name = parser.parse_args().name
    if (FOLDER / name).exists():
        # What is recorded is what that code wrote; today's would write something else under its name.
        parser.error(f"{name} is recorded already")
    engine = ensure_engine()
    for face in MODULES:
        for kind, (text, play) in KINDS.items():
            files = project(face, program(text, face))
            with Sandbox.start() as sandbox, OpenBao.dev(audit=True) as openbao, Workspace(engine, files) as workspace:
                scene = open_stack(sandbox, openbao, workspace, OWNER)
                play(scene, Recording(FOLDER / name / face / kind))


def keys(scene: Scene, recording: Recording) -> None:
    """Make a key of each kind; one is in the middle of a rotation and was renamed, one was replaced by hand."""
    workspace = scene.workspace
    organizations = _organizations(scene, DELIVERED, OVERLAPPING, BY_HAND, TAKEN_OVER)
    found = _write_by_hand(scene, TAKEN_OVER, organizations, "made by hand, taken over")
    _write_by_hand(scene, BY_HAND, organizations, "made by hand, the first")
    workspace.env["ALLOMIA_IMPORT_SECRET"] = value_of(found)
    for name, value in {"quarter": "q1", OVERLAPPING: "first", "takenOver": found}.items():
        workspace.config_set(f"clinic:{name}", value)
    text = (workspace.folder / "__main__.py").read_text()
    workspace.write({"__main__.py": text.replace(f'"{OVERLAPPING}",\n    pulumi', f'"{FORMER_NAME}",\n    pulumi')})
    scene.up().check()
    workspace.write({"__main__.py": text})
    workspace.config_set(OVERLAPPING, "second")
    _write_by_hand(scene, BY_HAND, organizations, "made by hand, the second")
    scene.up().check()
    workspace.refresh("--skip-preview").check()
    scene.up("--expect-no-changes").check()
    record(scene, organizations, recording)


def interrupted(scene: Scene, recording: Recording) -> None:
    """Kill the run that makes the second key."""
    organizations = _organizations(scene, KEPT, LATE)
    scene.workspace.config_set("names[0]", KEPT, path=True)
    scene.up().check()
    scene.workspace.config_set("names[1]", LATE, path=True)
    kill_while_making(replace(scene, organization=organizations[LATE]))
    record(scene, organizations, recording)


KINDS = {"keys": (KEYS, keys), "interrupted": (INTERRUPTED, interrupted)}


def _organizations(scene: Scene, *names: str) -> dict[str, str]:
    """Make an organization for each key, and tell the program."""
    made = {name: scene.sandbox.add_organization(scene.tenant.id, name) for name in names}
    for name, organization in made.items():
        scene.workspace.config_set(f'organizations["{name}"]', organization, path=True)
    return made


def _write_by_hand(scene: Scene, name: str, organizations: Mapping[str, str], label: str) -> str:
    """Make a key in the dashboard, write it to Vault, and return its id."""
    key_id = str(uuid.uuid4())
    made = scene.sandbox.make_key_by_hand(organizations[name], label, id=key_id, key=value_of(key_id))
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret(vault_path(name), {"api_key": made.key}, mount_point="secret")
    return made.id


if __name__ == "__main__":
    main()
