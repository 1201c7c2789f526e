"""Moments: the text that outputs and records have, and the moments that AlloMia and Vault may tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

__all__ = ["AllomiaMoment", "RecordedMoment", "VaultMoment", "believable", "format_moment"]

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2400
FIRST_OF_ALLOMIA: Final = datetime(2000, 1, 1, tzinfo=UTC)
LAST_OF_ALLOMIA: Final = datetime(2200, 1, 1, tzinfo=UTC)


def format_moment(moment: datetime) -> str:
    """Format a moment as outputs and messages have it: ISO 8601 in UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def believable(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC, or None for one at which AlloMia cannot have done something."""
    return moment.astimezone(UTC) if moment and FIRST_OF_ALLOMIA <= moment <= LAST_OF_ALLOMIA else None


def _recorded(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError("is no moment")
    return value


def _of_allomia(value: datetime) -> datetime:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    if believable(moment) is None:
        raise ValueError("is no moment at which AlloMia did something")
    return moment.astimezone(UTC)


def _of_vault(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment at which Vault did something") from None


RecordedMoment = Annotated[str, AfterValidator(_recorded)]
"""The text of a moment with a zone. A person may have edited it, so the range is wide: only so far from the calendar's
ends that durations can be added to it."""

AllomiaMoment = Annotated[datetime, AfterValidator(_of_allomia)]
"""A moment that AlloMia tells, in UTC; without a zone it is UTC, as in every documented example. The range is narrow:
rotation counts from it, and a wrong clock would rotate at once, or never."""

VaultMoment = Annotated[AwareDatetime, AfterValidator(_of_vault)]
"""A moment that Vault tells, in UTC. It has any year of the calendar: Vault lets a version expire whenever somebody
wants it to, and nothing is added to it."""
