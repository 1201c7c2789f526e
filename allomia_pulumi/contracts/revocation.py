"""Answers to the deletion of a key, as an edge words them for the core."""

from __future__ import annotations

from enum import Enum

__all__ = ["Revocation"]


class Revocation(Enum):
    """An answer to a deletion; only the first says that this key is gone."""

    CONFIRMED = "a 200 that names the key"
    ACCEPTED = "another 2xx: nothing tells that it was done"
    ABSENT = "a 404: there is no such key, or it is gone"
