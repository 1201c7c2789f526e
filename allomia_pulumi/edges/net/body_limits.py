"""How much of an answer is read: its bytes, and what a JSON text becomes in memory (`{}` is two bytes on the wire)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["OversizedBody", "UnreadableBody", "read_body"]

LARGEST_BODY: Final = 4 * 1024 * 1024

MOST_OBJECTS: Final = 20_000
"""Objects and lists in one answer: a hundred items, with two hundred each."""

MOST_VALUES: Final = 100_000


class UnreadableBody(Exception):
    """The answer has more in it than any answer to this package, or is packed although we asked for none of that."""


class OversizedBody(UnreadableBody):
    """The answer is longer than any answer to this package."""


def read_body(parts: Iterable[bytes]) -> bytes:
    """Read a streamed answer to its end, within the limits.

    Raises:
        OversizedBody: It is longer than 4 MiB.
        UnreadableBody: It has more objects or values in it than can be.
    """
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > LARGEST_BODY:
            raise OversizedBody
    if body.count(b"{") + body.count(b"[") > MOST_OBJECTS or body.count(b",") > MOST_VALUES:
        raise UnreadableBody
    return bytes(body)
