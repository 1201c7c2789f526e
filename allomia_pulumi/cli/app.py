"""Command line application: the commands by name, and errors as one line and an exit code."""

from __future__ import annotations

import typer

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.command import run_doctor
from allomia_pulumi.cli.exit_codes import ExitCode, exit_code, print_error
from allomia_pulumi.cli.help import Command, Group
from allomia_pulumi.cli.keys import list_keys, revoke_key
from allomia_pulumi.cli.organizations import list_organizations
from allomia_pulumi.cli.orphans import find_orphans
from allomia_pulumi.cli.sandbox import run_sandbox
from allomia_pulumi.cli.terminal import accept_any_text
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.spelling import Caller, spelled_for

__all__ = ["ExitCode", "app", "run"]


KEYS = """
Examples:

* `allomia keys` in a project's folder: the keys of its stack's organizations

* `allomia keys --organization ID --output json`: one organization, for programs

* `allomia keys --import-file FILE`: what `pulumi import --file FILE` declares
"""
ORGANIZATIONS = """
Examples:

* `allomia organizations --keys`: all that the tenant key sees, and how many keys each has

* `allomia organizations --import-file FILE`: what `pulumi import --file FILE` declares
"""
ORPHANS = """
Examples:

* `allomia orphans` in a project's folder: what its stack made and does not know

* `allomia orphans --revoke`: ask about each
"""
REVOKE = """
Example:

* `allomia revoke ORGANIZATION KEY_ID`
"""
DOCTOR = """
Examples:

* `allomia doctor` in a project's folder: the selected stack, and what it needs

* `allomia doctor --stack ../other@prod`: another project's stack
"""
SANDBOX = """
Examples:

* `allomia sandbox`: serve, and say what to paste into another terminal

* `allomia sandbox --no-key-endpoints`: AlloMia as it is documented today
"""

app = typer.Typer(
    name="allomia",
    cls=Group,
    help=(
        "See AlloMia's organizations, see and revoke their API keys, find what is wrong, and run a sandbox.\n\n"
        "In the folder of a Pulumi project, its stack says how AlloMia and Vault are reached, and options win over it. "
        "Elsewhere the environment does: ALLOMIA_TENANT_KEY_REF with VAULT_ADDR and VAULT_TOKEN, or "
        "ALLOMIA_TENANT_KEY.\n\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 credential, 5 no free slot, 6 try later, "
        "7 something may exist that nobody holds, 8 something needs care, 130 interrupted."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("keys", cls=Command, epilog=KEYS)(list_keys)
app.command("organizations", cls=Command, epilog=ORGANIZATIONS)(list_organizations)
app.command("orphans", cls=Command, epilog=ORPHANS)(find_orphans)
app.command("revoke", cls=Command, epilog=REVOKE)(revoke_key)
app.command("doctor", cls=Command, epilog=DOCTOR)(run_doctor)
app.command("sandbox", cls=Command, epilog=SANDBOX)(run_sandbox)


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
