"""The wire under hvac: one deadline for a whole answer, a cap on its size, and no credential but the one we send.

requests bounds each read, so a peer that drips one byte at a time is never late. Here every read of an answer, headers
included, gets what is left of one deadline.
"""

from __future__ import annotations

import io
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from allomia_pulumi.edges.net.body_limits import OversizedBody, read_body
from allomia_pulumi.edges.net.client_defaults import CONNECTIONS, HEADERS, NO_COOKIES
from allomia_pulumi.edges.net.deadline import bounded_timeout
from allomia_pulumi.edges.net.proxies import authorities, proxy_for
from allomia_pulumi.ground.addresses import is_loopback

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer

__all__ = ["build_session"]

CHUNK = 64 * 1024

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables that requests reads."""
SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def build_session(address: str, verify: bool | str) -> requests.Session:
    """Build the session for one host.

    Args:
        address: The host's URL; a loopback address is never reached through a proxy.
        verify: True for the authorities that this machine names, or the public ones that requests brings; or the path
            of a PEM file.

    Raises:
        InvalidConfiguration: This machine names certificates or a proxy that cannot be used.
    """
    session = requests.Session()
    session.trust_env = False
    if proxy := proxy_for(address):
        session.proxies[urlsplit(address).scheme] = proxy.reached(SOCKS, "socks")
    if verify is True and address.startswith("https:") and not is_loopback(address):
        verify = authorities(*AUTHORITIES) or True
    session.auth = _keep_unchanged
    session.cookies.set_policy(NO_COOKIES)
    session.verify = verify
    session.headers.update(HEADERS)
    adapter = _BoundedAdapter(pool_maxsize=CONNECTIONS, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _keep_unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add no credential: without this, requests would take one from `~/.netrc`."""
    return request


class _TimedStream(io.RawIOBase):
    """The bytes of one answer, each read within the deadline."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._bytes = connection.makefile("rb", buffering=0)
        self._has_begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if (left := bounded_timeout(None, TimeoutError)) is not None:
            self._connection.settimeout(left)
        try:
            count = self._bytes.readinto(buffer)
        except ConnectionResetError:
            # A peer that says no before it has read the whole request resets behind its words; they still count.
            if self._has_begun:
                return 0
            raise
        self._has_begun = True
        return count

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _TimedSocket:
    """The one method of a socket that `http.client` needs to read an answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_TimedStream(self._connection))


class _TimedAnswer(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - http.client's own
        super().__init__(_TimedSocket(sock), *arguments, **options)  # type: ignore[arg-type]


class _PlainConnection(HTTPConnection):
    response_class = _TimedAnswer


class _TlsConnection(HTTPSConnection):
    response_class = _TimedAnswer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOL_CLASSES = {"http": _PlainPool, "https": _TlsPool}


class _BoundedAdapter(HTTPAdapter):
    """Adapter that reads each answer to its end at once, within the deadline and the cap."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:  # noqa: ANN401 - requests' own
        manager: PoolManager = super().proxy_manager_for(*arguments, **options)
        if isinstance(manager, ProxyManager):  # a SOCKS manager brings pools of its own
            manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        """Build the answer that requests works with.

        Raises:
            OversizedBody: It is longer than 4 MiB.
            UnreadableBody: It has more in it than can be.
        """
        response = super().build_response(req, resp)
        response.raw = io.BytesIO(_read(resp))
        response.encoding = "utf-8"  # else requests guesses, slowly, when the peer names none
        return response


def _read(raw: BaseHTTPResponse) -> bytes:
    try:
        return read_body(raw.stream(CHUNK, decode_content=False))
    except OversizedBody:
        raw.close()
        raise
