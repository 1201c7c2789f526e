"""A project with files that bear the names of modules, on the real engine, in both faces."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECT, PROJECTS, SEVERAL, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

OWN = {f"{name}.py": "mine = True\n" for name in ("secrets", "httpx", "hvac", "tenacity")}


@pytest.mark.catalogue(80)
@pytest.mark.parametrize("package", PROJECTS)
def test_files_beside_a_program_with_the_names_of_modules_make_no_difference(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, package: str
) -> None:
    program = SEVERAL.replace("from allomia_pulumi import", f"from {package} import") + (
        "\nimport httpx\npulumi.export('own', httpx.mine)\n"
    )
    project = workspace({"Pulumi.yaml": PROJECTS[package], "__main__.py": program, **OWN})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="1")
    scene.up().check()
    assert scene.accepts(scene.secret("key-0")) == 200
    assert project.outputs()["own"] is True
    project.destroy().check()
    assert scene.alive() == []


@pytest.mark.catalogue(80)
def test_g5_a_module_that_pulumi_itself_took_from_there_is_one_error_that_names_the_file(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": SEVERAL, "calendar.py": "mine = True\n"})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="1")
    result = scene.up()
    assert result.code != 0
    assert f"error: allomia: {project.folder / 'calendar.py'} was imported in place of a module" in result.text
    assert "Give the file another name" in result.text
    assert "Traceback" not in result.text
    assert scene.alive() == []
