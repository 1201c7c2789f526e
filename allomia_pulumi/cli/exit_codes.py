"""Exit codes, and how an error reads on a terminal."""

from __future__ import annotations

from enum import IntEnum

from rich.console import Console
from rich.markup import escape

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
from allomia_pulumi.ground.redaction import scrub

__all__ = ["ExitCode", "exit_code", "tell", "warn"]


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
    NEEDS_CARE = 8
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


def exit_code(problem: AllomiaError) -> ExitCode:
    """Return the exit code of a command that ends with this error."""
    return next((code for kind, code in CODES if isinstance(problem, kind)), ExitCode.FAILED)


def tell(problem: AllomiaError, *, before: str = "") -> None:
    """Say on stderr, in a line and a hint, what went wrong; `before` says what it was about."""
    _say("[red]error:[/]", f"{before}{problem.message}", problem.hint)


def warn(message: str, hint: str = "") -> None:
    """Say on stderr what needs care, though the command goes on."""
    _say("[yellow]warning:[/]", message, hint)


def _say(kind: str, message: str, hint: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{kind} {_plain(message)}")
    if hint:
        console.print(f"[cyan]hint:[/] {_plain(hint)}")


def _plain(text: str) -> str:
    """Scrub a text, and keep rich from reading brackets in it as markup."""
    return escape(scrub(text))
