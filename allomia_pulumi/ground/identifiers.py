"""What a record's texts have to be, so that whatever a person did to a state is refused and not stumbled over."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator

__all__ = ["BASE32", "LINEAGE_LENGTH", "Identifier", "Lineage", "Moment", "is_lineage"]

BASE32: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""The digits of a mark: lower-case Crockford base32."""
LINEAGE_LENGTH: Final = 6

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2400


def _moment(value: str) -> str:
    """Accept a moment with a zone, far enough from the calendar's ends that durations can be added to it."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("is no moment")
    return value


def _identifier(value: str) -> str:
    """Accept an id that can stand in a message."""
    if not value.isprintable():
        raise ValueError("is no id")
    return value


def is_lineage(value: object) -> bool:
    """Tell whether a value is a lineage as a mark has it."""
    return isinstance(value, str) and re.fullmatch(f"[{BASE32}]{{{LINEAGE_LENGTH}}}", value) is not None


def _lineage(value: str) -> str:
    if not is_lineage(value):
        raise ValueError("is no lineage")
    return value


Lineage = Annotated[str, AfterValidator(_lineage)]
Moment = Annotated[str, AfterValidator(_moment)]
Identifier = Annotated[str, AfterValidator(_identifier)]
