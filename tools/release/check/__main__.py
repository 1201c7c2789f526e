"""`make release-check`: all of a release but its upload, a line for each step."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tools.engine.processes import ToolError
from tools.release.address import checked_address
from tools.release.check import contents
from tools.release.check.installed import Installed
from tools.release.check.job import Bench
from tools.release.check.reproduction import build_apart, compare
from tools.release.check.steps import Steps
from tools.release.checksums import require_digests
from tools.release.names import NOTES
from tools.release.sources import Commit, head

ADDRESS = "PLUGIN_DOWNLOAD_URL"
PLUGIN = "plugin: installed from its archive"
WHEEL = "wheel: in an empty environment"


def main() -> int:
    """Take every step and return the exit code."""
    steps, started = Steps(), time.monotonic()
    try:
        address = checked_address(os.environ.get(ADDRESS, ""))
        commit = head()
    except ToolError as error:
        print(error)
        return 1
    print(f"commit {commit.digest}; nothing is uploaded", flush=True)
    with tempfile.TemporaryDirectory(prefix="release-check-") as name:
        root = Path(name)
        first, second = root / "release-0", root / "release-1"
        for number in range(2):
            steps.take(_build(number), partial(_built, commit, root, number, address))
        steps.take("build: compared", lambda: f"{compare(first, second)} files equal, byte by byte", after=_build(1))
        _look_into(steps, first, address)
        with Bench.start() as bench:
            _use(steps, Installed(bench, first, root, _pip_cache()))
    print(f"{time.monotonic() - started:.0f} seconds")
    return 0 if steps.close() else 1


def _look_into(steps: Steps, release: Path, address: str) -> None:
    after = _build(0)
    steps.take("digests", lambda: f"{require_digests(release)} files are as SHA256SUMS says", after=after)
    steps.take("one version", lambda: contents.check_versions(release), after=after)
    steps.take("changelog extract", lambda: _changes(release / NOTES), after=after)
    steps.take("plugin's address", lambda: contents.check_addresses(release, address), after=after)
    steps.take("twine check --strict", lambda: contents.check_python_dists(release), after=after)
    steps.take("plugin archives", lambda: contents.check_plugin_archives(release), after=after)
    steps.take("npm pack", lambda: contents.check_npm_package(release), after=after)
    steps.take("secrets and machine paths", lambda: contents.search_artefacts(release), after=after)


def _use(steps: Steps, installed: Installed) -> None:
    after = _build(0)
    steps.take(WHEEL, installed.wheel, after=after)
    steps.take("sdist: in an empty environment", installed.sdist, after=after)
    steps.take(PLUGIN, installed.plugin, after=after)
    steps.take("plugin: from YAML", installed.yaml, after=PLUGIN)
    steps.take("plugin: from Python", installed.native, after=PLUGIN)
    steps.take("npm package: from TypeScript", installed.npm, after=PLUGIN)
    steps.take("Go SDK: go vet", installed.go_vet, after=after)
    steps.take("Go SDK: from Go", installed.go, after=PLUGIN)


def _build(number: int) -> str:
    return f"build: the {('first', 'second')[number]}"


def _built(commit: Commit, root: Path, number: int, address: str) -> str:
    return f"{len(list(build_apart(commit, root, number, address).iterdir()))} files"


def _changes(notes: Path) -> str:
    return f"{len(notes.read_text(encoding='utf-8').splitlines())} lines"


def _pip_cache() -> str:
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
