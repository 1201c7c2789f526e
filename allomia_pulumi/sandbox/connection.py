"""The client's connection: whether it is still there, who holds its other end, and how to cut it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope

__all__ = ["Connection", "ConnectionDroppedError", "ObservedProtocol", "connection_of"]

STATE_KEY = "allomia_sandbox_connection"
PROC = Path("/proc")
LOCAL_ADDRESS, REMOTE_ADDRESS, INODE = 1, 2, 9  # columns of /proc/net/tcp
REMEMBERED_PROCESSES = 16

_recent_processes: list[int] = []


class ConnectionDroppedError(Exception):
    """A dropped connection, where there is none to drop: an app called in-process."""


class Connection:
    """One client connection; without a transport it stands for a call in-process."""

    def __init__(self, transport: asyncio.Transport | None = None) -> None:
        self._transport = transport

    @property
    def is_gone(self) -> bool:
        """Whether the client has closed the connection, or we have."""
        return self._transport is not None and self._transport.is_closing()

    @functools.cached_property
    def pid(self) -> int | None:
        """The process at the other end, or None where the machine does not tell."""
        if self._transport is None:
            return None
        client, server = self._transport.get_extra_info("peername"), self._transport.get_extra_info("sockname")
        return _process_of(client[1], server[1]) if client and server else None

    async def drop(self, receive: Receive, *, reset: bool = False) -> None:
        """Close the connection after what was written so far, or `reset` it, and return when it is closed.

        Uvicorn takes an unfinished answer on a closed connection for a client that left, and stays quiet.
        """
        if self._transport is None:
            raise ConnectionDroppedError
        if reset:
            # To linger for no time makes the kernel send a reset when the socket is closed.
            end = self._transport.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


class ObservedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol, which also hands the connection to the app."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make the connection part of the state that uvicorn copies into the scope of each request."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, STATE_KEY: Connection(transport)}

    def shutdown(self) -> None:
        """End the connection as uvicorn does, and do not wait for the rest of a request."""
        super().shutdown()
        if self.cycle is not None and self.cycle.more_body:
            self.transport.close()


def connection_of(scope: Scope) -> Connection:
    """Return the connection of a request."""
    state: dict[str, Any] = scope.get("state") or {}
    connection = state.get(STATE_KEY)
    return connection if isinstance(connection, Connection) else Connection()


def _process_of(client_port: int, server_port: int) -> int | None:
    """Find the process that holds the client's end of a loopback connection, by Linux's /proc."""
    inode = _inode_of(client_port, server_port)
    if inode is None:
        return None
    for pid in _candidates():
        if _holds(pid, f"socket:[{inode}]"):
            if pid in _recent_processes:
                _recent_processes.remove(pid)
            _recent_processes.insert(0, pid)
            del _recent_processes[REMEMBERED_PROCESSES:]
            return pid
    return None


def _inode_of(client_port: int, server_port: int) -> str | None:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                ports = [int(columns[column].rpartition(":")[2], 16) for column in (LOCAL_ADDRESS, REMOTE_ADDRESS)]
                if ports == [client_port, server_port]:
                    return columns[INODE]
    return None


def _candidates() -> Iterator[int]:
    """Yield processes, those that called lately first: a search through all of them is slow."""
    yield from list(_recent_processes)
    yield from (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _holds(pid: int, target: str) -> bool:
    # A process may end while it is being looked at, and another user's does not let us look.
    with contextlib.suppress(OSError):
        return any(_link(entry) == target for entry in (PROC / str(pid) / "fd").iterdir())
    return False


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
