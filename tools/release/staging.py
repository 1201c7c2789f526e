"""The tree that a release is built from: a commit's files, with the plugin's address where one is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tools.engine.sdks import check_sdks, write_sdks
from tools.release.address import with_address
from tools.release.agreement import SCHEMA
from tools.release.sources import Commit, export

__all__ = ["stage"]

ROOT_SCHEMA = "schema.json"


def stage(commit: Commit, tree: Path, address: str, report: Callable[[str], None]) -> None:
    """Write the tree into an empty folder.

    Args:
        commit: What the files are of.
        tree: The folder.
        address: From where the engine fetches the plugin; empty: from nowhere.
        report: Is told about a build of the SDKs' generator.

    Raises:
        ToolError: The commit's SDKs are not those of its schema.
    """
    export(commit, tree)
    schema = tree / ROOT_SCHEMA
    check_sdks(tree / "sdk", schema, report)
    if address:
        text = json.dumps(with_address(json.loads(schema.read_text(encoding="utf-8")), address), indent=2) + "\n"
        for name in (ROOT_SCHEMA, SCHEMA):
            (tree / name).write_text(text, encoding="utf-8")
        write_sdks(tree / "sdk", schema, report)
