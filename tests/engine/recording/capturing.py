"""Take down a stack's state and the world around it, with placeholders for what differs from run to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from hvac.exceptions import InvalidPath

from tests.engine.recording.files import Key, Organization, Recording, VaultSecret, World, seconds, value_of
from tests.engine.recording.programs import AGE, vault_path
from tests.engine.recording.stacks import CONFIG, SETTINGS, values_in
from tests.engine.scenes import Scene
from tools.engine.processes import CHECKOUT, ToolError

Known: TypeAlias = tuple[Mapping[str, Any], Mapping[str, Any] | None]
"""What AlloMia has of an organization: its fields, and its metadata if it has a record of them."""
SOURCES = frozenset({"sourcePosition", "stackTrace"})
"""What a state says of the files of the machine that wrote it."""
OF_VAULT = frozenset({"since", "writtenAt", "rotateAt", "nextActionAt"})
"""Outputs of a `DashboardApiKey` that say when Vault wrote a version, or follow from it."""


def record(
    scene: Scene, organizations: Mapping[str, str], recording: Recording, known: Mapping[str, Known] | None = None
) -> None:
    """Write down the stack of a scene as it is now, with what is `known` of organizations beside their keys."""
    workspace = scene.workspace
    living = {
        name: Organization(
            each,
            [Key(key.id, key.name, key.created_at) for key in scene.sandbox.alive(each)],
            *(known or {}).get(each, ({}, None)),
        )
        for name, each in organizations.items()
    }
    ids = {value_of(key.id): key.id for each in living.values() for key in each.keys}
    ids |= {value: key_id for key_id, value in values_in(workspace).items()}
    unseen = _unseen(workspace.export())
    metadata: dict[str, dict[str, Any]] = {}
    for path in map(vault_path, organizations):
        with suppress(InvalidPath):
            kv = scene.openbao.client().secrets.kv.v2
            metadata[path] = kv.read_secret_metadata(path, mount_point="secret")["data"]
    config = yaml.safe_load((workspace.folder / CONFIG).read_text())["config"]
    world = World(
        moment=datetime.now(UTC).isoformat(timespec="seconds"),
        config={name: value for name, value in config.items() if name not in SETTINGS},
        organizations=living,
        vault={path: _vault_secret(scene, path, each, ids, unseen) for path, each in metadata.items()},
    )
    program = (workspace.folder / "__main__.py").read_text()
    recording.write(program, _state(scene, metadata), world)


def _unseen(state: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys whose values the state does not hold, so that another value may stand for them."""
    outputs = (each.get("outputs", {}) for each in state["deployment"]["resources"])
    return frozenset(each["keyId"] for each in outputs if "keyId" in each and "secret" not in each)


def _vault_secret(
    scene: Scene, path: str, metadata: Mapping[str, Any], ids: Mapping[str, str], unseen: frozenset[str]
) -> VaultSecret:
    kv = scene.openbao.client().secrets.kv.v2
    if metadata["custom_metadata"] and (key_id := metadata["custom_metadata"].get("key_id")) in unseen:
        read = kv.read_secret_version(path, mount_point="secret", raise_on_deleted_version=True)
        ids = {**ids, read["data"]["data"]["api_key"]: key_id}
    versions = []
    for number in metadata["versions"]:
        read = kv.read_secret_version(path, int(number), mount_point="secret", raise_on_deleted_version=True)
        fields = {
            name: f"${{key {ids[value]}}}" if value in ids else value for name, value in read["data"]["data"].items()
        }
        versions.append(fields)
    return VaultSecret(versions, metadata["custom_metadata"] or {})


def _state(scene: Scene, metadata: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the exported state with placeholders.

    Raises:
        ToolError: It names something of this machine all the same.
    """
    state = _without(SOURCES, scene.workspace.export())
    unseen = _unseen(state)
    for each in state["deployment"]["resources"]:
        if each["type"].endswith(":DashboardApiKey"):
            path = vault_path(each["urn"].rpartition("::")[2])
            each["outputs"] = _with_moments(each["outputs"], _names(path, metadata[path]["versions"]))
        if each.get("outputs", {}).get("keyId") in unseen and each["outputs"]["secretFingerprint"]:
            each["outputs"]["secretFingerprint"] = f"${{fingerprint {each['outputs']['keyId']}}}"
    text = json.dumps(state).replace(scene.sandbox.address, "${allomia}").replace(scene.tenant.id, "${tenant}")
    for local in (scene.openbao.address, str(scene.workspace.root), str(CHECKOUT), str(Path.home())):
        if local in text:
            raise ToolError(f"The state names {local}.", "Put a placeholder in its stead.")
    found: dict[str, Any] = json.loads(text)
    return found


def _names(path: str, versions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return a placeholder for each moment that follows from when Vault wrote a version."""
    names = {}
    for number, version in versions.items():
        moment = datetime.fromisoformat(version["created_time"])
        names[seconds(moment)] = f"${{written {path} {number}}}"
        names[seconds(moment + AGE)] = f"${{due {path} {number}}}"
    return names


def _with_moments(outputs: Any, names: Mapping[str, str], name: str = "") -> Any:
    if isinstance(outputs, dict):
        return {key: _with_moments(value, names, key) for key, value in outputs.items()}
    if isinstance(outputs, list):
        return [_with_moments(value, names, name) for value in outputs]
    return names.get(outputs, outputs) if name in OF_VAULT else outputs


def _without(names: frozenset[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(names, each) for name, each in value.items() if name not in names}
    return [_without(names, each) for each in value] if isinstance(value, list) else value
