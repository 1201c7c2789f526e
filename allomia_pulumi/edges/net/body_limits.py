"""How much a JSON text becomes once it is read: `{}` is two bytes on the wire, and hundreds in memory."""

from __future__ import annotations

from typing import Final

__all__ = ["is_modest"]

MOST_OBJECTS: Final = 20_000
"""Objects and lists in one answer: a hundred items, with two hundred each."""

MOST_VALUES: Final = 100_000


def is_modest(body: bytes | bytearray) -> bool:
    """Tell whether a body holds no more objects and values than any answer to this package."""
    return body.count(b"{") + body.count(b"[") <= MOST_OBJECTS and body.count(b",") <= MOST_VALUES
