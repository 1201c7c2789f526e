"""The time zones that AlloMia documents for an organization."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, TypeAlias

__all__ = ["TIMEZONES", "Timezone", "TimezoneName"]


class Timezone(StrEnum):
    """A time zone that AlloMia documents, by its city: what `pulumi import` prints. Its IANA name says the same."""

    NEW_YORK = "America/New_York"
    CHICAGO = "America/Chicago"
    DENVER = "America/Denver"
    LOS_ANGELES = "America/Los_Angeles"
    ANCHORAGE = "America/Anchorage"
    HONOLULU = "Pacific/Honolulu"
    PHOENIX = "America/Phoenix"
    TORONTO = "America/Toronto"
    VANCOUVER = "America/Vancouver"
    EDMONTON = "America/Edmonton"
    WINNIPEG = "America/Winnipeg"
    HALIFAX = "America/Halifax"
    ST_JOHNS = "America/St_Johns"
    LONDON = "Europe/London"
    PARIS = "Europe/Paris"
    HELSINKI = "Europe/Helsinki"
    DUBAI = "Asia/Dubai"
    SHANGHAI = "Asia/Shanghai"
    TOKYO = "Asia/Tokyo"
    SYDNEY = "Australia/Sydney"
    AUCKLAND = "Pacific/Auckland"


TimezoneName: TypeAlias = Literal[
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
"""A documented time zone by its IANA name, for editors to offer."""

TIMEZONES: Final = tuple(each.value for each in Timezone)
"""All of them, in AlloMia's order."""
