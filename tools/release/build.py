"""Build every file of a release from one commit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.engine.builds import Report
from tools.engine.processes import ToolError
from tools.release.address import checked_address
from tools.release.agreement import places_of_artefacts, places_of_sources, require_agreement, tagged
from tools.release.changelog import changes_of
from tools.release.checksums import write_digests
from tools.release.golang import build_go_sdk
from tools.release.names import NOTES
from tools.release.npm_package import build_npm_package
from tools.release.plugin_archives import build_plugin_archives
from tools.release.python_dists import build_dists
from tools.release.sources import Commit
from tools.release.staging import stage

__all__ = ["build_release"]


def build_release(commit: Commit, folder: Path, *, address: str = "", tag: str = "", report: Report = print) -> str:
    """Build a release into an empty folder, and return its version.

    Args:
        commit: What it is built of.
        folder: Is made when it is not there.
        address: From where the engine fetches the plugin; part of the schema and the SDKs.
        tag: What the commit is tagged with; empty for a trial.
        report: Is told, in plain lines, about what takes long.

    Raises:
        ToolError: Something cannot be built, or two places say different versions; the folder stays empty.
    """
    checked_address(address)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ToolError(f"{folder.name}/ is not empty.", "A release is built into an empty folder; remove it.")
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        tree, built = Path(name, "tree"), Path(name, "built")
        tree.mkdir()
        built.mkdir()
        stage(commit, tree, address, report)
        told = places_of_sources(tree)
        version = require_agreement([*told, *([tagged(tag)] if tag else [])])
        changes = changes_of(version, tree / "CHANGELOG.md", is_tagged=bool(tag))
        build_dists(tree, built, commit.seconds)
        build_plugin_archives(tree, built, commit.seconds)
        build_go_sdk(tree, built, commit.seconds)
        build_npm_package(tree, built, report)
        require_agreement([told[0], *places_of_artefacts(built)])
        (built / NOTES).write_text(changes, encoding="utf-8")
        write_digests(built)
        for path in sorted(built.iterdir()):
            shutil.move(path, folder)
    return version
