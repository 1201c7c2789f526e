"""A tap between the provider and a real server: it sees every request, and can hold or lose one on the way."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from tools.engine.processes import ToolError

__all__ = ["Hold", "Request", "Side", "Tap"]

REACHED_SECONDS = 60.0
FORWARD_SECONDS = 60.0
POLL_SECONDS = 0.02
# Of one connection only, or set anew here.
NOT_FORWARDED = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


class Side(Enum):
    """Where a request is held: before the server has seen it, or carried out and without its answer."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Request:
    """One request as it came; the path is as on the wire, with its query."""

    method: str
    path: str


@dataclass(eq=False)
class Hold:
    """A request to come, held at one side until it is let go or lost.

    Attributes:
        skip: How many requests that fit pass first.
    """

    method: str
    path: re.Pattern[str]
    side: Side
    skip: int = 0
    _reached: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)
    _is_lost: bool = False

    @property
    def is_reached(self) -> bool:
        """Tell whether the request has come and is, or was, held."""
        return self._reached.is_set()

    def wait(self, seconds: float = REACHED_SECONDS) -> None:
        """Return when the request has come; carried out, if it is held after that.

        Raises:
            ToolError: It has not come in time.
        """
        if not self._reached.wait(seconds):
            raise ToolError(f"No {self.method} {self.path.pattern} came within {seconds:.0f} seconds.")

    def release(self, *, lost: bool = False) -> None:
        """Let the request or its answer go on, or close its connection."""
        self._is_lost = lost
        self._released.set()

    def fits(self, request: Request) -> bool:
        """Tell whether this is a request to hold, and count those that pass first."""
        if request.method != self.method or not self.path.fullmatch(request.path):
            return False
        self.skip -= 1
        return self.skip < 0

    def meet(self) -> bool:
        """Say that the request is here; return, when it is released, whether it goes on."""
        self._reached.set()
        self._released.wait()
        return not self._is_lost


class Tap:
    """A reverse proxy on loopback, for plain HTTP.

    Attributes:
        address: What the client takes for the server.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._holds: list[Hold] = []
        self._met: list[Hold] = []
        self.address = ""

    @classmethod
    @contextmanager
    def open(cls, upstream: str) -> Iterator[Self]:
        """Serve for as long as the context; whatever is still held at its end is lost."""
        tap = cls(upstream)
        with _Server(tap) as server:
            tap.address = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
            thread.start()
            try:
                yield tap
            finally:
                server.shutdown()
                thread.join()
                tap.forget()

    def hold(self, method: str, path: str, side: Side, *, skip: int = 0) -> Hold:
        """Hold the next request whose method, and whose whole path by a regular expression, fit; each only once."""
        hold = Hold(method, re.compile(path), side, skip)
        with self._lock:
            self._holds.append(hold)
        return hold

    def lose(self, method: str, path: str, side: Side) -> None:
        """Close the connection of the next request that fits, without an answer."""
        self.hold(method, path, side).release(lost=True)

    def requests(self) -> list[Request]:
        """Return what has come since the last `forget`, in order."""
        with self._lock:
            return list(self._requests)

    def forget(self) -> None:
        """Forget what has come, and lose what is held."""
        with self._lock:
            held = [*self._holds, *self._met]
            self._requests, self._holds, self._met = [], [], []
        for hold in held:
            hold.release(lost=True)

    def forward(self, request: Request, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Carry a request out and return the answer.

        Raises:
            OSError: The server cannot be reached, or hung up.
            HTTPException: It did not speak HTTP.
        """
        host, port = self._upstream.hostname or "", self._upstream.port
        connection = HTTPConnection(host, port, timeout=FORWARD_SECONDS)
        try:
            connection.request(request.method, request.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def meet(self, request: Request) -> Hold | None:
        """Note a request and return its hold, if it has one."""
        with self._lock:
            self._requests.append(request)
            # All of them count it, also those that come after the one that takes it.
            fitting = [hold for hold in self._holds if hold.fits(request)]
            for hold in fitting[:1]:
                self._holds.remove(hold)
                self._met.append(hold)
            return fitting[0] if fitting else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, tap: Tap) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.tap = tap

    def handle_error(self, *_: object) -> None:
        """Keep quiet: clients that are killed are what this is for."""


class _Exchange(BaseHTTPRequestHandler):
    """The requests of one connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else head and body travel apart, and each answer waits for an acknowledgement
    server: _Server

    def handle_any(self) -> None:
        """Carry one request out, unless it is lost."""
        request = Request(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = True
        hold = self.server.tap.meet(request)
        if hold is not None and hold.side is Side.BEFORE and (not hold.meet() or self._is_client_gone()):
            return
        try:
            status, headers, content = self.server.tap.forward(request, _forwarded(dict(self.headers)), body)
        except (OSError, HTTPException):
            return
        if hold is not None and hold.side is Side.AFTER and not hold.meet():
            return
        self._answer(status, headers, content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_LIST = handle_any  # noqa: N815 - http.server's

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        # The server's own date goes on: it is AlloMia's clock.
        self.send_response_only(status)
        for name, value in _forwarded(headers).items():
            self.send_header(name, value)
        if status >= 200 and status != 204:  # noqa: PLR2004 - these have no body, and so no length
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = False

    def _is_client_gone(self) -> bool:
        """Tell whether the client has hung up: a request that was not sent by then never is."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True


def _forwarded(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}
