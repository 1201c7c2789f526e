"""What the HTTP clients of both edges send with every request, and what they keep."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Final

from allomia_pulumi._version import __version__

__all__ = ["CONNECTIONS", "HEADERS", "NO_COOKIES"]

CONNECTIONS: Final = 64

HEADERS: Final = {"User-Agent": f"allomia-pulumi/{__version__}", "Accept-Encoding": "identity"}

NO_COOKIES: Final = DefaultCookiePolicy(allowed_domains=[])
"""One jar would carry what one credential was answered to the next credential's requests."""
