"""Client of the engine: its log, and the watch for its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from allomia_pulumi.ground.redaction import scrub

__all__ = ["EngineLog", "ResourceReporter", "local_channel", "watch_engine"]

LOG_SECONDS = 5.0


def local_channel(address: str) -> grpc.Channel:
    """Open a channel to this machine: gRPC would otherwise take a proxy of the environment for loopback too."""
    return grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])


class EngineLog:
    """The engine's log: messages with a severity, shown on the row of a resource.

    Args:
        address: The engine's address; without one, messages go to stderr, which the engine shows too.
    """

    def __init__(self, address: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(local_channel(address)) if address else None

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
        except (grpc.RpcError, ValueError):
            # An engine that is gone, or a channel that is closed; neither may end the operation that speaks.
            pass
        if severity != engine_pb2.DEBUG:
            # Nor may a stderr that takes nothing, such as one on a full disk: a key may have been made or ended by now.
            with suppress(OSError, ValueError):
                print(f"{engine_pb2.LogSeverity.Name(severity).lower()}: {message}", file=sys.stderr)  # noqa: T201


class ResourceReporter:
    """Show the core's messages on the row of one resource."""

    def __init__(self, log: EngineLog, urn: str) -> None:
        self._log = log
        self._urn = urn

    def warn(self, message: str) -> None:
        """Say something that needs care, though the operation goes on."""
        self._log.warn(scrub(message), self._urn)

    def info(self, message: str) -> None:
        """Say something worth knowing."""
        self._log.info(scrub(message), self._urn)

    def warn_unfinished(self, message: str) -> None:
        """Say what the operation leaves unfinished: a warning where a face has nothing better."""
        self.warn(message)


def watch_engine(address: str, end: Callable[[], None]) -> grpc.Channel:
    """Call `end` once when nothing answers at the engine's address any more: an engine that is killed says nothing.

    The watch lasts as long as somebody keeps the channel that is returned.

    Both are on one machine, so a connection that cannot be had again is no network fault. One that never was tells of
    no death: something on this machine may keep the two apart.
    """
    channel = local_channel(address)
    was_ready, is_over = threading.Event(), threading.Event()

    def note(state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.READY:
            was_ready.set()
        elif not was_ready.is_set():
            return
        elif state is grpc.ChannelConnectivity.IDLE:
            # A connection that broke is not made again unless somebody asks.
            channel.subscribe(_ignore, try_to_connect=True)
        elif state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and not is_over.is_set():
            is_over.set()
            # The callback's own thread is the channel's, and ending closes the channel.
            threading.Thread(target=end, daemon=True).start()

    channel.subscribe(note, try_to_connect=True)
    return channel


def _ignore(_state: grpc.ChannelConnectivity) -> None:
    """Listen to nothing: a subscription is the only public way to ask for a connection."""
