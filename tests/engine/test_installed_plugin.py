"""The plugin as the CLI installs it: from its archive, found without configuration, never a wrong or a broken one."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import run_of
from tools.engine.fixtures import MakeWorkspace
from tools.engine.processes import CHECKOUT
from tools.engine.workspace import Result, Workspace
from tools.release.check.installed import Installed
from tools.release.check.job import Bench
from tools.release.check.programs import yaml_program
from tools.release.names import PLUGIN_ARCHIVES, RUN, VERSION
from tools.release.plugin_archives import build_plugin_archives
from tools.release.sources import export, head

INSTALL = CHECKOUT / "docs" / "how-to" / "install.md"
PLUGIN = Path(sys.executable).parent / "pulumi-resource-allomia"
# No name is asked for at an index, and the tests need no network.
OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
VERSIONED = yaml_program()["Pulumi.yaml"].replace(
    "    properties:\n", f'    options: {{version: "{VERSION}"}}\n    properties:\n'
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archives of the plugin, as this checkout's commit gives them."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("this copy is no checkout, and a release is built from a commit")
    tree, built = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("release")
    commit = head()
    export(commit, tree)
    build_plugin_archives(tree, built, commit.seconds)
    return built


@pytest.fixture
def project(yaml_workspace: MakeWorkspace) -> Workspace:
    """A project in YAML with an empty Pulumi home, where nothing says where the plugin is."""
    project = yaml_workspace(yaml_program())
    hide_own_plugin(project)
    project.init()
    project.config_set("organizationId", "x")
    project.config_set("quarter", "2026-Q4")
    return project


def hide_own_plugin(project: Workspace) -> None:
    entries = project.env["PATH"].split(os.pathsep)
    project.env["PATH"] = os.pathsep.join(each for each in entries if each != str(PLUGIN.parent))


def install_program(project: Workspace, version: str, script: str) -> None:
    """Put a plugin into the Pulumi home as an installed release lies there, but as a script."""
    folder = Path(project.env["PULUMI_HOME"], "plugins", f"resource-allomia-v{version}")
    folder.mkdir(parents=True)
    program = folder / "pulumi-resource-allomia"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def preview(project: Workspace) -> Result:
    return project.run("preview", env=OFFLINE)


def install(project: Workspace, archive: Path) -> Result:
    """Install an archive by the command that the page of installation has."""
    (block,) = run_of(INSTALL, "plugin-install")
    program, *arguments, file = shlex.split(block.code.replace("VERSION", VERSION))
    assert (program, file) == ("pulumi", PLUGIN_ARCHIVES[RUN])
    return project.run(*arguments, str(archive))


def installed(project: Workspace) -> list[list[str]]:
    lines = project.run("plugin", "ls").check().stdout.splitlines()
    return [line.split()[:3] for line in lines if line.startswith("allomia ")]


@pytest.mark.catalogue(150)
def test_a_plugin_that_is_not_installed_is_named_and_not_fetched_by_its_name(project: Workspace) -> None:
    result = preview(project)
    assert result.code != 0
    assert "no resource plugin 'pulumi-resource-allomia' found in the workspace or on your $PATH" in result.text
    assert "api.github.com" not in result.text


@pytest.mark.catalogue(150)
def test_of_two_versions_the_newer_runs_and_another_one_than_asked_for_is_never_taken(project: Workspace) -> None:
    install_program(project, "0.1.0", "echo the old one was started >&2; exit 3")
    assert "the old one was started" in preview(project).text

    project.write({"Pulumi.yaml": VERSIONED})
    result = preview(project)
    assert f"at version v{VERSION}" in result.text
    assert "the old one was started" not in result.text

    install_program(project, VERSION, f'exec "{PLUGIN}" "$@"')
    for program in (yaml_program()["Pulumi.yaml"], VERSIONED):
        project.write({"Pulumi.yaml": program})
        text = preview(project).text
        assert "the old one was started" not in text
        assert "allomia:index:OrganizationApiKey ehr-sync" in text
        assert "tenant key" in text, "the plugin itself says what it lacks"


@pytest.mark.catalogue(149)
def test_an_archive_that_was_cut_off_leaves_no_plugin(project: Workspace, release: Path, tmp_path: Path) -> None:
    whole, cut = release / PLUGIN_ARCHIVES[RUN], tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = install(project, cut)
    assert result.code != 0
    assert f"[resource plugin allomia-{VERSION}]" in result.text
    assert "unexpected EOF" in result.text
    assert installed(project) == []
    assert "no resource plugin 'pulumi-resource-allomia' found" in preview(project).text


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench.start() as bench:
        yield bench


@pytest.mark.long
def test_the_archive_is_installed_and_found_without_configuration(bench: Bench, release: Path, tmp_path: Path) -> None:
    here = Installed(bench, release, tmp_path, str(tmp_path / "pip-cache"))
    assert here.plugin() == f"`pulumi plugin ls` shows allomia {VERSION}"
    assert here.yaml() == "minted, used, rotated, destroyed"
