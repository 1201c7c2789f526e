"""What this machine says of proxies and certificates: the same proxy for both edges, and its faults by their names."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.addresses import is_loopback

__all__ = ["Proxy", "authorities", "check_certificates", "proxy_for"]

PORTS: Final = {"http": 80, "https": 443}
PROXY_HINT: Final = "Write it like http://HOST:PORT, or add the address to NO_PROXY."


@dataclass(frozen=True)
class Proxy:
    """A proxy that this machine wants for an address.

    Attributes:
        url: Where it is; it may hold a password.
        source: Who says so, for messages.
    """

    url: str = field(repr=False)
    source: str

    def reached(self, schemes: Collection[str], package: str) -> str:
        """Return the URL, if it can be reached.

        Args:
            schemes: The kinds of SOCKS that can be spoken.
            package: What speaks them, where it is installed.

        Raises:
            InvalidConfiguration: It is no URL of a proxy, or speaks what nothing here does.
        """
        scheme = self.url.partition("://")[0].lower()
        if not scheme.startswith("socks"):
            if scheme not in PORTS or not _has_host(self.url):
                raise InvalidConfiguration(f"{self.source} is not the URL of a proxy", PROXY_HINT)
            return self.url
        if scheme not in schemes or not _has_host(self.url):
            raise InvalidConfiguration(f"{self.source} names a kind of SOCKS proxy that is not served", PROXY_HINT)
        if find_spec(package) is None:
            raise InvalidConfiguration(
                f"{self.source} names a SOCKS proxy, and the Python package that speaks to one is not installed",
                f"Install the module {package} beside this package, name an http proxy, or add the host to NO_PROXY.",
            )
        return self.url


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for an address; none for this machine, and for what `NO_PROXY` excepts."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)
    if is_loopback(url) or _is_excepted(host, port):
        return None
    proxies = getproxies()
    name = next((name for name in (parts.scheme, "all") if proxies.get(name)), None)
    if name is None:
        return None
    value = proxies[name].strip()
    variables = (f"{name}_proxy", f"{name}_proxy".upper())
    variable = next((each for each in variables if os.environ.get(each, "").strip() == value), None)
    source = f"environment variable {variable}" if variable else "the proxy in this system's settings"
    return Proxy(value if "://" in value else f"http://{value}", source)


def authorities(*variables: str) -> str | None:
    """Return the file or folder of certificates that the first variable names which is set.

    Raises:
        InvalidConfiguration: There is none, or it has no certificates.
    """
    variable = next((each for each in variables if os.environ.get(each)), None)
    if variable is None:
        return None
    check_certificates(os.environ[variable], f"environment variable {variable}")
    return os.environ[variable]


def check_certificates(path: str, source: str) -> None:
    """See that certificates can be read; a library would complain later, with the path.

    Raises:
        InvalidConfiguration: They cannot.
    """
    if Path(path).is_dir():
        return
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as problem:
        what = "no PEM file of certificates" if Path(path).is_file() else "a file that is not there"
        if isinstance(problem, PermissionError):
            what = "a file that may not be read"
    else:
        return
    raise InvalidConfiguration(
        f"{source} names {what}",
        "Name the PEM file of the authority that signed the server's certificate, or of the proxy that opens TLS.",
    )


def _is_excepted(host: str, port: int) -> bool:
    """Tell whether `NO_PROXY` excepts a host: by name, ending, address, `host:port` or network."""
    spellings = (host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}")
    if any(proxy_bypass(spelling) for spelling in spellings):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    return any(
        entry == "*" or (entry.startswith("*.") and host.endswith(entry[1:])) or _is_within(address, entry)
        for entry in map(str.strip, getproxies_environment().get("no", "").lower().split(","))
    )


def _is_within(address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, network: str) -> bool:
    try:
        return address is not None and address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
