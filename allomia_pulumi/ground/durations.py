"""Durations: as people write them, and as records keep them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from pydantic import ConfigDict, RootModel, TypeAdapter, ValidationError

from allomia_pulumi.errors import InvalidInput

__all__ = ["RecordedDuration", "format_duration", "parse_duration", "recorded_length"]

UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
LONGEST: Final = timedelta(days=36_500)
RECORDED: Final = "the recorded duration"

_SHORT = re.compile(r"([0-9]{1,10})([wdhms])")
_ISO = re.compile(r"P(?!\Z)([0-9]+W)?([0-9]+D)?(T(?!\Z)([0-9]+H)?([0-9]+M)?([0-9]+S)?)?")
_iso_adapter = TypeAdapter(timedelta)


def parse_duration(value: object, what: str) -> timedelta:
    """Parse `90d`, `12h`, `30m`, `45s`, `2w`, or ISO 8601 in whole seconds, without years and months.

    A year and a month have no fixed length, and the record keeps no fractions of a second.

    Raises:
        InvalidInput: It is not a length of time, or longer than a century.
    """
    length = _read(value.strip()) if isinstance(value, str) else None
    if length is None or length > LONGEST:
        raise InvalidInput(f"{what} is not a duration", 'Write it like "90d", "12h", "45s" or "P90D".')
    return length


def format_duration(length: timedelta) -> str:
    """Format a duration in the one form that records keep, so that `24h` and `1d` are no difference."""
    for name, unit in UNITS.items():
        if length >= unit and not length % unit:
            return f"{length // unit}{name}"
    return f"{length // UNITS['s']}s"


def _read(value: str) -> timedelta | None:
    try:
        if found := _SHORT.fullmatch(value):
            return int(found[1]) * UNITS[found[2]]
        return _iso_adapter.validate_python(value) if _ISO.fullmatch(value) else None
    except (OverflowError, ValidationError):
        return None


class RecordedDuration(RootModel[str]):
    """A duration of a record: its text, written back as it was read, and a length for whoever asks.

    Only an edited state has a text that is empty or no duration. A deletion asks for no length, so such a text holds
    up none.
    """

    model_config = ConfigDict(frozen=True)

    @property
    def length(self) -> timedelta:
        """Return the length of time.

        Raises:
            InvalidInput: The text is no duration.
        """
        return parse_duration(self.root, RECORDED) if self.root else timedelta()


def recorded_length(recorded: RecordedDuration | None) -> timedelta:
    """Return the length of a recorded duration; none is no time.

    Raises:
        InvalidInput: Its text is no duration.
    """
    return recorded.length if recorded else timedelta()
