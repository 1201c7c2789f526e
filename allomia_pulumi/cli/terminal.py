"""Terminals and pipes that take fewer characters than are shown: one in ASCII, above all."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from typing import Final

__all__ = ["accept_any_text", "say"]

HANDLER: Final = "allomia.closest"
PLAIN: Final = {"…": ".", "“": '"', "”": '"', "—": "-", "→": ">"}
"""What this package itself writes beyond ASCII."""

UNKNOWN: Final = "?"


def accept_any_text() -> None:
    """Let stdout and stderr show the closest character for one that they cannot; a table keeps its widths so."""
    codecs.register_error(HANDLER, _closest)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=HANDLER)


def say(text: str, *, err: bool = False) -> None:
    """Write a line to stdout or stderr as it is set up: click would write UTF-8 to a terminal in ASCII."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _closest(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    text = problem.object[problem.start : problem.end]
    return "".join(_plain(character, problem.encoding) for character in text), problem.end


def _plain(character: str, encoding: str) -> str:
    """Return one character that the encoding has: the one without its accent, or a question mark."""
    plain = PLAIN.get(character) or unicodedata.normalize("NFKD", character)[:1]
    try:
        plain.encode(encoding)
    except UnicodeEncodeError:
        return UNKNOWN
    return plain
