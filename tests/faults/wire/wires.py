"""A TCP proxy that does to a connection what networks do: cuts, resets, stalls and slices, in one direction."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Trouble:
    """What happens to a connection from the first request on whose first line holds `when`.

    Attributes:
        act: `cut` closes both sides, `reset` does so by RST, `stall` holds everything back for ever, `slice` lets one
            byte pass at a time.
        toward: The direction that meets it.
        after: How many bytes pass first, counted from that request on.
        seconds: The pause between two slices.
        times: How many connections meet it.
    """

    act: Literal["cut", "reset", "stall", "slice"]
    toward: Literal["server", "client"] = "client"
    when: bytes = b""
    after: int = 0
    seconds: float = 0.02
    times: int = 1


@dataclass
class _Line:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    trouble: Trouble | None
    passed: int = 0
    is_reset: bool = False


class Wire:
    """A running proxy.

    Attributes:
        address: What a client takes for the server's URL.
        met: How many connections met a trouble.
    """

    def __init__(self, upstream: str, *troubles: Trouble) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 0)
        self._left = [trouble for trouble in troubles for _ in range(trouble.times)]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._ended = threading.Event()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.met = 0
        self.address = f"{parts.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            self._sockets += [client, server]
            line = _Line(client, server, None)
            for source, target, toward in ((client, server, "server"), (server, client, "client")):
                threading.Thread(target=self._pump, args=(line, source, target, toward), daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            _hang_up(each)

    def _pump(self, line: _Line, source: socket.socket, target: socket.socket, toward: str) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if toward == "server":
                    self._arm(line, data)
                if not self._pass(line, target, toward, data):
                    return
        if not line.is_reset:
            for each in (source, target):
                _hang_up(each)

    def _arm(self, line: _Line, request: bytes) -> None:
        """Let this connection meet the next trouble that fits the request."""
        with self._lock:
            fitting = next((trouble for trouble in self._left if trouble.when in request.partition(b"\r\n")[0]), None)
            if line.trouble is None and fitting is not None:
                self._left.remove(fitting)
                self.met += 1
                line.trouble, line.passed = fitting, 0

    def _pass(self, line: _Line, target: socket.socket, toward: str, data: bytes) -> bool:
        trouble = line.trouble
        if trouble is None or trouble.toward != toward:
            target.sendall(data)
            return True
        room = max(0, trouble.after - line.passed)
        target.sendall(data[:room])
        line.passed += min(room, len(data))
        if not (rest := data[room:]):
            return True
        if trouble.act == "slice":
            for position in range(len(rest)):
                target.sendall(rest[position : position + 1])
                if self._ended.wait(trouble.seconds):
                    return False
            return True
        if trouble.act == "stall":
            self._ended.wait()
        if trouble.act == "reset":
            line.is_reset = True
        for each in (line.client, line.server):
            if line.is_reset:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RD)  # the other direction waits here, and a waiter keeps a socket open
                each.close()
            else:
                _hang_up(each)
        return False


@contextmanager
def wire(upstream: str, *troubles: Trouble) -> Iterator[Wire]:
    """Proxy one server for as long as the context; each trouble is met by as many connections as it says."""
    proxy = Wire(upstream, *troubles)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
