"""Search what a test left behind for secrets, in every form and in archives too."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tests.leaks.forms import Needle, needles_of_prefix, needles_of_value
from tools.engine.trail import Shown

# The sandbox's keys start so; whoever minted and revoked one between two looks left no value to search for.
PREFIXES = {"alm_org_": "an organization key", "alm_tenant_": "a tenant key"}
# What has a form but no prefix that is worth an encoding of its own.
SHAPES = {
    "a Vault token": re.compile(rb"(?<![\w./+-])(?:hv)?[sb]\.(?=[A-Za-z]*[0-9])[A-Za-z0-9]{24,}(?![\w/+=])"),
    "a JWT": re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
}
SHAPE_STARTS = {"a Vault token": (b"s.", b"b."), "a JWT": (b"eyJ",)}
DEEPEST = 3
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Leak:
    """A secret in clear, told without telling it."""

    channel: str
    what: str
    form: str
    offset: int

    def __str__(self) -> str:
        return f"{self.channel}: {self.what}, {self.form}, at byte {self.offset}"


def search(shown: Iterable[Shown], canaries: Iterable[str] = ()) -> list[Leak]:
    """Return the first place of each form of each secret in each channel."""
    needles = [*_prefixes(), *_values(frozenset(canaries))]
    found = []
    for each in shown:
        for member in _members(each, DEEPEST):
            # A file can be named by a secret as well.
            for content in (member.content, member.channel.encode(errors="surrogateescape")):
                found += [Leak(_without(needles, each.channel), *leak) for leak in _hits(content, needles)]
    return list(dict.fromkeys(found))


def hide(text: str, canaries: Iterable[str] = ()) -> str:
    """Return the text with every form of every secret replaced by `[secret]`."""
    return _without([*_prefixes(), *_values(frozenset(canaries))], text)


def _without(needles: Iterable[Needle], text: str) -> str:
    content = text.encode(errors="surrogateescape")
    spans = [span for needle in needles for span in needle.spans(content)]
    spans += [found.span() for shape in SHAPES.values() for found in shape.finditer(content)]
    kept, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            kept += [content[end:start], b"[secret]"]
        end = max(end, stop)
    return b"".join([*kept, content[end:]]).decode(errors="surrogateescape")


def _hits(content: bytes, needles: Iterable[Needle]) -> Iterator[tuple[str, str, int]]:
    told = set()
    for needle in needles:
        if needle.what not in told and needle.start in content and (span := next(needle.spans(content), None)):
            told.add(needle.what)
            yield needle.what, needle.form, span[0]
    for what, shape in SHAPES.items():
        if any(start in content for start in SHAPE_STARTS[what]) and (found := shape.search(content)):
            yield what, "as it is", found.start()


@cache
def _prefixes() -> list[Needle]:
    return [needle for prefix, what in PREFIXES.items() for needle in needles_of_prefix(what, prefix)]


@cache
def _values(canaries: frozenset[str]) -> list[Needle]:
    return [
        needle
        for number, canary in enumerate(sorted(canaries))
        for needle in needles_of_value(
            f"planted secret {number} of {len(canary)} characters", canary, has_prefix=canary.startswith((*PREFIXES,))
        )
    ]


def _members(shown: Shown, depth: int) -> Iterator[Shown]:
    yield shown
    if depth == 0:
        return
    for name, content in _unpacked(shown.content):
        yield from _members(Shown(f"{shown.channel}!{name}", content), depth - 1)


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    # What only looks like an archive has been searched as it is.
    if content.startswith(GZIP):
        try:
            yield "gzip", gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return
    elif content.startswith(ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield name, archive.read(name)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError):
            return
