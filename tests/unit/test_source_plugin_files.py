"""The checkout as a source plugin: what Pulumi's Python host reads and starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from allomia_pulumi import __version__
from tools.engine.build import OLDEST_PULUMI
from tools.engine.processes import CHECKOUT

COMPONENTS = """
import pulumi
from pulumi.provider.experimental.host import components_from_module
import allomia_pulumi

for name in allomia_pulumi.__all__:
    getattr(allomia_pulumi, name)
print(components_from_module(allomia_pulumi))
allomia_pulumi.Component = type("Component", (pulumi.ComponentResource,), {"__module__": "allomia_pulumi"})
print([each.__name__ for each in components_from_module(allomia_pulumi)])
"""
STARTS = [("-m", "allomia_pulumi"), (str(CHECKOUT),)]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd="/", check=True, capture_output=True, text=True)


def test_the_host_is_asked_for_an_environment_of_the_plugins_own_and_the_cli_that_is_tested() -> None:
    described = yaml.safe_load((CHECKOUT / "PulumiPlugin.yaml").read_text())
    options = {"toolchain": "pip", "virtualenv": "venv"}
    oldest = ".".join(map(str, OLDEST_PULUMI))
    assert described == {
        "runtime": {"name": "python", "options": options},
        "requiredPulumiVersion": f">={oldest}.0",
    }


def test_the_package_has_no_component_that_would_make_it_a_component_host() -> None:
    assert run("-c", COMPONENTS).stdout.splitlines() == ["[]", "['Component']"]


@pytest.mark.parametrize("start", STARTS, ids=["the package", "the checkout"])
def test_either_start_tells_a_person_what_it_is_without_loading_pulumi(start: tuple[str, ...]) -> None:
    assert run(*start, "--version").stdout.strip() == __version__
    assert "Pulumi starts it." in run(*start, "--help").stdout
    imports = run("-X", "importtime", *start, "--version").stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in imports}
    assert "allomia_pulumi.provider.plugin.process" in loaded
    assert not {"grpc", "httpx", "hvac", "pulumi", "pydantic"} & loaded


def test_sources_that_need_more_than_is_installed_say_what_is_missing_in_one_line() -> None:
    # Without its site-packages, an environment has none of the dependencies.
    command = [sys.executable, "-S", str(CHECKOUT), "127.0.0.1:1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.match("grpc is missing in .*, so the plugin cannot start; nothing was sent. ", line)
    assert line.endswith("Run `pulumi install` in the project: it installs what the plugin's sources need.")


@pytest.mark.catalogue(166)
@pytest.mark.parametrize("name", ["pulumi", "grpc", "pydantic", "secrets"])
def test_modules_of_other_programs_do_not_take_the_place_of_the_plugins_own(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger was imported')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(CHECKOUT), "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd="/", text=True) as plugin:
        assert plugin.stdout is not None
        try:
            assert plugin.stdout.readline().strip().isdecimal()
        finally:
            plugin.kill()


@pytest.mark.catalogue(164)
def test_an_environment_whose_packages_do_not_load_is_said_to_be_broken_in_one_line(tmp_path: Path) -> None:
    # What an interrupted installation leaves, or the environment of another Python: sources without what is compiled.
    (tmp_path / "grpc").mkdir()
    (tmp_path / "grpc" / "__init__.py").write_text("from grpc import _cython\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-S", str(CHECKOUT), "127.0.0.1:1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert re.match("grpc in .* cannot be loaded, so the plugin cannot start; nothing was sent. ", line)
    assert line.endswith(
        "Remove the folder `venv` beside the plugin's sources, and run `pulumi install` in the project."
    )
