"""Start of the plugin from a checkout: Pulumi runs it in the environment that it made beside this file.

It runs the sources that lie here, so that a pull needs no new installation unless a dependency has changed.
"""

import os
import sys

from allomia_pulumi.provider.plugin import main


def put_foreign_folders_last() -> None:
    """Take from the folders of PYTHONPATH only what nobody else has: they belong to the user's other programs."""
    foreign = {os.path.abspath(folder) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder}  # noqa: PTH100 - as Python itself makes them
    sys.path.sort(key=lambda folder: os.path.abspath(folder) in foreign)  # noqa: PTH100 - the same


if __name__ == "__main__":
    put_foreign_folders_last()
    try:
        main()
    except ModuleNotFoundError as missing:
        sys.exit(
            f"{missing.name} is missing in {sys.prefix}, so the plugin cannot start; nothing was sent. "
            "Run `pulumi install` in the project: it installs what the plugin's sources need."
        )
    except ImportError as broken:
        # An installation that was interrupted, or the environment of another Python: pip takes it for complete.
        sys.exit(
            f"{broken.name} in {sys.prefix} cannot be loaded, so the plugin cannot start; nothing was sent. "
            "Remove the folder `venv` beside the plugin's sources, and run `pulumi install` in the project."
        )
