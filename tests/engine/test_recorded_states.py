"""States that earlier code wrote go on under today's: read, refreshed, rotated, destroyed (`recorded/README.md`)."""

from __future__ import annotations

import pytest
from hvac.exceptions import InvalidPath

from tests.engine.moves import ALLOMIA
from tests.engine.recording.files import Recording
from tests.engine.recording.playing import (
    accepted,
    alive,
    assert_unchanged,
    cases,
    in_vault,
    secrets,
    write_by_hand,
)
from tests.engine.recording.programs import BY_HAND, DELIVERED, KEPT, LATE, OVERLAPPING, TAKEN_OVER
from tests.engine.recording.replaying import put_back
from tests.engine.scenes import leaks, resource, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox


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
