"""One deadline for everything that a thread does on the wire, headers and dripping bodies included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["bounded_timeout", "deadline"]

_end: ContextVar[float | None] = ContextVar("end", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound what this thread does inside the block, as far as the transports ask `bounded_timeout`.

    Inside another one, the nearer end holds.
    """
    outer, own = _end.get(), time.monotonic() + seconds
    token = _end.set(own if outer is None else min(outer, own))
    try:
        yield
    finally:
        _end.reset(token)


def bounded_timeout(timeout: float | None, late: type[Exception]) -> float | None:
    """Return the shorter of the timeout of one read or write and what the deadline leaves; None for no bound at all.

    Args:
        timeout: The timeout of the single step, if it has one.
        late: What is raised when the deadline is over.
    """
    end = _end.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise late("the time for this request is over")
    return left if timeout is None else min(timeout, left)
