"""What one attempt at a request met, and the error that says what to do about it.

A *fault* is what one attempt met: `library_errors` and `answers` map foreign errors and status codes to faults, each by
a table; retries look at them, and the caller may know better what one means. `to_error` words whatever is left. Nothing
here chains exceptions, since those of requests hold the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

from allomia_pulumi.errors import AllomiaError, UnexpectedAnswer

__all__ = ["ADDRESS_HINT", "Fault", "Repeat", "shape_error", "to_error"]

ADDRESS_HINT: Final = "Check the address; a proxy or a login page may stand in between."
OTHER_SERVER_HINT: Final = "Check the address; something else than Vault may answer there."


class Repeat(Enum):
    """Whether the same request may be sent again."""

    NEVER = auto()
    ONCE = auto()
    NOT_DONE = auto()
    """Nothing was done: it never left this machine, or the other side sent it away unread."""
    MAYBE_DONE = auto()
    """Nobody knows whether it was done."""


class Fault(Exception):
    """What one attempt met.

    Attributes:
        what: What the other side did, as the rest of a sentence that begins with its name.
        make_error: Builds the error from message and hint.
        status: The HTTP status code of an answer that Vault itself gives, else 0.
        http_status: The HTTP status code of any answer, or 0 without one.
        error_text: Vault's own words, in lower case: to compare with, never to show.
        version: Vault's metadata about a deleted KV v2 version, with a 404.
        retry_after: The header of that name.
        attempts: How many attempts met it.
    """

    def __init__(
        self,
        make_error: Callable[[str, str], AllomiaError],
        what: str,
        hint: str,
        *,
        repeat: Repeat = Repeat.NEVER,
    ) -> None:
        super().__init__()
        self.make_error = make_error
        self.what = what
        self.hint = hint
        self.repeat = repeat
        self.status = 0
        self.http_status = 0
        self.error_text = ""
        self.version: Mapping[str, Any] = {}
        self.retry_after = ""
        self.attempts = 1

    @property
    def is_denied(self) -> bool:
        """Tell whether Vault itself answered 403."""
        return self.status == HTTPStatus.FORBIDDEN

    @property
    def is_missing(self) -> bool:
        """Tell whether Vault itself answered 404."""
        return self.status == HTTPStatus.NOT_FOUND


def to_error(fault: Fault, name: str, doing: str) -> AllomiaError:
    """Return the error for a fault that nobody knew better.

    Args:
        fault: What happened.
        name: What the other side is called, with its address and where that was configured.
        doing: What this package was about to do, as a participle.
    """
    attempts = f" ({fault.attempts} attempts)" if fault.attempts > 1 else ""
    problem = fault.make_error(f"{name} {fault.what} while {doing}{attempts}", fault.hint)
    return problem.because_of(f"{name} {fault.what}")


def shape_error(name: str, doing: str) -> UnexpectedAnswer:
    """Return the error for a 200 whose body is no answer to the request."""
    return UnexpectedAnswer(f"{name} sent an answer of an unknown shape while {doing}", OTHER_SERVER_HINT)
