"""Checks of this machine: the package and its requirements, Python, the Pulumi CLI and what belongs to it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.steps import Finding, Step, care, failed, ok
from allomia_pulumi.ground.installation import DISTRIBUTION, install_hint

__all__ = ["environment_steps", "find_pulumi_program"]

SDK = "pulumi"
CLI = "pulumi"
VERSION_SECONDS = 10.0
INSTALL_CLI = "Install the Pulumi CLI (https://www.pulumi.com/docs/install/), and put it on PATH."
PYTHON_PROGRAMS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


def environment_steps(environ: Mapping[str, str]) -> list[Step]:
    """Return what needs no stack and no network."""
    return [
        Step("package", "allomia-pulumi", _check_package),
        Step("python", "Python", _check_python),
        Step("pulumi.sdk", "Pulumi's SDK", _check_sdk),
        Step("pulumi.cli", "Pulumi's CLI", _check_cli),
        Step("pulumi.python", "Pulumi's Python host", _check_python_host, needs=("pulumi.cli",)),
        Step("pulumi.debug", "Pulumi's call log", lambda: _check_call_log(environ)),
    ]


def find_pulumi_program(name: str) -> str | None:
    """Return where a program that belongs to the Pulumi CLI is: beside it, or on PATH."""
    cli = shutil.which(CLI)
    beside = shutil.which(name, path=str(Path(cli).resolve().parent)) if cli else None
    return beside or shutil.which(name)


def _check_package() -> Finding:
    try:
        lacks = {requirement: text for requirement in _requirements() if (text := _lack(requirement))}
    except PackageNotFoundError:
        return care(f"{__version__}, run from a folder and not installed", install_hint("cli"))
    if lacks:
        wanted = " ".join(f"'{requirement.name}{requirement.specifier}'" for requirement in lacks)
        return failed(
            f"{__version__}, and {', '.join(lacks.values())}", f"Install what is required: pip install {wanted}"
        )
    return ok(f"{__version__}, with the packages that it requires")


def _check_python() -> Finding:
    running = platform.python_version()
    try:
        required = metadata(DISTRIBUTION)["Requires-Python"] or ""
    except PackageNotFoundError:
        return ok(running)
    if not SpecifierSet(required).contains(running, prereleases=True):
        return failed(f"{running}, and {required} is required", "Run allomia with such a Python.")
    return ok(f"{running} ({required} is required)")


def _check_sdk() -> Finding:
    required = _sdk_versions()
    installed = version(SDK)
    if not required.contains(installed, prereleases=True):
        return failed(f"{installed}, and {required} is required", install_hint("cli"))
    return ok(f"{installed} ({required} is required)")


def _check_cli() -> Finding:
    path = shutil.which(CLI)
    if path is None:
        return failed("there is no `pulumi` on PATH", INSTALL_CLI)
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [path, "version"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return failed(f"{path} does not run ({type(problem).__name__})", INSTALL_CLI)
    found = re.fullmatch(r"v?(\d+\.\d+\.\d+)\S*", done.stdout.strip())
    if found is None:
        return failed(f"{path} does not tell its version", INSTALL_CLI)
    required = _sdk_versions()
    # Nobody tests the SDK with a CLI that is older than itself, so its floor is the CLI's, too.
    if not required.contains(found[1]):
        return care(f"{found[1]} at {path}, and {required} is known to work", "Upgrade the Pulumi CLI.")
    return ok(f"{found[1]} at {path}")


def _check_python_host() -> Finding:
    missing = [name for name in PYTHON_PROGRAMS if find_pulumi_program(name) is None]
    if missing:
        return care(
            f"{' and '.join(missing)} not found beside the CLI or on PATH: programs in Python cannot use this provider",
            "Install the whole Pulumi CLI, not its binary alone.",
        )
    return ok(f"{' and '.join(PYTHON_PROGRAMS)} are there")


def _check_call_log(environ: Mapping[str, str]) -> Finding:
    if environ.get("PULUMI_DEBUG_GRPC"):
        return care(
            "PULUMI_DEBUG_GRPC is set: Pulumi writes every secret in clear to that file",
            "Unset it, delete the file, and rotate the keys that were made meanwhile.",
        )
    return ok("off (PULUMI_DEBUG_GRPC is not set)")


def _requirements() -> Iterator[Requirement]:
    """Return what this package requires with its command line; the SDK has a check of its own."""
    for text in requires(DISTRIBUTION) or ():
        requirement = Requirement(text)
        is_wanted = requirement.marker is None or requirement.marker.evaluate({"extra": "cli"})
        if is_wanted and requirement.name != SDK:
            yield requirement


def _lack(requirement: Requirement) -> str:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"{requirement.name} is {installed}, and {requirement.specifier} is required"


def _sdk_versions() -> SpecifierSet:
    try:
        required = (Requirement(text) for text in requires(DISTRIBUTION) or ())
        return next(one.specifier for one in required if one.name == SDK)
    except (PackageNotFoundError, StopIteration):
        return SpecifierSet()
