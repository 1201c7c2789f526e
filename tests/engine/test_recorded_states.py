"""States that earlier code wrote go on under today's: read, refreshed, rotated, destroyed (`recorded/README.md`)."""

from __future__ import annotations

from typing import Any

import pytest
from hvac.exceptions import InvalidPath

from tests.engine.moves import ALLOMIA
from tests.engine.recording.files import Recording, recordings
from tests.engine.recording.programs import BY_HAND, DELIVERED, KEPT, LATE, OVERLAPPING, TAKEN_OVER, vault_path
from tests.engine.recording.replaying import put_back
from tests.engine.scenes import Calls, Scene, leaks, resource, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

CHANGES = {"minted", "revoked"}


def cases(kind: str, *, long: str = "") -> list[Any]:
    """Return every recording of one kind; those of the face that is `long` are for `make sweep`."""
    return [
        pytest.param(
            each,
            id=f"{each.folder.parents[1].name}-{each.face}",
            marks=pytest.mark.long if each.face == long else (),
        )
        for each in recordings(kind)
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


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("recording", cases("keys"))
def test_g4_a_stack_of_earlier_code_is_unchanged_then_rotates_and_is_destroyed_to_the_last_key(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, world, before = scene.workspace, recording.world(), secrets(scene)
    assert set(accepted(scene, recording, before).values()) == {200}
    predecessor = resource(project.export(), OVERLAPPING)["outputs"]["previousKeyId"]
    assert_unchanged(scene, recording)

    by_hand = write_by_hand(scene, world.organizations[BY_HAND].id)
    scene.jump(hours=25)
    project.config_set("quarter", "q2")
    project.config_set(OVERLAPPING, "third")
    scene.up().check()
    after = secrets(scene)
    assert after[BY_HAND] == by_hand
    assert set(accepted(scene, recording, after).values()) == {200}
    assert {name for name in before if before[name] == after[name]} == set()
    assert accepted(scene, recording, before) == {DELIVERED: 401, OVERLAPPING: 200, BY_HAND: 200, TAKEN_OVER: 200}
    assert predecessor not in alive(scene, recording)[OVERLAPPING]
    assert {name: in_vault(scene, name) for name in (DELIVERED, OVERLAPPING)} == {
        name: after[name] for name in (DELIVERED, OVERLAPPING)
    }
    project.up("--skip-preview", "--expect-no-changes").check()
    assert leaks(scene.canaries, state_texts(project)) == []

    project.destroy("--skip-preview").check()
    left = alive(scene, recording)
    assert len(left.pop(BY_HAND)) == 3, "a person made these, and a person deletes them"
    assert left == {DELIVERED: set(), OVERLAPPING: set(), TAKEN_OVER: set()}


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("recording", cases("keys", long="plugin"))
def test_g1_a_stack_of_earlier_code_is_destroyed_at_once_with_its_predecessors_and_its_part_in_vault(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    before = alive(scene, recording)
    scene.workspace.destroy("--skip-preview").check()
    gone: dict[str, set[str]] = {DELIVERED: set(), OVERLAPPING: set(), TAKEN_OVER: set()}
    assert alive(scene, recording) == {**gone, BY_HAND: before[BY_HAND]}
    for name in (DELIVERED, OVERLAPPING):
        with pytest.raises(InvalidPath):
            in_vault(scene, name)


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("recording", cases("interrupted", long="plugin"))
def test_g1_a_run_of_earlier_code_that_was_killed_is_completed_and_its_lost_key_is_ended(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before = scene.workspace, alive(scene, recording)
    assert [each["type"] for each in project.export()["deployment"]["pending_operations"]] == ["creating"]
    kept = secrets(scene)[KEPT]
    scene.up().check()
    after = secrets(scene)
    assert after[KEPT] == kept
    assert accepted(scene, recording, after) == {KEPT: 200, LATE: 200}
    assert len(alive(scene, recording)[LATE] - before[LATE]) == 1

    scene.jump(hours=25)
    project.call(ALLOMIA, "orphans", "--stack", project.folder, "--revoke", "--yes").check()
    assert alive(scene, recording)[LATE].isdisjoint(before[LATE])
    project.destroy("--skip-preview").check()
    assert alive(scene, recording) == {KEPT: set(), LATE: set()}
