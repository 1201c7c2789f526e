"""Organizations and metadata of earlier code go on under today's, those of a killed run too (`recorded/README.md`)."""

from __future__ import annotations

import pytest

from tests.engine.recording.clinics import ENDING, FRESH, KNOWN, LATE, UPDATED
from tests.engine.recording.files import Recording
from tests.engine.recording.playing import alive, assert_unchanged, cases
from tests.engine.recording.replaying import put_back
from tests.engine.scenes import Scene, leaks, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeOrganization, Sandbox


def clinics(scene: Scene) -> dict[str, MadeOrganization]:
    """Return the organizations by their names, of which there may be one each."""
    made = scene.sandbox.organizations(scene.tenant.id)
    assert len({each.name for each in made}) == len(made)
    return {each.name: each for each in made}


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("recording", cases("clinics", long="dynamic"))
def test_g4_organizations_of_earlier_code_are_unchanged_then_updated_and_destroyed_as_they_ask(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before, first = scene.workspace, clinics(scene), scene.secret("key")
    assert_unchanged(scene, recording)
    assert clinics(scene) == before

    # The key's predecessor has to be retired before it rotates again.
    scene.jump(hours=25)
    project.config_set("city", "Oslo")
    project.config_set("emr", "another")
    scene.up().check()
    after = clinics(scene)
    assert [name for name in before if before[name].fields != after[name].fields] == [UPDATED]
    assert after[UPDATED].fields["city"] == "Oslo"
    written = sandbox.metadata(after[KNOWN].id)
    assert written is not None
    assert written["metadata"] == {"emrSystem": "another", "beds": 12, "departments": ["cardiology", None]}
    second = scene.secret("key")
    assert second != first
    assert [sandbox.key_status(after[FRESH].id, each) for each in (first, second)] == [200, 200]
    project.up("--skip-preview", "--expect-no-changes").check()
    assert leaks(scene.canaries, state_texts(project)) == []

    project.destroy("--skip-preview").check()
    left = clinics(scene)
    assert {name: each.is_active for name, each in left.items()} == {name: name != ENDING for name in before}
    assert not any(alive(scene, recording).values())


@pytest.mark.catalogue(156)
@pytest.mark.parametrize("recording", cases("clinic-killed", long="plugin"))
def test_an_organization_whose_creation_was_killed_under_earlier_code_is_named_and_taken_not_made_again(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, recording: Recording
) -> None:
    scene = put_back(sandbox, openbao, workspace, recording)
    project, before = scene.workspace, clinics(scene)
    refused = scene.up()
    assert refused.code != 0
    assert before[LATE].id in refused.text
    assert clinics(scene) == before

    program = (project.folder / "__main__.py").read_text()
    project.write({"__main__.py": program.replace('("late", ', f'("late", adopt="{before[LATE].id}", ')})
    scene.up().check()
    assert clinics(scene) == before
    assert_unchanged(scene, recording)
    project.destroy("--skip-preview").check()
    assert clinics(scene) == before
