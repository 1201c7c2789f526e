"""Stand-ins for names and ids in AlloMia's lists that nobody can read or use, so that one blocks no other entry."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.redaction import printable

__all__ = ["readable_name", "usable_id"]

LONGEST_STAND_IN: Final = 60


def usable_id(value: object) -> object:
    """Return an id, or a stand-in for one that cannot stand in a path: nothing of that id is ever asked for or revoked.

    What is no text at all is returned as it is.
    """
    if not isinstance(value, str) or is_identifier(value):
        return value
    shown = printable(value, LONGEST_STAND_IN)
    differs = shown != value
    told_apart = f" {sha256(value.encode(errors='surrogatepass')).hexdigest()[:8]}" if differs else ""
    return f"(unusable id / {shown}{told_apart})"


def readable_name(value: object) -> str:
    """Return a name, or a stand-in for one that is no text: it has no mark, so a key of that name is made by hand."""
    if not isinstance(value, str):
        return "(no readable name)"
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"{printable(value)} (not readable)"
    return value
