"""The second face: the server `pulumi-resource-allomia`, which serves every Pulumi language.

Pulumi's engine starts it, reads a port from its stdout, and talks gRPC. It translates and delegates; every rule is in
`allomia_pulumi.core`.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Serve until the engine ends this process, or is gone itself."""
    from allomia_pulumi.provider.plugin.process import run  # noqa: PLC0415 - importing a package does no work

    run()
