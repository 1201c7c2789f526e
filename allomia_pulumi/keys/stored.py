"""What a record's texts have to be, so that whatever a person did to a state is refused and not stumbled over."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator

__all__ = ["Identifier", "Moment"]

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


Moment = Annotated[str, AfterValidator(_moment)]
Identifier = Annotated[str, AfterValidator(_identifier)]
