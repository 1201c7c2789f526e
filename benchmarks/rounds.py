"""The order of the rounds, and how many of them the time allows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.samples import Unit

__all__ = ["Budget", "Course", "course_of", "say", "turns", "units"]

# Keys, latency in ms, and chain.
Course: TypeAlias = tuple[int, int, str]


class Budget:
    """The time that a run may take: what would not end in time is not begun.

    Args:
        minutes: None for as long as it takes.
        now: A clock in seconds.
    """

    def __init__(self, minutes: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._end = None if minutes is None else now() + minutes * 60
        self._taken: dict[Course, float] = {}

    def allows(self, course: Course) -> bool:
        """Tell whether one more round of a course would end in time, if it takes as long as the longest before."""
        return self._end is None or self._now() + self._taken.get(course, 0.0) <= self._end

    @contextmanager
    def timed(self, course: Course) -> Iterator[None]:
        """Remember how long a round of a course takes."""
        began = self._now()
        yield
        self._taken[course] = max(self._now() - began, self._taken.get(course, 0.0))


def turns(number: int) -> tuple[Contender, ...]:
    """Return who runs after whom in a round, so that nobody is always the first on a cold machine."""
    start = (number - 1) % len(CONTENDERS)
    return CONTENDERS[start:] + CONTENDERS[:start]


def units(
    sizes: Mapping[int, int], latencies: Sequence[int], chains: Iterable[str], *, checkpoints: bool = True
) -> list[tuple[Unit, Contender]]:
    """Return what is measured, in its order: all contenders do the same thing one after the other.

    `sizes` are the numbers of keys, each with its number of rounds.
    """
    courses = list(itertools.product(sizes, latencies, chains))
    return [
        (Unit(contender.name, *course, number, checkpoints), contender)
        for number in range(1, max(sizes.values(), default=0) + 1)
        for course in courses
        if number <= sizes[course[0]]
        for contender in turns(number)
    ]


def course_of(unit: Unit) -> tuple[Course, int]:
    """Return the course of a unit and the number of its round."""
    return (unit.keys, unit.latency_ms, unit.chain), unit.number


def say(course: Course) -> str:
    """Name a course in a line of progress."""
    keys, latency_ms, chain = course
    return f"{keys} keys, {latency_ms} ms, {chain}"
