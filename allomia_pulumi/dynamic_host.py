"""What the dynamic face needs of its host process: the engine's log, and enough threads.

Pulumi's dynamic server offers neither: it passes no engine to providers and serves with four threads. Both are reached
here through what the process happens to have, so both do without when it is not there.
"""

from __future__ import annotations

import functools
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

__all__ = ["THREADS", "EngineLog", "widen_thread_pool"]

THREADS = 64
LOG_SECONDS = 5.0


class EngineLog:
    """The engine's log: messages with a severity, shown on the row of a resource.

    Args:
        address: The engine's address; without one, messages go to stderr, which the engine shows too.
    """

    def __init__(self, address: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    @classmethod
    @functools.cache
    def of_this_process(cls) -> Self:
        """Return the log of the engine that started this process: its address is the last argument."""
        last = sys.argv[-1]
        return cls(last if last.rpartition(":")[2].isdigit() else None)

    def warn(self, message: str, urn: str = "") -> None:
        """Say something that needs care."""
        self._send(engine_pb2.WARNING, message, urn)

    def info(self, message: str, urn: str = "") -> None:
        """Say something worth knowing."""
        self._send(engine_pb2.INFO, message, urn)

    def debug(self, message: str, urn: str = "") -> None:
        """Say something that `--debug` shows."""
        self._send(engine_pb2.DEBUG, message, urn)

    def _send(self, severity: engine_pb2.LogSeverity.ValueType, message: str, urn: str) -> None:
        try:
            if self._engine is not None:
                request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn)
                self._engine.Log(request, timeout=LOG_SECONDS)
                return
        except grpc.RpcError:
            pass
        if severity != engine_pb2.DEBUG:
            print(f"{engine_pb2.LogSeverity.Name(severity).lower()}: {message}", file=sys.stderr)  # noqa: T201


def widen_thread_pool(engine: EngineLog) -> None:
    """Give the server that runs this thread 64 threads instead of four; do without when it is not found."""
    me = threading.current_thread()
    for candidate in gc.get_objects():
        # Asking a dead weak reference for its class fails; asking for its type does not.
        if issubclass(type(candidate), ThreadPoolExecutor) and me in getattr(candidate, "_threads", ()):
            candidate._max_workers = max(THREADS, candidate._max_workers)  # noqa: SLF001 - there is no public way
            return
    engine.debug("the dynamic server's thread pool was not found, so it keeps its own number of threads")
