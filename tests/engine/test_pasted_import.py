"""The Python that `pulumi import` prints works as it is printed: pasted into the program, it plans nothing."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.sdks import ensure_sdkgen
from tools.engine.workspace import Result

TOKEN = "allomia:index:OrganizationApiKey"
PASTED = """\
import pulumi
import allomia_pulumi_sdk as allomia

ehr = allomia.OrganizationApiKey("ehr",
    name="EHR sync",
    organization_id="{organization}",
    opts = pulumi.ResourceOptions(protect=True))
"""
HINT = "in Python, declare what is imported as Pulumi prints it"


def run_import(scene: Scene, *arguments: str) -> Result:
    """Import a key that was made by hand, as a user does at the command line."""
    made = scene.sandbox.make_key_by_hand(scene.organization, "EHR sync")
    scene.canaries.append(made.key)
    # The host of the tests has no generator of its own; it is Pulumi's, as in the vendor's host.
    generator = str(ensure_sdkgen())
    env = {"ALLOMIA_IMPORT_SECRET": made.key, "ALLOMIA_ENGINE_PROGRAM_GENERATOR": generator}
    pulumi_id = f"{scene.organization}/{made.id}"
    return scene.workspace.run("import", TOKEN, "ehr", pulumi_id, "--yes", *arguments, env=env).check()


@pytest.mark.catalogue(99)
@pytest.mark.parametrize(
    "arguments", [("--skip-preview",), pytest.param((), marks=pytest.mark.long)], ids=["at once", "after a preview"]
)
def test_what_an_import_prints_is_pasted_and_plans_nothing(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, arguments: tuple[str, ...]
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": ""})
    scene = set_scene(sandbox, openbao, project)
    imported = run_import(scene, *arguments)
    printed = imported.stdout[imported.stdout.index("import pulumi\n") :].rstrip() + "\n"
    assert printed == PASTED.format(organization=scene.organization)
    assert HINT in imported.text

    project.write({"__main__.py": printed})
    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        unchanged = scene.up("--expect-no-changes").check()
    assert calls.allomia() == []
    assert HINT not in unchanged.text
    assert len(scene.alive()) == 1
    texts = [*state_texts(project), ("console", imported.text.encode()), ("console", unchanged.text.encode())]
    assert leaks(scene.canaries, texts) == []
