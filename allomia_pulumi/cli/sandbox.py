"""`allomia sandbox`: a local AlloMia to try things on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.installation import install_hint

__all__ = ["run_sandbox"]

FOLDER = "allomia-sandbox-"
FILE = "tenant.key"


def run_sandbox(
    *,
    port: Annotated[int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.")] = 8470,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Loopback address to listen on.")] = "127.0.0.1",
    tenant_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Put the tenant key into this new file. Default: one in a new private folder.",
            show_default=False,
        ),
    ] = None,
    no_key_endpoints: Annotated[
        bool,
        typer.Option("--no-key-endpoints", help="Serve the documented endpoints only, as the real AlloMia does today."),
    ] = False,
) -> None:
    """Serve a local AlloMia with an organization, and say what to paste into another terminal. Not the real service.

    It has AlloMia's documented endpoints and the assumed key endpoints, and forgets everything when it ends (Ctrl-C).
    """
    try:
        from allomia_pulumi.sandbox.announcement import for_people  # noqa: PLC0415 - the extra may be missing
        from allomia_pulumi.sandbox.server import ServeError, serve  # noqa: PLC0415 - the same
    except ModuleNotFoundError as problem:
        raise InvalidConfiguration(
            f"the sandbox needs the package `{problem.name}`",
            install_hint("sandbox"),
        ) from None
    # Only this user enters the folder, and whatever name a former run used is not met again.
    with tempfile.TemporaryDirectory(prefix=FOLDER) as folder:
        file = tenant_key_file or Path(folder, FILE)
        try:
            serve(host, port, file, key_endpoints=not no_key_endpoints, announce=for_people)
        except ServeError as problem:
            raise InvalidInput(str(problem), problem.hint) from None
