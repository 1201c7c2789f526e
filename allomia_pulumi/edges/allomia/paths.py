"""Ids in paths: one segment each, whoever gave them."""

from __future__ import annotations

from urllib.parse import quote

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.identifiers import is_identifier

__all__ = ["segment"]


def segment(identifier: str) -> str:
    """Return an id as a path segment.

    Raises:
        InvalidInput: It would climb out of its path, and a DELETE could meet something else.
    """
    if not is_identifier(identifier):
        raise InvalidInput("an id that AlloMia, the program or the state gave is not one", "Look where it comes from.")
    return quote(identifier, safe="")
