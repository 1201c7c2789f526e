"""Names of time zones, as far as this machine has a list of them."""

from __future__ import annotations

import zoneinfo
from functools import cache

__all__ = ["known_timezones"]


@cache
def known_timezones() -> frozenset[str]:
    """Return the IANA names that this machine knows; empty where there is no list, as in small container images."""
    try:
        return frozenset(zoneinfo.available_timezones())
    except (OSError, ImportError):
        return frozenset()
