"""Two questions at the same time: both are on their way while their answers are waited for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

__all__ = ["ask_both"]

A = TypeVar("A")
B = TypeVar("B")


def ask_both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Ask two questions that do not depend on each other, and return both answers.

    Both have ended when this returns or raises. If both raise, the first one's error is raised.
    """
    with ThreadPoolExecutor(1) as pool:
        try:
            other = pool.submit(copy_context().run, second)
        except RuntimeError:
            # This machine gives no further thread now.
            return first(), second()
        answer = first()
        return answer, other.result()
