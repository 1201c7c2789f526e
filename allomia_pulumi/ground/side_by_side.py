"""Questions at the same time: all are on their way while their answers are waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

__all__ = ["ask_all", "ask_both"]

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


def ask_all(questions: Sequence[Callable[[], A]]) -> list[A]:
    """Ask questions that do not depend on each other, and return their answers in the same order.

    All that were begun have ended when this returns or raises. If several raise, the first one's error is raised.
    """
    if len(questions) <= 1:
        return [question() for question in questions]
    first, *others = questions
    with ThreadPoolExecutor(len(others)) as pool:
        begun: list[Future[A]] = []
        # This machine may give no further thread: what was not begun then follows in this one.
        with suppress(RuntimeError):
            begun.extend(pool.submit(copy_context().run, question) for question in others)
        answer = first()
        return [answer, *(each.result() for each in begun), *(question() for question in others[len(begun) :])]
