"""The command line: see and revoke keys, and run the sandbox. Needs the extra `cli`."""

from __future__ import annotations

import sys

__all__ = ["main"]

INTERRUPTED = 130


def main() -> None:
    """Run the command line, or say how to install what it needs."""
    try:
        from allomia_pulumi.cli.app import run  # noqa: PLC0415 - the extra may be missing
    except KeyboardInterrupt:
        # Loading takes a moment, in which somebody may think better of it.
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as problem:
        from allomia_pulumi.ground.installation import install_hint  # noqa: PLC0415 - only for this message

        sys.exit(f"allomia needs the package `{problem.name}`. {install_hint('cli')}")
    sys.exit(run())
