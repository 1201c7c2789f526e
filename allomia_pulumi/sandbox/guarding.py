"""Access control of the sandbox: programs of this machine may call it, and no web page that its browser shows.

A page can send requests to loopback, and by a name of its own that resolves to loopback it can read the answers too.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.datastructures import Headers

__all__ = ["is_from_here"]


def is_from_here(headers: Headers) -> bool:
    """Tell whether a request names this machine by a loopback name, and comes from no other site."""
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or not _is_loopback(f"http://{hosts[0]}"):
        return False
    return all(origin == f"http://{hosts[0]}" for origin in origins)


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
