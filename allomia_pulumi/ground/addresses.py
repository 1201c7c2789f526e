"""Addresses of services: base URLs that carry no credential in clear, and whether a host is this machine."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from allomia_pulumi.errors import InvalidConfiguration

__all__ = ["is_in_clear", "is_loopback", "parse_base_url"]

HOST_PATTERN: Final = re.compile(
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
    r"|\[(?P<ip>[0-9A-Fa-f:.]+)\])(:[0-9]{1,5})?"
)
IPV6: Final = 6


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_in_clear(url: str) -> bool:
    """Tell whether what is sent to a URL can be read on its way."""
    return urlsplit(url).scheme.lower() == "http" and not is_loopback(url)


def parse_base_url(value: str, source: str, *, may_be_in_clear: bool = False, hint: str = "Use https.") -> str:
    """Return a base URL, trimmed, that cannot carry a credential in clear, unless that is allowed.

    Raises:
        InvalidConfiguration: It is none; the message names its source.
    """
    address = value.strip()
    try:
        # urlsplit leaves out what it does not like, so that the text to keep would be another than the one looked at.
        parts = urlsplit(address)
        is_url = bool(parts.hostname) and parts.port != 0 and address.isprintable() and " " not in address
    except ValueError:
        parts, is_url = urlsplit(""), False
    if not is_url or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidConfiguration(f"{source} is not a base URL", "Write it like https://allomia.com.")
    if not _is_plain_host(parts.netloc):
        raise InvalidConfiguration(
            f"{source} has a host that is neither a name of ASCII letters, digits, dots and dashes nor an IP address",
            "Write it like https://allomia.com or https://[::1]:8200; a name with an underscore, or in other letters, "
            "needs another one.",
        )
    if not may_be_in_clear and is_in_clear(address):
        raise InvalidConfiguration(
            f"{source} is an http address off this machine, and credentials would travel in clear", hint
        )
    return address.rstrip("/")


def _is_plain_host(authority: str) -> bool:
    """Tell whether everybody reads the same host in it: what libraries do with other characters differs."""
    found = HOST_PATTERN.fullmatch(authority)
    if found is None or not found["ip"]:
        return found is not None
    try:
        return ipaddress.ip_address(found["ip"]).version == IPV6
    except ValueError:
        return False
