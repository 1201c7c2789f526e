"""Ids in paths: one segment each, whoever gave them."""

from __future__ import annotations

from urllib.parse import quote

from allomia_pulumi.errors import InvalidInput

__all__ = ["is_identifier", "segment"]

LONGEST_ID = 200


def is_identifier(value: str) -> bool:
    """Tell whether a text can be an id: it stands in one path segment, on a terminal, and as a command's argument."""
    is_plain = value.isprintable() and value == value.strip() and "/" not in value and not value.startswith("-")
    return is_plain and 0 < len(value) <= LONGEST_ID and value not in {".", ".."}


def segment(identifier: str) -> str:
    """Return an id as a path segment.

    Raises:
        InvalidInput: It would climb out of its path, and a DELETE could meet something else.
    """
    if not is_identifier(identifier):
        raise InvalidInput("an id that AlloMia, the program or the state gave is not one", "Look where it comes from.")
    return quote(identifier, safe="")
