"""The last guard of a provider process: nothing but one scrubbed line leaves a call, whatever was raised inside."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, ParamSpec, Protocol, TypeVar

from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.spelling import Caller, spelled_for

__all__ = ["Ending", "Shown", "guarded", "log_frames"]

P = ParamSpec("P")
R = TypeVar("R")


class Shown(Exception):
    """An error as the engine prints it: one line, no module path."""


Shown.__module__ = "builtins"
Shown.__qualname__ = "allomia"


@dataclass(frozen=True)
class Ending:
    """End of a failed call.

    Attributes:
        line: What may be shown of it.
        code: The error's code; empty for a fault of ours.
        cause: The error itself, for a face whose callers may look at it.
    """

    line: str
    code: str = ""
    cause: AllomiaError | None = None


class _Log(Protocol):
    def debug(self, message: str) -> None: ...


def guarded(
    end: Callable[..., NoReturn],
    word_fault: Callable[..., str],
    *,
    keeps_cause: bool = False,
    answered: tuple[type[Exception], ...] = (),
    caller: Caller = Caller.ANY_LANGUAGE,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that ends each failed call of a face with one scrubbed line.

    Args:
        end: Ends the call in the face's way; takes the ending and the call's arguments.
        word_fault: Words a fault of ours without any value; takes the exception, the method's name and the arguments.
        keeps_cause: The face's callers may look at an error of this package, and not at its line alone.
        answered: Exceptions that the face answers itself.
        caller: Who reads what a call says: inputs are spelled so.
    """

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with spelled_for(caller):
                    return method(*args, **kwargs)
            except answered:
                raise
            except AllomiaError as problem:
                ending = Ending(_scrubbed(str(problem)), problem.code, problem if keeps_cause else None)
            except Exception as problem:  # noqa: BLE001 - a fault of ours must not show values either
                ending = Ending(_scrubbed(word_fault(problem, method.__name__, *args)))
            # Here, and not in the handlers: an exception that is raised there keeps the one that it explains.
            return end(ending, *args)

        return call

    return decorate


def log_frames(find_log: Callable[..., _Log]) -> Callable[..., str]:
    """Return a function that words a fault of ours by its type, and writes its frames to the engine's debug log."""

    def word_fault(problem: Exception, method: str, *args: object) -> str:
        frames = "".join(traceback.format_tb(problem.__traceback__))
        find_log(*args).debug(_scrubbed(f"{type(problem).__name__}\n{frames}"))
        return (
            f"internal error in {method}: {type(problem).__name__}. Please report it with the frames that "
            "`pulumi up --debug` shows."
        )

    return word_fault


def _scrubbed(text: str) -> str:
    # Pydantic takes a while to load, and the dynamic face needs `Shown` before.
    from allomia_pulumi.ground.redaction import scrub  # noqa: PLC0415

    return scrub(text)
