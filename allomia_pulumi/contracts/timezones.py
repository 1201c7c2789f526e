"""The time zones that AlloMia documents for an organization."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

__all__ = ["TIMEZONES", "Timezone"]

Timezone: TypeAlias = Literal[
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Phoenix",
    "America/Toronto",
    "America/Vancouver",
    "America/Edmonton",
    "America/Winnipeg",
    "America/Halifax",
    "America/St_Johns",
    "Europe/London",
    "Europe/Paris",
    "Europe/Helsinki",
    "Asia/Dubai",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
]
"""A documented time zone, by its IANA name."""

TIMEZONES: Final[tuple[str, ...]] = get_args(Timezone)
"""All of them, in AlloMia's order."""
