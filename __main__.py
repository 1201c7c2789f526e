"""Start of the plugin from a checkout: Pulumi runs it in the environment that it made beside this file.

It runs the sources that lie here, so that a pull needs no new installation unless a dependency has changed.
"""

import sys

from allomia_pulumi.provider.plugin import main

if __name__ == "__main__":
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
