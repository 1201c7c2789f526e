"""The forms in which a secret can stand in a text: as it is, encoded, escaped, turned round."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from urllib.parse import quote

# How much of a key has to follow its prefix: a key that was cut short counts as well.
SHORTEST_REST = 12
TAIL = 16
ALIGNMENTS = range(3)

Encoding = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class Needle:
    """What to search for.

    Attributes:
        what: Whose form it is, for a message.
        start: The bytes that are found fast.
        rest: What has to follow, or to precede with `is_reversed`; None when `start` is all.
    """

    what: str
    form: str
    start: bytes
    rest: re.Pattern[bytes] | None = None
    is_reversed: bool = False

    def spans(self, content: bytes) -> Iterator[tuple[int, int]]:
        at = content.find(self.start)
        while at >= 0:
            end = at + len(self.start)
            if self.rest is None:
                yield at, end
            elif self.is_reversed:
                before = content[max(0, at - 80) : at]
                if found := self.rest.search(before):
                    yield at - len(before) + found.start(), end
            elif found := self.rest.match(content, end):
                yield at, found.end()
            at = content.find(self.start, end)


def _as_it_is(text: str) -> Iterator[str]:
    yield text


def _reversed(text: str) -> Iterator[str]:
    yield text[::-1]


def _base64(text: str) -> Iterator[str]:
    """Yield the part that does not depend on what stands around it, at each alignment and in both alphabets."""
    raw = text.encode()
    for alignment in ALIGNMENTS:
        first, last = -(-alignment * 8 // 6), (alignment + len(raw)) * 8 // 6
        for altchars in (b"+/", b"-_"):
            encoded = base64.b64encode(b"\0" * alignment + raw, altchars)
            yield encoded[first:last].decode()


def _hex(text: str) -> Iterator[str]:
    yield text.encode().hex()
    yield text.encode().hex().upper()


def _url(text: str) -> Iterator[str]:
    yield quote(text, safe="")
    yield "".join(character if character.isalnum() else f"%{ord(character):02X}" for character in text)
    for style in ("02x", "02X"):
        yield "".join(f"%{byte:{style}}" for byte in text.encode())


def _json(text: str) -> Iterator[str]:
    """Yield what JSON writers make of it, also when the document stands in a string of another one."""
    yield json.dumps(text)[1:-1]
    yield json.dumps(json.dumps(text)[1:-1])[1:-1]
    for mark, style in product(("\\u", "\\\\u"), ("04x", "04X")):
        escaped = {character: f"{mark}{ord(character):{style}}" for character in text}
        yield "".join(escaped[character] for character in text)
        yield "".join(character if character.isalnum() else escaped[character] for character in text)


def _numbers(text: str) -> Iterator[str]:
    """Yield byte slices as Go and Python print them."""
    yield " ".join(map(str, text.encode()))
    yield ", ".join(map(str, text.encode()))
    yield ", ".join(f"0x{byte:x}" for byte in text.encode())


_KEY = rb"(?:[A-Za-z0-9_-]|%[0-9A-Fa-f]{2}|\\{1,2}u[0-9A-Fa-f]{4})"
ENCODINGS: dict[str, tuple[Encoding, bytes]] = {
    "as it is": (_as_it_is, _KEY),
    "reversed": (_reversed, rb"[A-Za-z0-9_-]"),
    "base64": (_base64, rb"[A-Za-z0-9+/_-]"),
    "hex": (_hex, rb"[0-9A-Fa-f]{2}"),
    "URL-escaped": (_url, _KEY),
    "JSON-escaped": (_json, _KEY),
    "as numbers": (_numbers, rb",? ?(?:0x[0-9a-f]{2}|[0-9]{2,3})"),
}
"""Each form, and one character of it as a pattern."""


def needles_of_value(what: str, value: str, *, has_prefix: bool = False) -> list[Needle]:
    """Return what finds a known secret, and its end alone; with a prefix that is searched for, its end will do."""
    if has_prefix and len(value) > TAIL:
        return [Needle(what, "its end", value[-TAIL:].encode())]
    found = {form: name for name, (encode, _) in reversed(ENCODINGS.items()) for form in encode(value)}
    if len(value) > TAIL:
        found.setdefault(value[-TAIL:], "its end")
    return [Needle(what, name, form.encode()) for form, name in found.items()]


def needles_of_prefix(what: str, prefix: str) -> list[Needle]:
    """Return what finds every secret that starts so, also those that nobody has seen."""
    found = {form: name for name, (encode, _) in reversed(ENCODINGS.items()) for form in encode(prefix)}
    needles = []
    for form, name in found.items():
        is_reversed = name == "reversed"
        rest = rb"(?:%b){%d,}%b" % (ENCODINGS[name][1], SHORTEST_REST, rb"\Z" if is_reversed else b"")
        needles.append(Needle(what, name, form.encode(), re.compile(rest), is_reversed))
    return needles
