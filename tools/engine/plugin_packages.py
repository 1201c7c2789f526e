"""What the plugin needs of PyPI, fetched once: tests install it from sources without a network and within seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.engine.builds import Report, Steps, build_once, cache_folder, fingerprint
from tools.engine.plugin_folders import BASICS
from tools.engine.processes import CHECKOUT

__all__ = ["PluginPackages", "ensure_plugin_packages"]

WHAT = "The set of packages that the plugin needs"
DECLARED = CHECKOUT / "pyproject.toml"
CONSTRAINTS = CHECKOUT / "constraints.txt"
HINT = "`pip download` has to work: look at its configuration."


@dataclass(frozen=True)
class PluginPackages:
    """The plugin's dependencies for the Python that runs us.

    Attributes:
        installed: A folder for `sys.path` with all of them.
        wheels: A folder for `pip --find-links`, with what builds packages too.
    """

    installed: Path
    wheels: Path

    def environment(self) -> dict[str, str]:
        """Return variables that have pip take packages from here only."""
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self.wheels.as_uri(), "PIP_CONFIG_FILE": os.devnull}

    def prepare(self, venv: Path) -> None:
        """Make an environment where the dependencies count as installed."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        paths = {"base": str(venv), "platbase": str(venv)}
        site = Path(sysconfig.get_path("purelib", "venv", paths))
        (site / "shared.pth").write_text(f"{self.installed}\n")


def ensure_plugin_packages(report: Report = print) -> PluginPackages:
    """Return the packages; fetch them when a declaration or the Python is new.

    Raises:
        ToolError: pip cannot fetch or install them.
    """
    key = fingerprint([DECLARED, CONSTRAINTS], CHECKOUT, sys.version)
    folder = cache_folder() / "plugin-packages" / key
    return build_once(WHAT, folder, _built, lambda scratch, finished: _build(scratch, finished, report), report)


def _built(folder: Path) -> PluginPackages | None:
    packages = PluginPackages(folder / "installed", folder / "wheels")
    return packages if packages.installed.is_dir() and packages.wheels.is_dir() else None


def _build(scratch: Path, finished: Path, report: Report) -> None:
    declared = tomllib.loads(DECLARED.read_text(encoding="utf-8"))
    needed = declared["project"]["dependencies"]
    tools = [*BASICS, *declared["build-system"]["requires"]]
    report("Fetching what the plugin needs of PyPI (less than a minute, once).")
    steps = Steps(WHAT, scratch, report, lambda: HINT)
    pip = (sys.executable, "-m", "pip")
    wheels, installed = finished / "wheels", finished / "installed"
    steps.run("downloading", *pip, "download", "-q", "-c", str(CONSTRAINTS), "-d", wheels, *needed, *tools)
    offline = ("--no-index", "--find-links", wheels)
    steps.run("installing", *pip, "install", "-q", *offline, "--target", installed, *needed, *BASICS)
