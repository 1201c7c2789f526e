"""Put a recorded state back, with an AlloMia and a Vault that are as it describes them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import yaml

from tests.engine.recording.files import Recording, VaultSecret, World, seconds, value_of
from tests.engine.recording.programs import AGE
from tests.engine.recording.stacks import CONFIG, STACK, open_stack, project, values_in
from tests.engine.scenes import Scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

FINGERPRINT = 12
PLACEHOLDER = re.compile(r"\$\{(\w+) ?([^{}]*)\}")


def put_back(sandbox: Sandbox, openbao: OpenBao, make: MakeWorkspace, recording: Recording) -> Scene:
    """Return the scene as it was when the state was written; its clocks stand at that moment too."""
    world, workspace = recording.world(), make(project(recording.face, recording.program))
    scene = open_stack(sandbox, openbao, workspace, world.config)
    # Secrets can be read as soon as a state is there, whatever its placeholders stand for.
    _write_state(workspace, recording.state)
    values = values_in(workspace)
    scene.canaries.extend(values.values())
    _fill_allomia(scene, world, values)
    written = {path: _fill_vault(openbao, path, secret, values) for path, secret in world.vault.items()}
    meanings = {
        "allomia": lambda _: sandbox.address,
        "tenant": lambda _: scene.tenant.id,
        "fingerprint": lambda key_id: hashlib.sha256(value_of(key_id).encode()).hexdigest()[:FINGERPRINT],
        **_moments(written),
    }
    _write_state(workspace, fill(recording.state, meanings))
    scene.jump(hours=(datetime.fromisoformat(world.moment) - datetime.now(UTC)) / timedelta(hours=1))
    return scene


def fill(text: str, meanings: Mapping[str, Callable[[str], str]]) -> str:
    """Return the text with each placeholder, `${word}` or `${word arguments}`, replaced by what it means."""
    return PLACEHOLDER.sub(lambda found: meanings[found[1]](found[2]), text)


def _write_state(workspace: Workspace, state: str) -> None:
    """Put the state where the engine keeps it: an import would leave out what is pending."""
    exported = json.loads(state)
    (file,) = (path for path in workspace.state_files() if path.parts[-3:] == ("stacks", "clinic", f"{STACK}.json"))
    checkpoint = {"stack": f"organization/clinic/{STACK}", "latest": exported["deployment"]}
    file.write_text(json.dumps({"version": exported["version"], "checkpoint": checkpoint}))
    configured = yaml.safe_load((workspace.folder / CONFIG).read_text())
    configured["encryptionsalt"] = exported["deployment"]["secrets_providers"]["state"]["salt"]
    workspace.write({CONFIG: yaml.safe_dump(configured)})


def _fill_allomia(scene: Scene, world: World, values: Mapping[str, str]) -> None:
    for name, organization in world.organizations.items():
        fields = {key: scene.tenant.id if each == "${tenant}" else each for key, each in organization.fields.items()}
        scene.sandbox.add_organization(scene.tenant.id, fields.pop("name", name), organization.id, **fields)
        if organization.metadata is not None:
            scene.sandbox.put_metadata(organization.id, dict(organization.metadata))
        for key in organization.keys:
            value = values.get(key.id) or value_of(key.id)
            scene.sandbox.make_key_by_hand(organization.id, key.name, id=key.id, key=value, created_at=key.created_at)


def _fill_vault(openbao: OpenBao, path: str, secret: VaultSecret, values: Mapping[str, str]) -> list[datetime]:
    """Write each version, and return when Vault says that it was written."""
    kv = openbao.client().secrets.kv.v2
    kv.delete_metadata_and_all_versions(path, mount_point="secret")
    written = []
    for version in secret.versions:
        fields = {
            name: fill(value, {"key": lambda key_id: values.get(key_id) or value_of(key_id)})
            for name, value in version.items()
        }
        made = kv.create_or_update_secret(path, fields, mount_point="secret")
        written.append(datetime.fromisoformat(made["data"]["created_time"]))
    kv.update_metadata(path, mount_point="secret", custom_metadata=dict(secret.metadata))
    return written


def _moments(written: Mapping[str, list[datetime]]) -> dict[str, Callable[[str], str]]:
    """Return the placeholders that follow from when Vault wrote a version, each with path and number."""

    def after(age: timedelta, version: str) -> str:
        path, number = version.split()
        return seconds(written[path][int(number) - 1] + age)

    return {"written": partial(after, timedelta()), "due": partial(after, AGE)}
