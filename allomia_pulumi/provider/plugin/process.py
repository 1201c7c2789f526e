"""Process of the plugin: it announces its port, serves, and ends with its engine."""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TextIO

from allomia_pulumi._version import __version__
from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.provider.plugin.protocol import protocol_alone

__all__ = ["run"]

THREADS: Final = 64
LARGEST_MESSAGE: Final = 400 * 1024 * 1024
"""The engine's own limit: Pulumi sets it on both sides."""
LAST_CALLS_SECONDS: Final = 30.0
WAKE_SECONDS: Final = 0.2
USAGE: Final = f"""\
pulumi-resource-allomia {__version__}: the Pulumi provider of AlloMia's organization API keys.

Pulumi starts it. Say where it is in Pulumi.yaml:

    plugins:
      providers:
        - name: allomia
          path: .venv/bin
"""


def run() -> None:
    """Serve until SIGINT or SIGTERM comes, or the engine is gone."""
    arguments = sys.argv[1:]
    if "--version" in arguments or "--help" in arguments:
        sys.stdout.write(f"{__version__}\n" if "--version" in arguments else USAGE)
        return
    announcing = _take_stdout()
    serve(_engine_address(arguments), announcing)


def serve(engine_address: str | None, announcing: TextIO) -> None:
    """Serve on a free loopback port, which is announced as the only line."""
    # Loaded with stdout already safe from whatever they print.
    with loading(), protocol_alone():
        import grpc  # noqa: PLC0415
        from pulumi.runtime.proto import provider_pb2_grpc  # noqa: PLC0415

        from allomia_pulumi.ground.cancellation import Cancellation  # noqa: PLC0415
        from allomia_pulumi.ground.clock import SystemClock  # noqa: PLC0415
        from allomia_pulumi.provider.engine import EngineLog, watch_engine  # noqa: PLC0415
        from allomia_pulumi.provider.plugin.servicer import Provider  # noqa: PLC0415
        from allomia_pulumi.provider.registry import RESOURCES  # noqa: PLC0415

        # Nearly every stack has such keys.
        RESOURCES[ORGANIZATION_API_KEY].load()
    # What is loaded by now stays, so no search for garbage need look at it.
    gc.freeze()

    cancellation, end = Cancellation(), _End()
    log, has_engine = EngineLog(engine_address), engine_address is not None
    provider = Provider(log, os.environ, SystemClock(cancellation), cancellation, has_engine=has_engine)
    pool = ThreadPoolExecutor(THREADS)
    server = grpc.server(
        pool,
        options=[("grpc.max_receive_message_length", LARGEST_MESSAGE), ("grpc.max_send_message_length", -1)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)

    signal.signal(signal.SIGINT, end.ask)
    signal.signal(signal.SIGTERM, end.ask)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, file=announcing, flush=True)
    # Kept until the process ends, and never closed: that would wait for the channel's poll, a fifth of a second.
    _watch = watch_engine(engine_address, end.ask) if engine_address else None
    end.wait()
    cancellation.request()
    # Calls under way are critical: a key that was asked for is recorded, or revoked. gRPC lets go of them at once when
    # the engine is gone, and its own threads may hold up the interpreter's end.
    last_moment = threading.Timer(LAST_CALLS_SECONDS, os._exit, (0,))
    last_moment.daemon = True
    last_moment.start()
    server.stop(LAST_CALLS_SECONDS).wait()
    pool.shutdown()
    provider.close()
    os._exit(0)


class _End:
    """Request to end this process.

    A signal's handler interrupts its thread anywhere, also where that thread holds a lock, such as that of an `Event`
    it waits for. `SimpleQueue.put` is made for such places.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self, *_: object) -> None:
        """Ask for the end; safe in a signal's handler, and in any thread."""
        self._asked.put(None)

    def wait(self) -> None:
        """Return when somebody has asked."""
        while True:
            # A signal may reach another thread, and its handler runs in this one, when it wakes.
            with suppress(queue.Empty):
                return self._asked.get(timeout=WAKE_SECONDS)


def _take_stdout() -> TextIO:
    """Return stdout for the port alone; whatever else is printed goes to stderr from now on."""
    announcing = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return announcing


def _engine_address(arguments: Sequence[str]) -> str | None:
    """Return the last argument if it is an address; without one, the engine attaches later."""
    last = arguments[-1] if arguments else ""
    return last if last.rpartition(":")[2].isdigit() else None
