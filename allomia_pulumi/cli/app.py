"""Command line application: the commands by name, and errors as one line and an exit code."""

from __future__ import annotations

import typer

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.command import run_doctor
from allomia_pulumi.cli.exit_codes import ExitCode, exit_code, print_error
from allomia_pulumi.cli.keys import list_keys, revoke_key
from allomia_pulumi.cli.orphans import find_orphans
from allomia_pulumi.cli.sandbox import run_sandbox
from allomia_pulumi.cli.terminal import accept_any_text
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.spelling import Caller, spelled_for

__all__ = ["ExitCode", "app", "run"]


app = typer.Typer(
    name="allomia",
    help=(
        "See and revoke the API keys of AlloMia's organizations, find what is wrong, and run a sandbox.\n\n"
        "The tenant key is read as the Pulumi provider reads it: ALLOMIA_TENANT_KEY_REF with VAULT_ADDR and "
        "VAULT_TOKEN, or ALLOMIA_TENANT_KEY.\n\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 credential, 5 no free slot, 6 try later, "
        "7 something may exist that nobody holds, 8 something needs care, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("keys")(list_keys)
app.command("orphans")(find_orphans)
app.command("revoke")(revoke_key)
app.command("doctor")(run_doctor)
app.command("sandbox")(run_sandbox)


@app.callback(invoke_without_command=True)
def _version(*, version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def run() -> int:
    """Run a command and return the exit code; an error is one line and a hint on stderr, never a traceback."""
    accept_any_text()
    try:
        with spelled_for(Caller.COMMAND_LINE):
            app()
    except AllomiaError as problem:
        print_error(problem)
        return exit_code(problem)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FAILED
    return ExitCode.DONE
