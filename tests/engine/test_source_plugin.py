"""`pulumi package add` of a checkout, and programs with `packages:` that name no plugin."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import run_of
from tests.engine.checkouts import PROGRAM, copy_checkout, processes_of, shut_off
from tests.engine.scenes import PROOFS, Calls, leaks, set_scene, state_texts, wait_until
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.plugin_packages import PluginPackages, ensure_plugin_packages
from tools.engine.processes import CHECKOUT
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result, Workspace

INSTALL = CHECKOUT / "docs" / "how-to" / "install.md"
NATIVE = """
import pulumi
from allomia_pulumi.native import OrganizationApiKey

key = OrganizationApiKey("ehr", organization_id=pulumi.Config().require("organizationId"))
pulumi.export("secret", key.secret)
"""


@pytest.fixture(scope="module")
def packages() -> PluginPackages:
    return ensure_plugin_packages()


@pytest.fixture
def checkout(tmp_path: Path, packages: PluginPackages) -> Path:
    """Return a copy of the checkout, whose path has a space, with an environment that has the dependencies."""
    folder = copy_checkout(tmp_path / "a checkout")
    packages.prepare(folder / "venv")
    return folder


@pytest.fixture
def project(yaml_workspace: MakeWorkspace, packages: PluginPackages) -> Callable[[dict[str, str]], Workspace]:
    """Return a function that makes a project which finds the plugin nowhere else, and whose pip has no network."""
    return lambda program: shut_off(yaml_workspace(program), packages)


def add_as_documented(project: Workspace, checkout: Path) -> Result:
    (block,) = run_of(INSTALL, "package-add")
    program, *arguments = shlex.split(block.code)
    assert (program, arguments[-1]) == ("pulumi", "/path/to/checkout")
    return project.run(*arguments[:-1], str(checkout))


def packages_of(project: Workspace) -> object:
    settings = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    assert "plugins" not in settings
    return settings["packages"]


def files_of(folder: Path) -> set[Path]:
    names = (path.relative_to(folder) for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {name for name in names if name.parts[0] != "venv"}


def assert_folder_was_used(*results: Result) -> None:
    assert all("pulumi-resource-allomia from $PATH" not in result.text for result in results)


@pytest.mark.catalogue(143)
def test_a_checkout_is_added_and_serves_a_yaml_program(
    project: Callable[[dict[str, str]], Workspace], checkout: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    before = files_of(checkout)
    clinic = project({"Pulumi.yaml": PROGRAM})
    added = add_as_documented(clinic, checkout).check()
    assert "Added package AlloMia" in added.text
    assert packages_of(clinic) == {"allomia": str(checkout)}
    assert files_of(checkout) == before

    scene = set_scene(sandbox, openbao, clinic)
    with Calls(scene) as calls:
        previewed = clinic.preview().check()
    assert calls.allomia() == [["listed"]]
    upped = clinic.up("--skip-preview").check()
    secret = scene.secret()
    assert scene.accepts(secret) == 200
    with Calls(scene) as calls:
        again = clinic.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {})
    refreshed = clinic.refresh("--skip-preview", "--expect-no-changes").check()
    assert scene.secret() == secret
    destroyed = clinic.destroy("--skip-preview").check()
    assert scene.alive() == []
    results = [added, previewed, upped, again, refreshed, destroyed]
    assert_folder_was_used(*results)
    wait_until(lambda: not processes_of(clinic, checkout))
    texts = [("console", result.text.encode()) for result in results]
    assert leaks(scene.canaries, [*state_texts(clinic), *texts]) == []


@pytest.mark.catalogue(144)
def test_a_checkout_that_was_moved_is_named_until_its_new_place_is_written_down(
    project: Callable[[dict[str, str]], Workspace], checkout: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    clinic = project({"Pulumi.yaml": f"{PROGRAM}packages: {{allomia: {checkout}}}\n"})
    scene = set_scene(sandbox, openbao, clinic)
    moved = checkout.rename(checkout.with_name("elsewhere"))
    lost = clinic.up("--skip-preview")
    assert lost.code != 0
    assert f"no folder at path '{checkout}'" in lost.text
    assert scene.alive() == []
    clinic.write({"Pulumi.yaml": f"{PROGRAM}packages: {{allomia: {moved}}}\n"})
    assert "create" in clinic.preview().check().text


@pytest.mark.catalogue(145)
def test_an_added_checkout_runs_the_sources_that_lie_there(
    project: Callable[[dict[str, str]], Workspace], checkout: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    clinic = project({"Pulumi.yaml": f"{PROGRAM}packages: {{allomia: {checkout}}}\n"})
    clinic.write({"allomia-0.1.9.yaml": "packageDeclarationVersion: 1\nname: allomia\nversion: 0.1.9\n"})
    (clinic.folder / "sdks").mkdir()
    (clinic.folder / "allomia-0.1.9.yaml").rename(clinic.folder / "sdks" / "allomia-0.1.9.yaml")
    set_scene(sandbox, openbao, clinic)
    assert "create" in clinic.preview().check().text
    start = checkout / "allomia_pulumi" / "provider" / "plugin" / "__init__.py"
    start.write_text("import sys\nsys.exit('these sources do not start')\n")
    stopped = clinic.preview()
    assert stopped.code != 0
    assert "these sources do not start" in stopped.text


def test_the_classes_of_the_package_find_the_plugin_of_an_added_checkout(
    workspace: MakeWorkspace, packages: PluginPackages, checkout: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    settings = {"name": "clinic", "runtime": "python", "packages": {"allomia": str(checkout)}}
    project = workspace({"Pulumi.yaml": yaml.safe_dump(settings), "__main__.py": NATIVE})
    scene = set_scene(sandbox, openbao, shut_off(project, packages))
    upped = project.up("--skip-preview").check()
    assert_folder_was_used(upped)
    assert scene.accepts(scene.secret()) == 200
    project.up("--skip-preview", "--expect-no-changes").check()


@pytest.mark.catalogue(146)
def test_a_killed_run_takes_the_plugin_of_a_checkout_along_and_the_key_that_it_made_is_named(
    project: Callable[[dict[str, str]], Workspace], checkout: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    clinic = project({"Pulumi.yaml": f"{PROGRAM}packages: {{allomia: {checkout}}}\n"})
    scene = set_scene(sandbox, openbao, clinic)
    # The proof of the new key waits, so that the key stays in the making however slow the machine is.
    sandbox.add_fault("delay_before", seconds=600.0, times=None, **PROOFS)
    run = clinic.start("up", "--yes", "--skip-preview")
    wait_until(scene.alive, 180)
    assert processes_of(clinic, checkout)
    run.kill()
    run.communicate(timeout=60)
    wait_until(lambda: not processes_of(clinic, checkout))
    assert processes_of(clinic, checkout) == []
    (lost,) = scene.alive()
    clinic.cancel()
    sandbox.clear_faults()
    assert lost in clinic.up("--skip-preview").check().text
