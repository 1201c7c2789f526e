"""Run the sandbox on a loopback port, quietly."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from allomia_pulumi.sandbox.announcement import Serving, for_programs
from allomia_pulumi.sandbox.app import build_app
from allomia_pulumi.sandbox.connection import ObservedProtocol
from allomia_pulumi.sandbox.world import Sandbox, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["ServeError", "serve"]

FIRST_TENANT = "Sandbox tenant"
FIRST_ORGANIZATION = "Valley Health Clinic"
# Longer than any client keeps an idle connection, so that none is closed under a request on its way.
KEEP_ALIVE_SECONDS = 90
SHUTDOWN_SECONDS = 2
LATE_SECONDS = 0.1
PORT_HINT = "End the sandbox that may run there, or take a free port: --port 0."
FILE_HINT = "Delete it if a sandbox that has ended left it there, or name another file."


class ServeError(Exception):
    """The sandbox cannot start; the text is one line and says why.

    Attributes:
        hint: The next step, as a sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    tenant_key_file: Path | None = None,
    *,
    key_endpoints: bool = True,
    announce: Callable[[Serving], str] = for_programs,
) -> None:
    """Serve a fresh sandbox until SIGINT or SIGTERM.

    `announce` words what is printed once it really listens; the first line names the address. With `tenant_key_file`,
    the key of the first tenant is written there (mode 0600, no newline) and removed at the end; it is never printed.
    Without `key_endpoints` it begins as the real service is today.

    Raises:
        ServeError: The host is not loopback, the port is taken, or the file is there already or cannot be written.
    """
    address = _loopback(host)
    sandbox = Sandbox(settings=Settings(key_endpoints=key_endpoints))
    tenant, key = sandbox.world.store.add_tenant(FIRST_TENANT)
    organization = sandbox.world.store.add_organization(tenant, FIRST_ORGANIZATION)
    with _listen(address, port) as listener, _private(tenant_key_file, key):
        _end_with_the_terminal()
        url = f"http://{_authority(address, listener.getsockname()[1])}"
        serving = Serving(url, tenant_key_file, organization.id, organization.name, key_endpoints)
        _Server(sandbox, announce(serving)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn without its log lines, announced by ours."""

    def __init__(self, sandbox: Sandbox, announcement: str) -> None:
        super().__init__(
            uvicorn.Config(
                build_app(sandbox),
                loop="asyncio",
                http=ObservedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._sandbox = sandbox
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._announcement, flush=True)  # noqa: T201 - whoever started us waits for this line

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._sandbox.closing.set()
        ending = asyncio.create_task(self._end_late_connections())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _end_late_connections(self) -> None:
        """End connections that were accepted while uvicorn told the others to end."""
        while True:
            await asyncio.sleep(LATE_SECONDS)
            for connection in list(self.server_state.connections):
                if not connection.transport.is_closing():
                    connection.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        # Uvicorn would raise the signal again after the shutdown; here a signal is the ordinary way to end.
        self.force_exit = self.should_exit
        self.should_exit = True


def _end_with_the_terminal() -> None:
    """Let the end of the terminal end the sandbox as SIGTERM does, so that nothing is left behind."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _loopback(host: str) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ServeError("the sandbox serves on a loopback address only, such as 127.0.0.1") from None
    if not address.is_loopback:
        raise ServeError(f"the sandbox serves on a loopback address only, and {address} is not one")
    return str(address)


def _authority(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not a port number"
        raise ServeError(f"cannot listen on port {port} of {address}: {reason}", PORT_HINT) from None


@contextlib.contextmanager
def _private(path: Path | None, text: str) -> Iterator[None]:
    """Keep a text in a new file, for this user only, as long as the context; what is there already is not touched.

    Raises:
        ServeError: Something is there, or it cannot be written.
    """
    if path is None:
        yield
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ServeError(f"{path} is there already, and was not overwritten", FILE_HINT) from None
    except OSError as error:
        raise ServeError(f"cannot write the tenant key to {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield
    finally:
        with contextlib.suppress(OSError):
            # What somebody else has put there since need not be text.
            if path.read_bytes() == text.encode():
                path.unlink()
