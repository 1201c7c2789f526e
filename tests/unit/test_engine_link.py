"""The watch on the engine: its death is told once, and a channel that never was ready is no death."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from allomia_pulumi.provider.engine import watch_engine

SECONDS = 60


@pytest.mark.catalogue(73)
def test_an_engine_that_was_never_reached_is_no_dead_engine_and_one_that_was_is() -> None:
    # A port that is bound and not listened on refuses every connection.
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        ends: list[bool] = []
        was_refused, was_ready, is_over = threading.Event(), threading.Event(), threading.Event()

        def end() -> None:
            ends.append(was_ready.is_set())
            is_over.set()

        def see(state: grpc.ChannelConnectivity) -> None:
            (was_refused if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE else threading.Event()).set()
            (was_ready if state is grpc.ChannelConnectivity.READY else threading.Event()).set()

        channel = watch_engine(address, end)
        channel.subscribe(see, try_to_connect=True)
        assert was_refused.wait(SECONDS)
        server = grpc.server(ThreadPoolExecutor(1))
        server.add_insecure_port(address)
        server.start()
        assert was_ready.wait(SECONDS)
        server.stop(0).wait()
        assert is_over.wait(SECONDS)
        channel.close()
    assert ends == [True]
