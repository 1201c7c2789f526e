"""What the tests of recorded states do with each of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.recording.files import Recording, recordings
from tests.engine.recording.programs import BY_HAND, vault_path
from tests.engine.scenes import Calls, Scene

__all__ = ["accepted", "alive", "assert_unchanged", "cases", "in_vault", "secrets", "write_by_hand"]

CHANGES = {"minted", "revoked"}


def cases(kind: str, *, long: str = "") -> list[Any]:
    """Return every recording of one kind; all but the oldest are for `make sweep`, and those of the face `long`."""
    found = recordings(kind)
    oldest = min((each.version for each in found), default="")
    return [
        pytest.param(
            each,
            id=f"{each.version}-{each.face}",
            marks=pytest.mark.long if each.face == long or each.version != oldest else (),
        )
        for each in found
    ]


def secrets(scene: Scene) -> dict[str, str]:
    """Return the secret that the program exports of each key."""
    outputs = scene.workspace.outputs(show_secrets=True)
    scene.canaries.extend(map(str, outputs.values()))
    return outputs


def alive(scene: Scene, recording: Recording) -> dict[str, set[str]]:
    """Return the ids of the living keys of each recorded organization."""
    organizations = recording.world().organizations
    return {name: {key.id for key in scene.sandbox.alive(each.id)} for name, each in organizations.items()}


def accepted(scene: Scene, recording: Recording, held: dict[str, str]) -> dict[str, int]:
    """Use each key, and return what AlloMia says."""
    organizations = recording.world().organizations
    return {name: scene.sandbox.key_status(organizations[name].id, secret) for name, secret in held.items()}


def in_vault(scene: Scene, name: str) -> str:
    kv = scene.openbao.client().secrets.kv.v2
    read = kv.read_secret_version(vault_path(name), mount_point="secret", raise_on_deleted_version=True)
    return str(read["data"]["data"]["api_key"])


def write_by_hand(scene: Scene, organization: str) -> str:
    """Make a key in the dashboard, write it to Vault as its next version, and return its value."""
    made = scene.sandbox.make_key_by_hand(organization, "made by hand, the third")
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret(vault_path(BY_HAND), {"api_key": made.key}, mount_point="secret")
    scene.canaries.append(made.key)
    return made.key


def assert_unchanged(scene: Scene, recording: Recording) -> None:
    """See that today's code finds nothing to do, and that it reads what is recorded as it is."""
    project, before = scene.workspace, alive(scene, recording)
    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        project.refresh("--skip-preview", "--expect-no-changes").check()
    assert CHANGES.isdisjoint(each for process in calls.allomia() for each in process)
    assert alive(scene, recording) == before
