"""Likeness of names: which one a mistaken name is likeliest to mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

__all__ = ["nearest"]

LEAST_LIKENESS: Final = 0.75


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a mistaken one is likeliest to mean, whatever its case; None if none is near."""
    by_plain = {_plain(each): each for each in known}
    found = get_close_matches(_plain(name), by_plain, n=1, cutoff=LEAST_LIKENESS)
    return by_plain[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
