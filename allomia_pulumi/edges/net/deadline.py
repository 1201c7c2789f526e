"""One deadline for everything that a thread does on the wire, headers and dripping bodies included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["deadline", "seconds_left"]

_end: ContextVar[float | None] = ContextVar("end", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound what this thread does inside the block, as far as the transports ask `seconds_left`.

    Inside another one, the nearer end holds.
    """
    outer, own = _end.get(), time.monotonic() + seconds
    token = _end.set(own if outer is None else min(outer, own))
    try:
        yield
    finally:
        _end.reset(token)


def seconds_left() -> float | None:
    """Return what the deadline leaves, zero or less when it is over, or None where there is none."""
    end = _end.get()
    return None if end is None else end - time.monotonic()
