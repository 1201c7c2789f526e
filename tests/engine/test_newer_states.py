"""Stacks that a newer version of this package wrote: every command leaves them as they are, ours and the engine's."""

from __future__ import annotations

import json
import re

import pytest

from tests.engine.moves import ALLOMIA
from tests.engine.recording.files import Recording
from tests.engine.recording.playing import alive, cases
from tests.engine.recording.replaying import put_back
from tests.engine.scenes import Calls, Scene, resource
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

REFUSED = "was written by a newer allomia-pulumi: it has state version 2, and allomia-pulumi"
WRITES = {
    "minted",
    "revoked",
    "organization_created",
    "organization_updated",
    "organization_deactivated",
    "metadata_updated",
}
CHANGES = {"quarter": "q2", "overlapping": "third", "city": "Oslo", "emr": "another"}


def raise_version(scene: Scene) -> None:
    """Let the state say that a newer version wrote it."""
    (file,) = (path for path in scene.workspace.state_files() if path.parts[-3:] == ("stacks", "clinic", "test.json"))
    before = file.read_text()
    after = re.sub(r'"stateVersion": ?1\b', '"stateVersion": 2', before)
    assert after != before
    file.write_text(after)


def kept(scene: Scene) -> list[tuple[str, str, str]]:
    """Return what the state has of each resource; a secret is encrypted anew in each."""
    found = [each for each in scene.workspace.export()["deployment"]["resources"] if "provider" in each]
    outputs = [re.sub(r'"ciphertext": "[^"]*"', "", json.dumps(each["outputs"], sort_keys=True)) for each in found]
    return sorted((each["urn"], each["id"], shown) for each, shown in zip(found, outputs, strict=True))


@pytest.mark.catalogue(155)
@pytest.mark.parametrize("recording", [*cases("keys", long="dynamic"), *cases("clinics", long="plugin")])
def test_g4_every_command_refuses_a_stack_of_a_newer_version_and_drops_nothing(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before = scene.workspace, alive(scene, recording)
    known = sandbox.organizations(scene.tenant.id)
    raise_version(scene)
    held = kept(scene)
    for name, value in CHANGES.items():
        project.config_set(name, value)
    entry = len(openbao.audit_entries())
    with Calls(scene) as calls:
        results = [
            project.preview(),
            scene.up(),
            project.refresh("--skip-preview"),
            project.destroy("--skip-preview"),
        ]
    for result in results:
        assert result.code != 0
        assert REFUSED in result.text
        assert "Traceback" not in result.text
    assert [each for process in calls.allomia() for each in process if each in WRITES] == []
    assert [each.path for each in openbao.audit_entries()[entry:] if each.path.startswith("secret/data/recorded")] == []
    assert kept(scene) == held
    assert alive(scene, recording) == before
    assert sandbox.organizations(scene.tenant.id) == known


@pytest.mark.catalogue(155)
@pytest.mark.parametrize("recording", cases("interrupted", long="dynamic"))
def test_g1_no_command_ends_a_lost_key_of_a_stack_of_a_newer_version(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project = scene.workspace
    scene.up().check()
    before = alive(scene, recording)
    scene.jump(hours=25)
    shown = project.call(ALLOMIA, "orphans", "--stack", project.folder, "--output", "json")
    assert re.search(r'"kind": "orphan",\s+"stack": "[^"]+",\s+"urn": "[^"]+",\s+"doubt": null', shown.stdout)
    raise_version(scene)
    swept = project.call(ALLOMIA, "orphans", "--stack", project.folder, "--revoke", "--yes")
    assert swept.code == 8
    assert "a newer allomia-pulumi wrote records of clinic/test" in swept.text
    listed = project.call(ALLOMIA, "keys", "--stack", project.folder, "--output", "json").check()
    whose = {key["whose"]["kind"] for each in json.loads(listed.stdout)["organizations"] for key in each["keys"]}
    assert whose == {"current", "unsettled"}
    examined = project.call(ALLOMIA, "doctor", "--stack", project.folder, "--output", "json")
    found = {each["id"]: each for each in json.loads(examined.stdout)["checks"]}["stack.records"]
    assert found["state"] == "failed"
    assert "a newer allomia-pulumi wrote kept" in found["found"]
    assert alive(scene, recording) == before


@pytest.mark.catalogue(155)
@pytest.mark.long
@pytest.mark.parametrize("recording", cases("options"))
def test_g1_a_forced_replacement_beside_a_newer_state_ends_no_key(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before = scene.workspace, alive(scene, recording)
    urn = resource(project.export(), "unproved")["urn"]
    raise_version(scene)
    result = scene.up("--target-replace", urn)
    assert result.code != 0
    assert REFUSED in result.text
    now = alive(scene, recording)
    assert all(before[name] <= now[name] for name in before)
    # The engine asks for no old state before such a creation; what was made and what was there are both in the state.
    known = json.dumps(project.export()["deployment"]["resources"])
    assert all(each in known for keys in now.values() for each in keys)
