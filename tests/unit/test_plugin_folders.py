"""What the test language host does with plugin folders and SDKs, as the vendor's does it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tools.engine.plugin_folders import Chunk, InstallFailed, PluginFolder, relay, start
from tools.engine.python_packages import link, required_packages

BUILDABLE = '[project]\nname = "a-toy"\n[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n'


def test_a_plugin_has_an_environment_of_its_own_and_a_program_only_where_it_asks_for_one(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert PluginFolder.of(root, {}, is_plugin=True).venv == tmp_path / "venv"
    assert PluginFolder.of(root, {"virtualenv": "own"}, is_plugin=True).venv == tmp_path / "own"
    assert PluginFolder.of(root, {}, is_plugin=False).venv is None
    with pytest.raises(ValueError, match="knows the toolchain pip only, not uv"):
        PluginFolder.of(root, {"toolchain": "uv"}, is_plugin=True)


def test_a_plugin_is_started_by_its_main_file_else_as_a_package_else_not(tmp_path: Path) -> None:
    folder = PluginFolder.of(str(tmp_path), {}, is_plugin=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    with pytest.raises(ValueError, match=r"neither __main__\.py nor a buildable"):
        folder.command(["engine"])
    (tmp_path / "pyproject.toml").write_text(BUILDABLE)
    assert folder.command(["engine"]) == [python, "-m", "pulumi.run.plugin", "a-toy", "engine"]
    (tmp_path / "__main__.py").touch()
    assert folder.command(["engine"]) == [python, str(tmp_path), "engine"]


def test_both_outputs_are_relayed_apart_and_the_program_ends_with_the_block(tmp_path: Path) -> None:
    script = "import sys, threading\nprint('out', flush=True)\nprint('err', file=sys.stderr)\n"
    with start([sys.executable, "-c", script], tmp_path, {}) as process:
        chunks = dict(relay(process))
    assert (chunks, process.returncode) == ({"stdout": b"out\n", "stderr": b"err\n"}, 0)
    with start([sys.executable, "-c", f"{script}threading.Event().wait()"], tmp_path, {}) as process:
        assert next(relay(process))
    assert process.returncode is not None


def test_an_sdk_is_linked_once_however_often_it_is_added(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pulumi>=3.269,<4\na-toy==1.0\n\n# a note\nother\n")
    for _ in range(2):
        said = link(requirements, {"a_toy": "sdks/toy"})
    assert requirements.read_text() == "pulumi>=3.269,<4\n\n# a note\nother\nsdks/toy\n"
    assert said == "You can import the SDK in your Python code with:\n\n  import a_toy as a_toy\n"


def test_the_packages_of_installed_sdks_are_required_with_version_and_server(tmp_path: Path) -> None:
    described = {
        "toy": {"resource": True, "name": "toy", "version": "1.2.3", "server": "git://host.example/owner/toy.git"},
        "none": {"resource": False},
    }
    for name, plugin in described.items():
        folder = tmp_path / "lib" / "python3.11" / "site-packages" / name
        folder.mkdir(parents=True)
        (folder / "pulumi-plugin.json").write_text(json.dumps(plugin))
    (found,) = required_packages(str(tmp_path / "bin" / "python"))
    assert (found.name, found.version, found.kind) == ("toy", "v1.2.3", "resource")
    assert found.server == "git://host.example/owner/toy.git"
    assert list(required_packages("python3")) == []


def test_a_step_that_fails_is_named_with_its_exit_code(tmp_path: Path) -> None:
    folder = PluginFolder(tmp_path, tmp_path / "venv")
    (tmp_path / "venv").write_text("a file where the environment should go")
    done: list[Chunk] = []
    with pytest.raises(InstallFailed, match=r"creating virtual environment at .*venv': exit status 1"):
        done.extend(folder.install(is_plugin=False))
    assert done[0] == ("stdout", b"Creating virtual environment...\n")
