"""Lists are read ahead for organizations that a program declares keys for, as far as the run asks for lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.core.read_ahead import MOST_AHEAD, ReadAhead, take_announcement
from allomia_pulumi.errors import Unavailable
from tests.fakes import FakeAllomia, FakeClock, FakeKey

ORGANIZATIONS = [f"org-{number}" for number in range(100)]


class Reading:
    """What was read, and threads that wait in the middle of it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.problem: Exception | None = None
        self._held = threading.Event()
        self._held.set()

    def __call__(self, _api: KeyApi, organization_id: str) -> None:
        self.begun.append(organization_id)
        self._held.wait(30)
        if self.problem:
            raise self.problem

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held.clear()
        yield
        self._held.set()


@pytest.fixture
def before() -> frozenset[threading.Thread]:
    return frozenset(threading.enumerate())


@pytest.fixture
def reading() -> Reading:
    return Reading()


def settle(before: frozenset[threading.Thread]) -> None:
    """Wait for the threads that came."""
    for thread in set(threading.enumerate()) - before:
        thread.join(30)


def test_g6_an_announcement_alone_reads_nothing(reading: Reading, before: frozenset[threading.Thread]) -> None:
    ReadAhead(reading).announce(ORGANIZATIONS)
    settle(before)
    assert reading.begun == []


def test_a_run_about_one_organization_reads_no_other(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread]
) -> None:
    ahead = ReadAhead(reading)
    ahead.announce(ORGANIZATIONS)
    for _ in range(5):
        ahead.follow(api, "org-7")
    settle(before)
    assert reading.begun == []


@pytest.mark.parametrize("asked", [1, 2, 3, 8, 40])
def test_fewer_lists_are_read_ahead_than_were_asked_for_in_the_programs_order(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread], asked: int
) -> None:
    ahead = ReadAhead(reading)
    ahead.announce(ORGANIZATIONS)
    for number in range(asked):
        ahead.follow(api, f"org-{number}")
        settle(before)
    wasted = [each for each in reading.begun if int(each.removeprefix("org-")) >= asked]
    assert sorted(wasted) == sorted(ORGANIZATIONS[asked : asked + min(asked - 1, MOST_AHEAD)])


def test_no_more_than_a_few_are_read_at_once(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread]
) -> None:
    ahead = ReadAhead(reading)
    ahead.announce(ORGANIZATIONS)
    with reading.held():
        for number in range(30):
            ahead.follow(api, f"org-{99 - number}")
    settle(before)
    assert len(reading.begun) == MOST_AHEAD


def test_no_organization_is_read_ahead_twice_or_after_it_was_asked_for(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread]
) -> None:
    ahead = ReadAhead(reading)
    for organization_id in ORGANIZATIONS:
        ahead.announce(ORGANIZATIONS)
        ahead.follow(api, organization_id)
        settle(before)
    assert len(reading.begun) == len(set(reading.begun))
    assert not {"org-0", "org-1"} & set(reading.begun)


def test_what_cannot_be_read_ahead_is_told_to_whoever_needs_it(clock: FakeClock) -> None:
    api = FakeAllomia(clock)
    api.keys = {each: {} for each in ORGANIZATIONS[:4]}
    quota, before = Quota(clock), frozenset(threading.enumerate())
    quota.read_ahead.announce(ORGANIZATIONS[:3])
    quota.alive(api, "org-0")
    api.faults["list"] = [Unavailable("AlloMia is not there")]
    quota.read_ahead.follow(api, "org-0")
    quota.read_ahead.follow(api, "org-1")
    settle(before)
    assert api.calls == ["list", "list"]
    identity = Identity(project="p", stack="s", name="key")
    api.faults["list"] = [Unavailable("AlloMia is still not there")]
    with pytest.raises(Unavailable, match="still"):
        quota.reserve(api, "org-2", identity)


def test_a_reading_ahead_that_took_long_to_fail_fails_nobody_who_comes_later(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeAllomia(clock)
    api.keys = {each: {} for each in ORGANIZATIONS[:3]}
    quota, before = Quota(clock), frozenset(threading.enumerate())
    quota.read_ahead.announce(["org-2"])

    def hang(_organization_id: str) -> list[FakeKey]:
        clock.advance(30)
        raise Unavailable("AlloMia gave no answer in time")

    with monkeypatch.context() as hanging:
        hanging.setattr(api, "list_keys", hang)
        quota.read_ahead.follow(api, "org-0")
        quota.read_ahead.follow(api, "org-1")
        settle(before)
    with quota.minting(api, "org-2", Identity(project="p", stack="s", name="key")):
        assert api.calls == ["list"]


def test_a_list_that_was_read_ahead_is_the_one_that_is_used(clock: FakeClock) -> None:
    api = FakeAllomia(clock)
    api.keys = {each: {} for each in ORGANIZATIONS[:4]}
    quota, before = Quota(clock), frozenset(threading.enumerate())
    quota.read_ahead.announce(ORGANIZATIONS[:4])
    for organization_id in ORGANIZATIONS[:4]:
        quota.read_ahead.follow(api, organization_id)
        settle(before)
        quota.reserve(api, organization_id, Identity(project="p", stack="s", name=organization_id))
    assert api.calls == ["list"] * 4


def test_a_machine_without_a_further_thread_reads_nothing_ahead_and_fails_nothing(
    reading: Reading, api: FakeAllomia, monkeypatch: pytest.MonkeyPatch, before: frozenset[threading.Thread]
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ahead = ReadAhead(reading)
    ahead.announce(ORGANIZATIONS)
    with monkeypatch.context() as poor:
        poor.setattr(threading.Thread, "start", start)
        for number in range(3):
            ahead.follow(api, f"org-{number}")
    assert reading.begun == []
    ahead.follow(api, "org-99")
    settle(before)
    assert len(reading.begun) == 3


@pytest.mark.parametrize("announced", [None, "org", {"org": 1}, 7])
def test_an_announcement_of_another_form_is_none(announced: object) -> None:
    news = {"organizationId": "org", ANNOUNCEMENT: announced}
    assert take_announcement(news) == ({"organizationId": "org"}, ())


def test_what_is_no_id_is_not_announced() -> None:
    news = {"organizationId": "org", ANNOUNCEMENT: ["org", "../admin", "", 7, "-x", "b\n"]}
    assert take_announcement(news) == ({"organizationId": "org"}, ("org",))


def test_what_is_certain_to_be_asked_for_is_read_a_few_at_once_and_each_once(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread]
) -> None:
    ahead = ReadAhead(reading)
    with reading.held():
        for organization_id in (*ORGANIZATIONS, *ORGANIZATIONS):
            ahead.request(api, organization_id)
        at_once = len(set(threading.enumerate()) - before)
    settle(before)
    assert at_once == MOST_AHEAD
    assert sorted(reading.begun) == sorted(ORGANIZATIONS)


def test_a_requested_list_that_cannot_be_read_keeps_no_other_from_being_read(
    reading: Reading, api: FakeAllomia, before: frozenset[threading.Thread]
) -> None:
    ahead = ReadAhead(reading)
    reading.problem = Unavailable("AlloMia is not there")
    for organization_id in ORGANIZATIONS:
        ahead.request(api, organization_id)
    settle(before)
    assert sorted(reading.begun) == sorted(ORGANIZATIONS)


def test_without_a_further_thread_a_requested_list_is_left_to_whoever_needs_it(
    reading: Reading, api: FakeAllomia, monkeypatch: pytest.MonkeyPatch, before: frozenset[threading.Thread]
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ahead = ReadAhead(reading)
    with monkeypatch.context() as poor:
        poor.setattr(threading.Thread, "start", start)
        ahead.request(api, "org-0")
    assert reading.begun == []
    ahead.request(api, "org-1")
    settle(before)
    assert reading.begun == ["org-0", "org-1"]
