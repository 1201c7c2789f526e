"""Fields of an organization that a program keeps secret: none stands in clear in the state or on the console."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, leaks, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import pulumi
from {face} import Organization

config = pulumi.Config()
Organization(
    "valley",
    name="Valley Health Clinic",
    email=pulumi.Output.secret("hidden-mail@valley.example"),
    address=pulumi.Output.secret("77 Hidden Street"),
    city=config.get("city") or "San Francisco",
    state_province="CA",
    postal_code="94105",
    country="USA",
    phone_number=pulumi.Output.secret("+14155550199"),
    timezone="America/Los_Angeles",
    external_id=pulumi.Output.secret("hidden-emr-4711"),
)
"""
HIDDEN = ("hidden-mail@valley.example", "77 Hidden Street", "+14155550199", "hidden-emr-4711")


@pytest.mark.catalogue(142)
@pytest.mark.parametrize("face", PROJECTS)
def test_g3_what_a_program_keeps_secret_is_in_no_state_in_clear(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, face: str
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS[face], "__main__.py": PROGRAM.format(face=face)})
    scene = set_scene(sandbox, openbao, project)
    said = scene.up("--diff").check().text
    project.config_set("city", "Oakland")
    said += scene.up("--diff").check().text
    said += project.refresh("--skip-preview", "--diff").check().text
    assert leaks(HIDDEN, [*state_texts(project), ("console", said.encode())]) == []
    scene.up("--expect-no-changes").check()
    assert resource(project.export(), "valley")["outputs"]["city"] == "Oakland"
