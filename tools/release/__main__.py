"""Build a release of the commit that is checked out, or compare one with its digests: `python -m tools.release`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tools.engine.processes import ToolError
from tools.release.build import build_release
from tools.release.checksums import require_digests
from tools.release.sources import head, require_clean

ADDRESS = "PLUGIN_DOWNLOAD_URL"


def main() -> None:
    """Build, or verify; exit with the error's lines."""
    asked = _arguments()
    try:
        if asked.verify:
            count = require_digests(asked.into)
            print(f"{count} files are what was built.")
            return
        if not asked.dirty:
            require_clean()
        commit = head()
        version = build_release(commit, asked.into, address=os.environ.get(ADDRESS, ""), tag=asked.tag)
    except ToolError as error:
        sys.exit(str(error))
    names = sorted(path.name for path in asked.into.iterdir())
    print(f"Built {version} from commit {commit.digest[:12]}; nothing was uploaded.", *names, sep="\n  ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path("dist"), help="an empty folder, or a new one")
    parser.add_argument("--tag", default="", help="what the commit is tagged with: it has to be v and the version")
    parser.add_argument("--dirty", action="store_true", help="leave out what the commit lacks, instead of refusing it")
    parser.add_argument("--verify", action="store_true", help="build nothing; compare the folder with its digests")
    return parser.parse_args()


if __name__ == "__main__":
    main()
