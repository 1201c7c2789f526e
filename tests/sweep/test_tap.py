"""The tap of the crash sweep: what it holds is held where it says, and what it loses is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from tests.vaults import answer, stand_in
from tools.engine.processes import ToolError
from tools.engine.tap import Request, Side, Tap

LONG_AGO = "Mon, 01 Jan 2001 00:00:00 GMT"
Paths = Callable[[], list[str]]


@contextmanager
def tapped() -> Iterator[tuple[Tap, Paths]]:
    """Open a tap; the function returns the paths that have come to the server behind it."""
    script = [answer(201, {"made": "it"}, X_Date=LONG_AGO)] * 9
    with stand_in(*script) as server, Tap.open(server.address) as tap:
        yield tap, server.paths


def send(tap: Tap, path: str, method: str = "POST") -> tuple[int, bytes, str | None]:
    with closing(HTTPConnection(urlsplit(tap.address).netloc, timeout=20)) as connection:
        connection.request(method, path, b"{}")
        answered = connection.getresponse()
        return answered.status, answered.read(), answered.getheader("X-Date")


def test_a_request_passes_with_its_answer_as_it_is() -> None:
    with tapped() as (tap, paths):
        assert send(tap, "/keys?page=1") == (201, b'{"made": "it"}', LONG_AGO)
        assert paths() == ["/keys?page=1"]
        assert tap.requests() == [Request("POST", "/keys?page=1")]


@pytest.mark.parametrize(("side", "carried_out"), [(Side.BEFORE, []), (Side.AFTER, ["/keys"])])
def test_a_held_request_is_carried_out_only_after_its_side(side: Side, carried_out: list[str]) -> None:
    with tapped() as (tap, paths), ThreadPoolExecutor() as pool:
        hold = tap.hold("POST", "/keys", side)
        sent = pool.submit(send, tap, "/keys")
        hold.wait()
        assert (paths(), sent.done()) == (carried_out, False)
        hold.release()
        assert sent.result()[0] == 201
        assert paths() == ["/keys"]


@pytest.mark.parametrize(("side", "carried_out"), [(Side.BEFORE, []), (Side.AFTER, ["/keys"])])
def test_a_lost_request_has_no_answer(side: Side, carried_out: list[str]) -> None:
    with tapped() as (tap, paths):
        tap.lose("POST", "/keys", side)
        with pytest.raises(RemoteDisconnected):
            send(tap, "/keys")
        assert paths() == carried_out
        assert send(tap, "/keys")[0] == 201


def test_a_request_whose_sender_is_gone_is_not_carried_out() -> None:
    with tapped() as (tap, paths):
        hold = tap.hold("POST", "/keys", Side.BEFORE)
        connection = HTTPConnection(urlsplit(tap.address).netloc, timeout=20)
        connection.request("POST", "/keys", b"{}")
        hold.wait()
        connection.close()
        hold.release()
        assert send(tap, "/other")[0] == 201
        assert paths() == ["/other"]


def test_a_hold_skips_earlier_requests_also_those_that_are_lost() -> None:
    with tapped() as (tap, _):
        tap.lose("POST", "/keys", Side.AFTER)
        hold = tap.hold("POST", "/keys", Side.BEFORE, skip=2)
        with pytest.raises(RemoteDisconnected):
            send(tap, "/keys")
        assert send(tap, "/keys")[0] == 201
        assert not hold.is_reached
        with ThreadPoolExecutor() as pool:
            sent = pool.submit(send, tap, "/keys")
            hold.wait()
            hold.release()
            assert sent.result()[0] == 201


def test_a_hold_that_nothing_reaches_says_so() -> None:
    with tapped() as (tap, _):
        hold = tap.hold("POST", "/keys", Side.BEFORE)
        send(tap, "/keys", "DELETE")
        with pytest.raises(ToolError, match=r"No POST /keys came within 0 seconds\."):
            hold.wait(0.05)
