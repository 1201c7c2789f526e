"""Triggers and options that a program cannot give: one line that says what is accepted, in both faces."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, SEVERAL, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

GIVEN = {
    '{"q": None}': "{triggers}.q is not a text, but null or an empty map. Every trigger is a text",
    '{"q": {"a": "b"}}': "{triggers}.q is not a text, but a map. Every trigger is a text",
    '{"q": ["a", "b"]}': "{triggers}.q is not a text, but a list. Every trigger is a text",
    '["a", "b"]': "{triggers} is not a map, but a list. Write it like",
}
IMPORTED = SEVERAL.replace('f"key-{number}",\n', 'f"key-{number}", pulumi.ResourceOptions(import_="org/key"),\n', 1)


@pytest.mark.parametrize("package", PROJECTS)
def test_g5_odd_triggers_are_refused_in_one_line_that_says_what_is_accepted(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, package: str
) -> None:
    program = SEVERAL.replace("from allomia_pulumi import", f"from {package} import")
    project = workspace({"Pulumi.yaml": PROJECTS[package], "__main__.py": program})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="1")
    triggers = "rotation_triggers" if package == "allomia_pulumi" else "rotationTriggers"
    for given, text in GIVEN.items():
        message = text.format(triggers=triggers)
        project.write({"__main__.py": program.replace('{"quarter": config.require("quarter")}', given)})
        result = project.preview()
        assert result.code != 0, given
        # What a program says whose engine ends under it is the SDK's, and not the same every time.
        errors = [line for line in result.text.splitlines() if "error:" in line]
        assert any(message in line for line in errors), result.text
    assert scene.alive() == []


def test_g5_an_import_of_a_dynamic_class_is_refused_in_one_line_that_says_what_to_do(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi"], "__main__.py": IMPORTED})
    set_scene(sandbox, openbao, project, quarter="1", count="1")
    result = project.preview()
    assert result.code != 0
    assert "allomia: OrganizationApiKey key-0: dynamic resources cannot be imported or looked up" in result.text
    assert "take an existing key over with adopt" in result.text
    assert "Traceback" not in result.text
