"""Progress of a command that asks much, on stderr of a terminal and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import track

__all__ = ["tracked"]

T = TypeVar("T")

WORTH_A_BAR: Final = 20
"""Fewer answers are there before anybody wonders."""


def tracked(answers: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Pass answers through; show how many there are of how many, until the last one is there."""
    console = Console(stderr=True)
    is_shown = console.is_terminal and total >= WORTH_A_BAR
    yield from track(answers, what, total, console=console, transient=True, disable=not is_shown)
