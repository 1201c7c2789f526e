"""Values of a request that an answer may repeat: a message has the place where each stands instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["hide", "places_of"]

SHORTEST: Final = 4
"""Shorter values are no secrets, and would be found in every word."""


def places_of(value: object, place: str) -> dict[str, str]:
    """Return the place of each text and number in a value, by how an answer may write it."""
    return {written: where for written, where in _written(value, place) if len(written) >= SHORTEST}


def hide(text: str, places: Mapping[str, str]) -> str:
    """Return a text with the places of values instead of the values."""
    if not places:
        return text
    longest_first = sorted(places, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: f"(value of {places[found.group()]})", text)


def _written(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _written(item, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _written(item, f"{place}[{number}]")
    elif isinstance(value, str):
        yield value, place
        yield json.dumps(value, ensure_ascii=False)[1:-1], place
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value), place
