"""When AlloMia limits requests, all of a process wait together, and one asks first for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from allomia_pulumi.edges.allomia import HttpClient, TenantClient
from allomia_pulumi.edges.net.rate_limit import LONGEST_SHARED_SECONDS, MOST_SECONDS, Throttle
from allomia_pulumi.errors import Interrupted, Unreachable
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import SystemClock
from tests.allomias import CREATED, KEYS, Credential, page, status
from tests.fakes import FakeClock


@pytest.fixture
def cancellation() -> Cancellation:
    return Cancellation()


@pytest.fixture
def throttle(clock: FakeClock, cancellation: Cancellation) -> Throttle:
    return Throttle(clock, cancellation)


def take(throttle: Throttle) -> None:
    with throttle.turn():
        pass


def test_without_a_limit_nobody_waits(throttle: Throttle, clock: FakeClock) -> None:
    for _ in range(100):
        take(throttle)
        throttle.resume()
    assert clock.slept == []


def test_one_that_is_limited_makes_all_others_wait(throttle: Throttle, clock: FakeClock) -> None:
    throttle.back_off(7)
    take(throttle)
    assert clock.slept == [7]


def test_pauses_without_a_word_grow_while_requests_are_limited_and_end_with_an_answer(
    throttle: Throttle, clock: FakeClock
) -> None:
    for _ in range(7):
        throttle.back_off(None)
        take(throttle)
    assert clock.slept == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    throttle.resume()
    clock.slept.clear()
    take(throttle)
    assert clock.slept == []


def test_requests_that_were_under_way_together_are_limited_once(throttle: Throttle, clock: FakeClock) -> None:
    for _ in range(64):
        throttle.back_off(None)
    take(throttle)
    assert clock.slept == [0.2]


def test_an_answer_from_before_the_pause_does_not_end_it(throttle: Throttle, clock: FakeClock) -> None:
    throttle.back_off(3)
    throttle.resume()
    take(throttle)
    assert clock.slept == [3]


def test_a_long_wait_is_the_limited_requests_own(throttle: Throttle, clock: FakeClock) -> None:
    throttle.back_off(LONGEST_SHARED_SECONDS + 1)
    take(throttle)
    assert clock.slept == []


def test_while_one_asks_the_others_wait_and_not_for_ever(throttle: Throttle, clock: FakeClock) -> None:
    throttle.back_off(1)
    with throttle.turn():
        take(throttle)
    assert sum(clock.slept) == pytest.approx(1 + MOST_SECONDS)


def test_one_that_gets_no_answer_at_all_lets_the_next_one_ask(throttle: Throttle, clock: FakeClock) -> None:
    throttle.back_off(1)
    with pytest.raises(Unreachable), throttle.turn():
        raise Unreachable("gone", was_sent=True)
    with throttle.turn():
        assert clock.slept == [1]


def test_nobody_waits_once_the_run_is_being_stopped(
    throttle: Throttle, clock: FakeClock, cancellation: Cancellation
) -> None:
    throttle.back_off(5)
    cancellation.request()
    take(throttle)
    assert clock.slept == []


def test_a_key_that_waits_for_its_turn_is_not_asked_for_when_the_run_is_stopped(
    clock: FakeClock, cancellation: Cancellation
) -> None:
    requests: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        requests.append(request.method)
        cancellation.request()
        return httpx.Response(201, json=CREATED) if request.method == "POST" else page()

    http = HttpClient("https://allomia.example", clock, cancellation, transport=httpx.MockTransport(serve))
    client = TenantClient(http, Credential(), KEYS)
    client.list_keys("org")
    with pytest.raises(Interrupted, match="before making key ehr"):
        client.mint_key("org", "ehr")
    assert requests == ["GET"]


@pytest.mark.catalogue(14)
def test_sixty_four_threads_ask_one_at_a_time_while_they_are_limited() -> None:
    """The server limits all that are under way, and then the first two that ask again."""
    lock, all_there = threading.Lock(), threading.Barrier(64)
    refused: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        with lock:
            is_refused = len(refused) < 66
            is_first_wave = len(refused) < 64
            refused.extend([request.url.path] * is_refused)
        if is_first_wave:
            all_there.wait(timeout=60)
        return status(429) if is_refused else page()

    http = HttpClient("https://allomia.example", SystemClock(), Cancellation(), transport=httpx.MockTransport(serve))
    client = TenantClient(http, Credential(), KEYS)
    with ThreadPoolExecutor(64) as pool:
        lists = list(pool.map(client.list_keys, [f"org-{number}" for number in range(64)]))
    assert (len(lists), len(refused)) == (64, 66)
