"""Ids and lineages: what such a text has to be, so that whatever a person did to it is refused."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

__all__ = ["BASE32", "LINEAGE_LENGTH", "Identifier", "Lineage", "is_identifier", "is_lineage"]

BASE32: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""The digits of a mark: lower-case Crockford base32."""
LINEAGE_LENGTH: Final = 6
LONGEST_ID: Final = 200


def is_identifier(value: str) -> bool:
    """Tell whether a text can be an id: it stands in one path segment, on a terminal, and as a command's argument."""
    is_plain = value.isprintable() and value == value.strip() and "/" not in value and not value.startswith("-")
    return is_plain and 0 < len(value) <= LONGEST_ID and value not in {".", ".."}


def is_lineage(value: object) -> bool:
    """Tell whether a value is a lineage as a mark has it."""
    return isinstance(value, str) and re.fullmatch(f"[{BASE32}]{{{LINEAGE_LENGTH}}}", value) is not None


def _recorded_id(value: str) -> str:
    if not value.isprintable():
        raise ValueError("is no id")
    return value


def _lineage(value: str) -> str:
    if not is_lineage(value):
        raise ValueError("is no lineage")
    return value


Lineage = Annotated[str, AfterValidator(_lineage)]
Identifier = Annotated[str, AfterValidator(_recorded_id)]
"""A recorded id: it can stand in a message. It need not be one by `is_identifier`, which decides what may be sent: a
state with an odd id has to be readable all the same."""
