"""Run the sandbox: `python -m allomia_pulumi.sandbox`."""

from __future__ import annotations

import argparse
from pathlib import Path

from allomia_pulumi._version import __version__
from allomia_pulumi.sandbox.server import ServeError, serve


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m allomia_pulumi.sandbox", description="Serve a local AlloMia.")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 picks a free one (default)")
    parser.add_argument("--tenant-key-file", type=Path, help="write the first tenant's key here, for you only")
    parser.add_argument(
        "--no-key-endpoints",
        dest="key_endpoints",
        action="store_false",
        help="serve the documented endpoints only, as the real service does today",
    )
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args()
    try:
        serve(arguments.host, arguments.port, arguments.tenant_key_file, key_endpoints=arguments.key_endpoints)
    except ServeError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
