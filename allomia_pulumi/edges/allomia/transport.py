"""The wire under httpx: one deadline for a whole exchange, no credential to another host, a cap on answers.

httpx bounds each read, so a peer that drips one byte at a time is never late. Here every read, write and connect of an
exchange gets what is left of one deadline, headers included.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a connection would load it, and what it needs, by the program's search path
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from allomia_pulumi.edges.net.body_limits import is_modest
from allomia_pulumi.edges.net.deadline import seconds_left
from allomia_pulumi.edges.net.proxies import authorities, proxy_for

__all__ = ["UnreadableBody", "build_transport", "read_body"]

CONNECTIONS = 64
LARGEST_BODY = 4 * 1024 * 1024

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that httpx reads."""
SOCKS = ("socks5", "socks5h")


class UnreadableBody(Exception):
    """The answer is longer or has more in it than any of AlloMia's, or is packed although we asked for none of that."""


def build_transport(base_url: str) -> httpx.HTTPTransport:
    """Build the transport for one host; loopback is never reached through a proxy.

    Raises:
        InvalidConfiguration: This machine names certificates or a proxy that cannot be used.
    """
    proxy = proxy_for(base_url)
    # Plain http, which is for loopback only, needs no certificates, and reading them takes longer than some requests;
    # a context without any trusts nobody.
    verify: ssl.SSLContext | bool = True
    if urlsplit(base_url).scheme == "http":
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        authorities(*AUTHORITIES)
    transport = httpx.HTTPTransport(
        verify=verify,
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        proxy=proxy.reached(SOCKS, "socksio") if proxy else None,
    )
    # httpx offers no argument for httpcore's documented network backend; a test notices if this place moves.
    pool: Any = transport._pool  # noqa: SLF001
    pool._network_backend = _DeadlineBackend(pool._network_backend)  # noqa: SLF001
    return transport


def read_body(response: httpx.Response) -> bytes:
    """Read a streamed answer to its end; a packed one is not unpacked, since it could become of any size.

    Raises:
        UnreadableBody: It is longer than 4 MiB, has more in it than can be, or is packed.
    """
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnreadableBody
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST_BODY:
            raise UnreadableBody
    if not is_modest(body):
        raise UnreadableBody
    return bytes(body)


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    """Return the shorter of a single timeout and what the deadline leaves."""
    left = seconds_left()
    if left is None:
        return timeout
    if left <= 0:
        raise late("the time for this request is over")
    return left if timeout is None else min(timeout, left)


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
