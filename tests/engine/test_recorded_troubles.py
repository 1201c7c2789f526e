"""What earlier code left half-way is completed by today's, with as many living keys as declared."""

from __future__ import annotations

import pytest

from tests.engine.moves import ALLOMIA
from tests.engine.recording.files import Recording
from tests.engine.recording.playing import accepted, alive, assert_unchanged, cases, in_vault, secrets
from tests.engine.recording.programs import CREATED, LOST, OWING, REPLACING, UNSEEN
from tests.engine.recording.replaying import put_back
from tests.engine.scenes import leaks, resource, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox


@pytest.mark.catalogue(156)
@pytest.mark.parametrize("recording", cases("half-done"))
def test_g1_what_earlier_code_left_half_done_is_completed_and_every_extra_key_is_named_and_ended(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before = scene.workspace, alive(scene, recording)
    known = str(project.export()["deployment"]["resources"])
    extra = {name: {each for each in keys if each not in known} for name, keys in before.items()}
    assert len(extra[LOST]) == 1
    project.preview().check()
    project.refresh("--skip-preview").check()
    assert alive(scene, recording) == before

    done = scene.up().check()
    assert [each for keys in extra.values() for each in keys if each not in done.text] == []
    held = secrets(scene)
    assert accepted(scene, recording, held) == dict.fromkeys((OWING, CREATED, REPLACING, LOST), 200)
    assert in_vault(scene, OWING) == held[OWING]
    assert in_vault(scene, CREATED) == held[CREATED]
    state = project.export()
    assert all(resource(state, name)["outputs"]["pending"] == [] for name in held)
    assert not any(each.get("delete") for each in state["deployment"]["resources"])

    scene.jump(hours=25)
    scene.up().check()
    swept = project.call(ALLOMIA, "orphans", "--stack", project.folder, "--revoke", "--yes")
    assert extra[LOST].isdisjoint(alive(scene, recording)[LOST])
    # Nothing in the state witnesses a first creation that failed, so a person has to name its key.
    for key_id in extra[CREATED]:
        assert f"{key_id}: the state's resource has another lineage" in swept.text
        organization = recording.world().organizations[CREATED].id
        project.call(ALLOMIA, "revoke", organization, key_id, "--yes", "--stack", project.folder).check()
    assert {name: len(keys) for name, keys in alive(scene, recording).items()} == dict.fromkeys(before, 1)
    assert_unchanged(scene, recording)
    assert leaks(scene.canaries, state_texts(project)) == []
    project.destroy("--skip-preview").check()
    assert alive(scene, recording) == {name: set() for name in before}


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("recording", cases("options", long="dynamic"))
def test_g4_keys_of_earlier_code_with_rarer_options_are_unchanged_then_rotate_and_are_destroyed(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, first, before = scene.workspace, secrets(scene), alive(scene, recording)
    assert_unchanged(scene, recording)
    project.config_set("quarter", "q2")
    scene.up().check()
    after = secrets(scene)
    assert {name for name in first if first[name] == after[name]} == set()
    assert set(accepted(scene, recording, after).values()) == {200}
    assert set(accepted(scene, recording, first).values()) == {401}
    now = alive(scene, recording)
    assert [len(keys) for keys in now.values()] == [1] * len(before)
    unseen = resource(project.export(), UNSEEN)["outputs"]
    assert "secret" not in unseen
    assert scene.sandbox.key_status(recording.world().organizations[UNSEEN].id, in_vault(scene, UNSEEN)) == 200
    project.up("--skip-preview", "--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert alive(scene, recording) == {name: set() for name in before}
