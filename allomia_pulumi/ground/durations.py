"""Durations: as people write them, and as records keep them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from allomia_pulumi.errors import InvalidInput

__all__ = ["RecordedDuration", "format_duration", "parse_duration"]

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


class _Written(timedelta):
    """A recorded duration in another form than ours: it keeps its text, and is equal to the same text only."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class _Unreadable(_Written):
    """A recorded text that is no duration: it is kept, and refused where its length is asked for."""

    def __bool__(self) -> bool:
        return bool(parse_duration(self.text, RECORDED))


def _parse_recorded(value: object) -> timedelta:
    """Parse a duration of a record; only an edited state has one that is empty, not in our form, or none at all."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("is no duration")  # noqa: TRY004 - pydantic takes no TypeError for an answer
    written: _Written
    try:
        length = parse_duration(value, RECORDED) if value else timedelta()
    except InvalidInput:
        # A deletion asks for no length, and must not fail for one. Whoever reckons with it all the same overflows.
        written = _Unreadable(timedelta.max.days)
    else:
        if format_duration(length) == value:
            return length
        written = _Written(length.days, length.seconds)
    written.text = value
    return written


def _format_recorded(length: timedelta) -> str:
    return length.text if isinstance(length, _Written) else format_duration(length)


RecordedDuration = Annotated[
    timedelta, PlainValidator(_parse_recorded), PlainSerializer(_format_recorded, return_type=str)
]
"""A duration of a record: parsed once, when the record is read, and written with the text that it was read from.

A text that is no duration raises `InvalidInput` by its truth value, which every rule asks for first.
"""
