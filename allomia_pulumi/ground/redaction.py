"""Keep secrets and hostile characters out of everything that people read.

Secrets travel as `pydantic.SecretStr`, whose repr is blank. This module adds the two things that a wrapper cannot do:
it removes known values from a finished text (a second line of defence, since no message is built from a secret), and
it makes foreign text safe for a terminal.
"""

from __future__ import annotations

import hashlib
import threading

from pydantic import SecretStr

__all__ = ["fingerprint", "guard", "printable", "scrub"]

FINGERPRINT_DIGITS = 12
SHORTEST_GUARDED = 6

_guarded: set[str] = set()
_lock = threading.Lock()


def guard(value: str) -> SecretStr:
    """Wrap a secret, and record it so that `scrub` removes it from any text of this process."""
    if len(value) >= SHORTEST_GUARDED:
        with _lock:
            _guarded.add(value)
    return SecretStr(value)


def scrub(text: str) -> str:
    """Return the text with every guarded secret replaced by `[secret]`."""
    with _lock:
        present = [value for value in _guarded if value in text]
    for value in sorted(present, key=len, reverse=True):
        text = text.replace(value, "[secret]")
    return text


def fingerprint(secret: SecretStr) -> str:
    """Return a fingerprint of a secret, the first 12 hex digits of its SHA-256: compare without revealing."""
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:FINGERPRINT_DIGITS]


def printable(text: str, limit: int = 120) -> str:
    """Return foreign text fit for a terminal: no known secret, no control, bidi or line characters, and not too long.

    Secrets go first: one that was cut or had a character replaced would not be known any more.
    """
    text = scrub(text)
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
