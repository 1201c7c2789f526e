"""`pulumi package add` with everything that pip has to do: a Python project, and a repository over TLS."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engine.checkouts import PROGRAM, copy_checkout, shut_off
from tests.engine.git_server import HOST, GitServer, commit, serve_git
from tests.engine.scenes import Scene, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.plugin_packages import PluginPackages, ensure_plugin_packages
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

pytestmark = pytest.mark.long

PIP_SECONDS = 600.0
IN_PYTHON = {
    "Pulumi.yaml": "name: clinic\nruntime: {name: python, options: {toolchain: pip, virtualenv: venv}}\n",
    "requirements.txt": "pulumi>=3.269,<4\n",
    "__main__.py": """\
import pulumi
import allomia_pulumi_sdk as allomia

key = allomia.OrganizationApiKey("ehr", organization_id=pulumi.Config().require("organizationId"))
pulumi.export("secret", key.secret)
""",
}


@pytest.fixture(scope="module")
def packages() -> PluginPackages:
    return ensure_plugin_packages()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with serve_git(tmp_path_factory.mktemp("git")) as serving:
        yield serving


def live(scene: Scene) -> None:
    """Make a key, see that a second run does nothing, and end it."""
    project = scene.workspace
    project.preview().check()
    project.up("--skip-preview").check()
    secret = scene.secret()
    assert scene.accepts(secret) == 200
    project.up("--skip-preview", "--expect-no-changes").check()
    project.refresh("--skip-preview", "--expect-no-changes").check()
    assert scene.secret() == secret


def end(scene: Scene) -> None:
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []
    # Everything that a test leaves is searched for secrets; what pip has installed is not ours, and takes a minute.
    for venv in list(scene.workspace.root.rglob("venv")):
        shutil.rmtree(venv)


def pip(project: Workspace, *arguments: str | Path) -> None:
    command = [project.folder / "venv" / "bin" / "python", "-m", "pip", *arguments]
    subprocess.run(command, env=project.env, check=True, capture_output=True)


def test_a_checkout_is_added_to_a_python_project_where_the_wheel_may_be_installed_too(
    workspace: MakeWorkspace, packages: PluginPackages, tmp_path: Path, sandbox: Sandbox, openbao: OpenBao
) -> None:
    checkout = copy_checkout(tmp_path / "a checkout")
    project = shut_off(workspace(IN_PYTHON), packages)
    added = project.run("package", "add", str(checkout), timeout=PIP_SECONDS).check()
    assert "import allomia_pulumi_sdk as allomia_pulumi_sdk" in added.stdout
    assert (project.folder / "requirements.txt").read_text() == "pulumi>=3.269,<4\nsdks/allomia\n"
    scene = set_scene(sandbox, openbao, project)
    live(scene)

    pip(project, "install", "--no-deps", checkout)
    project.up("--skip-preview", "--expect-no-changes").check()
    pip(project, "uninstall", "--yes", "allomia-pulumi")
    assert project.preview().code != 0
    project.run("install", timeout=PIP_SECONDS).check()
    project.up("--skip-preview", "--expect-no-changes").check()
    end(scene)


@pytest.mark.parametrize("folder", ["", "providers/allomia"], ids=["at the root", "in a subfolder"])
def test_a_repository_is_added_by_tag_or_commit(
    folder: str,
    yaml_workspace: MakeWorkspace,
    packages: PluginPackages,
    server: GitServer,
    tmp_path: Path,
    sandbox: Sandbox,
    openbao: OpenBao,
) -> None:
    copy_checkout(tmp_path / "sources" / folder if folder else tmp_path / "sources")
    name = "clinic/nested.git" if folder else "clinic/allomia-pulumi.git"
    revision = commit(server, name, tmp_path / "sources", ["v0.2.0"])
    source = f"{HOST}/{name}/{folder}".rstrip("/")
    version = revision[:12] if folder else "0.2.0"
    project = shut_off(yaml_workspace({"Pulumi.yaml": PROGRAM}), packages)
    add = ("package", "add", f"{source}@{version}")
    refused = project.run(*add, env={**server.environment, "SSL_CERT_FILE": "/dev/null"}, timeout=PIP_SECONDS)
    assert refused.code != 0
    assert "certificate" in refused.text
    project.run(*add, env=server.environment, timeout=PIP_SECONDS).check()
    settings = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    assert settings["packages"] == {"allomia": f"{source}@{version}"}
    assert "plugins" not in settings
    scene = set_scene(sandbox, openbao, project)
    live(scene)
    end(scene)
