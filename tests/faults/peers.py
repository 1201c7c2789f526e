"""A peer that speaks bytes: whatever it likes to send, once somebody has asked."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

RUDE_BYTES = 100 * 1024 * 1024
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")

Act = Callable[["Peer", socket.socket], None]


class Peer:
    """A listening socket whose every connection meets the same act, once for each request.

    Attributes:
        requests: What was asked, as it came.
        sent: How many bytes went out at most.
    """

    def __init__(self, act: Act, tls: ssl.SSLContext | None = None) -> None:
        self._act = act
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.requests: list[bytes] = []
        self.sent = 0
        self.ended = threading.Event()
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def send(self, connection: socket.socket, data: bytes) -> None:
        connection.sendall(data)
        self.sent += len(data)

    def count(self, expected: int) -> int:
        """Return how many requests came, once those that are expected have had the time to be read."""
        until = time.monotonic() + 5
        while len(self.requests) < expected and time.monotonic() < until:
            time.sleep(0.01)
        return len(self.requests)

    def methods(self) -> list[str]:
        return [request.partition(b" ")[0].decode() for request in self.requests]

    def _meet(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            plain.settimeout(10)
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                self.requests.append(_read_request(connection))
                self._act(self, connection)


@contextmanager
def peer(act: Act, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Serve one act for as long as the context."""
    server = Peer(act, tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def says(data: bytes) -> Act:
    """Send these bytes and close."""
    return lambda server, connection: server.send(connection, data)


def answers(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> Act:
    """Answer properly; `_` in a header's name stands for `-`."""
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return says(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)


def repeats(head: bytes, piece: bytes, most: int = RUDE_BYTES, pause: float = 0) -> Act:
    """Send a head, then a piece again and again: at most that many bytes, or for as long as somebody listens."""

    def act(server: Peer, connection: socket.socket) -> None:
        server.send(connection, head)
        while server.sent < most and not server.ended.wait(pause):
            server.send(connection, piece)

    return act


def is_mute(server: Peer, connection: socket.socket) -> None:  # noqa: ARG001 - it says nothing
    """Say nothing for ever."""
    server.ended.wait()


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (data := connection.recv(65536)):
            return request
        request += data
    head, _, body = request.partition(b"\r\n\r\n")
    found = LENGTH.search(head)
    missing = int(found[1]) - len(body) if found else 0
    while missing > 0 and (data := connection.recv(missing)):
        request += data
        missing -= len(data)
    return request
