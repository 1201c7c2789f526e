"""`allomia sandbox`: a local AlloMia to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.installation import install_hint

__all__ = ["run_sandbox"]


def run_sandbox(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8470,
    tenant_key_file: Annotated[
        Path | None,
        typer.Option(help="Write the tenant key of the first tenant here (mode 0600).", show_default=False),
    ] = None,
    *,
    no_key_endpoints: Annotated[
        bool,
        typer.Option("--no-key-endpoints", help="Serve the documented endpoints only, as the real AlloMia does today."),
    ] = False,
) -> None:
    """Serve a local AlloMia: its documented endpoints and the assumed key endpoints. Not the real service."""
    try:
        from allomia_pulumi.sandbox.server import ServeError, serve  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as problem:
        raise InvalidConfiguration(
            f"the sandbox needs the package `{problem.name}`",
            install_hint("sandbox"),
        ) from None
    try:
        serve(host, port, tenant_key_file, key_endpoints=not no_key_endpoints)
    except ServeError as problem:
        raise InvalidInput(str(problem)) from None
