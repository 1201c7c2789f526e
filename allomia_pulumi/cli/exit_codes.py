"""Exit codes, and errors and warnings on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from rich.console import Console
from rich.markup import escape

from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.redaction import scrub

__all__ = ["EXIT_CODES", "ExitCode", "exit_code", "note", "print_error", "warn"]


class ExitCode(IntEnum):
    """Exit codes, as scripts read them."""

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


EXIT_CODES: Final[Mapping[str, ExitCode]] = {
    "error": ExitCode.FAILED,
    "setup": ExitCode.FAILED,
    "invalid-input": ExitCode.USAGE,
    "invalid-configuration": ExitCode.USAGE,
    "credential-rejected": ExitCode.CREDENTIAL,
    "access-denied": ExitCode.CREDENTIAL,
    "not-found": ExitCode.NOT_FOUND,
    "request-refused": ExitCode.FAILED,
    "secret-conflict": ExitCode.FAILED,
    "organization-full": ExitCode.FULL,
    "temporary": ExitCode.TRY_LATER,
    "unreachable": ExitCode.TRY_LATER,
    "unavailable": ExitCode.TRY_LATER,
    "rate-limited": ExitCode.TRY_LATER,
    "interrupted": ExitCode.TRY_LATER,
    "unexpected-answer": ExitCode.FAILED,
    "unsettled": ExitCode.UNSETTLED,
    "outcome-unknown": ExitCode.UNSETTLED,
    "key-left-behind": ExitCode.UNSETTLED,
    "too-many-unknown-keys": ExitCode.UNSETTLED,
}
"""The exit code of each error, by the error's own code."""


def exit_code(problem: AllomiaError) -> ExitCode:
    """Return the exit code of a command that ends with this error."""
    return EXIT_CODES[problem.code]


def print_error(problem: AllomiaError, *, before: str = "") -> None:
    """Say on stderr, in a line and a hint, what went wrong; `before` says what it was about."""
    _say("[red]error:[/]", f"{before}{problem.message}", problem.hint)


def warn(message: str, hint: str = "") -> None:
    """Say on stderr what needs care, though the command goes on."""
    _say("[yellow]warning:[/]", message, hint)


def note(message: str) -> None:
    """Say on stderr what the command does that nobody asked for."""
    _say("[cyan]note:[/]", message, "")


def _say(kind: str, message: str, hint: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{kind} {_plain(message)}")
    if hint:
        console.print(f"[cyan]hint:[/] {_plain(hint)}")


def _plain(text: str) -> str:
    """Scrub a text, and keep rich from reading brackets in it as markup."""
    return escape(scrub(text))
