"""The wire under httpx: one deadline for request and answer, no credential to another host, a cap on answers.

httpx bounds each read, so a peer that drips one byte at a time is never late. Here every connect, write and read gets
what is left of one deadline, headers included.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a connection would load it, and what it needs, by the program's search path
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from allomia_pulumi.edges.net.body_limits import UnreadableBody, read_body
from allomia_pulumi.edges.net.client_defaults import CONNECTIONS
from allomia_pulumi.edges.net.deadline import bounded_timeout
from allomia_pulumi.edges.net.proxies import authorities, proxy_for

__all__ = ["build_transport", "read_response"]

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that httpx reads."""
SOCKS = ("socks5", "socks5h")


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


def read_response(response: httpx.Response) -> bytes:
    """Read a streamed answer to its end; a packed one is not unpacked, since it could become of any size.

    Raises:
        UnreadableBody: It is longer than 4 MiB, has more in it than can be, or is packed.
    """
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnreadableBody
    return read_body(response.iter_bytes())


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
        left = bounded_timeout(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, bounded_timeout(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, bounded_timeout(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = bounded_timeout(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
