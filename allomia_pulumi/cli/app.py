"""The commands by name, and how errors become a line and an exit code."""

from __future__ import annotations

from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.keys import list_keys, revoke_key
from allomia_pulumi.cli.sandbox import run_sandbox
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    OrganizationFull,
    TemporaryError,
    Unsettled,
)
from allomia_pulumi.redaction import scrub

__all__ = ["ExitCode", "app", "run"]


class ExitCode(IntEnum):
    """What a script can tell from the exit code."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CREDENTIAL = 4
    FULL = 5
    TRY_LATER = 6
    UNSETTLED = 7
    INTERRUPTED = 130


CODES: tuple[tuple[type[AllomiaError], ExitCode], ...] = (
    (InvalidInput, ExitCode.USAGE),
    (InvalidConfiguration, ExitCode.USAGE),
    (NotFound, ExitCode.NOT_FOUND),
    (CredentialRejected, ExitCode.CREDENTIAL),
    (AccessDenied, ExitCode.CREDENTIAL),
    (OrganizationFull, ExitCode.FULL),
    (TemporaryError, ExitCode.TRY_LATER),
    (Unsettled, ExitCode.UNSETTLED),
)

app = typer.Typer(
    name="allomia",
    help=(
        "See and revoke the API keys of AlloMia's organizations, and run a sandbox.\n\n"
        "The tenant key is read as the Pulumi provider reads it: ALLOMIA_TENANT_KEY_REF with VAULT_ADDR and "
        "VAULT_TOKEN, or ALLOMIA_TENANT_KEY.\n\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 credential, 5 no free slot, 6 try later, "
        "7 something may exist that nobody holds, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("keys")(list_keys)
app.command("revoke")(revoke_key)
app.command("sandbox")(run_sandbox)


@app.callback(invoke_without_command=True)
def _version(*, version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def run() -> int:
    """Run a command and return the exit code; an error is one line and a hint on stderr, never a traceback."""
    try:
        app()
    except AllomiaError as problem:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"[red]error:[/] {_plain(problem.message)}")
        if problem.hint:
            console.print(f"[cyan]hint:[/] {_plain(problem.hint)}")
        return next((code for kind, code in CODES if isinstance(problem, kind)), ExitCode.FAILED)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FAILED
    return ExitCode.DONE


def _plain(text: str) -> str:
    """Scrub a text, and keep rich from reading brackets in it as markup."""
    return escape(scrub(text))
