"""Record what today's code writes: `python -m tests.engine.recording NAME`, where NAME is `VERSION-COMMIT`."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.deliveries import Relay, instead
from tests.engine.moves import MODULES
from tests.engine.recording.capturing import record
from tests.engine.recording.clinics import CLINIC_KILLED, CLINICS, clinic_killed, clinics
from tests.engine.recording.files import FOLDER, Recording, value_of
from tests.engine.recording.programs import (
    BY_HAND,
    CREATED,
    DELIVERED,
    HALF_DONE,
    INTERRUPTED,
    KEPT,
    KEYS,
    LATE,
    LOST,
    NESTED,
    OPTIONS,
    OVERLAPPING,
    OWING,
    OWN_KEY,
    PROVIDED,
    REPLACING,
    TAKEN_OVER,
    UNPROVED,
    UNSEEN,
    program,
    vault_path,
)
from tests.engine.recording.stacks import open_stack, project
from tests.engine.scenes import Scene, kill_while_making, resource
from tests.vaults import answer, stand_in
from tools.engine.build import ensure_engine
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

FORMER_NAME = "reader"
OWNER = {"allomia:owner": "the tests"}
REFUSED = instead(answer(403, {"errors": ["permission denied"]}))
MANY = 400


def main() -> None:
    """Record each kind of state on each face."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the folder to write: version and commit of the code")
    parser.add_argument("--kind", choices=KINDS, action="append", help="record only this kind; repeatable")
    given = parser.parse_args()
    name, kinds = given.name, {kind: KINDS[kind] for kind in given.kind or KINDS}
    for kind in kinds:
        if any((FOLDER / name / face / kind).exists() for face in MODULES):
            # What is recorded is what that code wrote; today's would write something else under its name.
            parser.error(f"{kind} of {name} is recorded already")
    engine = ensure_engine()
    for face in MODULES:
        for kind, (text, play) in kinds.items():
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


def half_done(scene: Scene, recording: Recording) -> None:
    """Leave a delivery, a creation, a replacement's last step and a rotation half-way."""
    organizations, workspace = _organizations(scene, OWING, CREATED, REPLACING, LOST), scene.workspace
    for index, name in enumerate((OWING, REPLACING, LOST)):
        workspace.config_set(f"names[{index}]", name, path=True)
    for name in organizations:
        workspace.config_set(name, "first")
    scene.up().check()
    workspace.config_set("names[3]", CREATED, path=True)
    workspace.config_set(OWING, "second")
    # What Vault does not take is revoked if it can be; from here on nothing can, and no replacement ends its old key.
    scene.sandbox.add_fault("status", status=500, times=None, method="DELETE", path="*/api-keys/*")
    with stand_in(*[Relay(scene.openbao.address, [("POST", "/secret/data/recorded", REFUSED)] * MANY)] * MANY) as vault:
        workspace.env["VAULT_ADDR"] = vault.address
        scene.up("--continue-on-error")
    workspace.env["VAULT_ADDR"] = scene.openbao.address
    workspace.config_set(REPLACING, "second")
    scene.up("--target", _urn(scene, REPLACING))
    workspace.config_set(LOST, "second")
    kill_while_making(replace(scene, organization=organizations[LOST]), "--target", _urn(scene, LOST))
    record(scene, organizations, recording)


def options(scene: Scene, recording: Recording) -> None:
    """Make keys with the rarer inputs and resource options, one of them moved into a component."""
    names = (UNSEEN, UNPROVED, OWN_KEY, NESTED, *([PROVIDED] if recording.face == "plugin" else []))
    organizations, workspace = _organizations(scene, *names), scene.workspace
    workspace.config_set("quarter", "q1")
    text = (workspace.folder / "__main__.py").read_text()
    workspace.write({"__main__.py": text.replace("    below,\n", "")})
    scene.up().check()
    workspace.write({"__main__.py": text})
    scene.up().check()
    scene.up("--expect-no-changes").check()
    record(scene, organizations, recording)


KINDS: Mapping[str, tuple[str, Callable[[Scene, Recording], None]]] = {
    "keys": (KEYS, keys),
    "interrupted": (INTERRUPTED, interrupted),
    "half-done": (HALF_DONE, half_done),
    "options": (OPTIONS, options),
    "clinics": (CLINICS, clinics),
    "clinic-killed": (CLINIC_KILLED, clinic_killed),
}


def _urn(scene: Scene, name: str) -> str:
    return str(resource(scene.workspace.export(), name)["urn"])


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
