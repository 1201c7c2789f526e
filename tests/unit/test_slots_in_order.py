"""Slots go to new keys in the order in which they took their place, whoever asks first what came of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from pydantic import SecretStr

from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.errors import Unavailable
from tests.fakes import FakeAllomia, FakeClock, FakeKey

ORGANIZATION = "org-1"


def declared(name: str) -> Identity:
    return Identity(project="p", stack="s", name=name)


def api_with(clock: FakeClock, alive: int) -> FakeAllomia:
    api = FakeAllomia(clock)
    made = (FakeKey(f"key-{each}", "by hand", SecretStr("secret"), clock.now()) for each in range(alive))
    api.keys = {ORGANIZATION: {key.id: key for key in made}}
    return api


@pytest.mark.parametrize("asking", list(permutations("abc")))
def test_the_first_in_the_program_has_the_slot_whoever_asks_first(clock: FakeClock, asking: tuple[str, ...]) -> None:
    api, quota = api_with(clock, KEY_LIMIT - 2), Quota(clock)
    for name in "abc":
        quota.queue(ORGANIZATION, declared(name))
    verdicts = {name: quota.reserve(api, ORGANIZATION, declared(name)) for name in asking}
    assert [name for name in "abc" if verdicts[name] is None] == ["a", "b"]
    assert len(verdicts["c"] or ()) == KEY_LIMIT - 2


def test_one_that_comes_without_a_place_comes_last(clock: FakeClock) -> None:
    api, quota = api_with(clock, KEY_LIMIT - 1), Quota(clock)
    quota.queue(ORGANIZATION, declared("first"))
    assert quota.reserve(api, ORGANIZATION, declared("other")) is not None
    assert quota.reserve(api, ORGANIZATION, declared("first")) is None


def test_one_that_was_refused_holds_no_slot_and_may_ask_again(clock: FakeClock) -> None:
    api, quota = api_with(clock, KEY_LIMIT), Quota(clock)
    quota.queue(ORGANIZATION, declared("late"))
    assert quota.reserve(api, ORGANIZATION, declared("late")) is not None
    quota.remove(ORGANIZATION, "key-0")
    assert quota.reserve(api, ORGANIZATION, declared("next")) is None
    assert quota.reserve(api, ORGANIZATION, declared("late")) is not None


def test_a_place_outlasts_a_list_that_cannot_be_read(clock: FakeClock) -> None:
    api, quota = api_with(clock, KEY_LIMIT - 1), Quota(clock)
    quota.queue(ORGANIZATION, declared("first"))
    api.faults["list"] = [Unavailable("AlloMia is not there")]
    with pytest.raises(Unavailable):
        quota.reserve(api, ORGANIZATION, declared("second"))
    assert quota.reserve(api, ORGANIZATION, declared("second")) is not None
    assert quota.reserve(api, ORGANIZATION, declared("first")) is None


def test_a_place_that_is_taken_twice_is_one_slot(clock: FakeClock) -> None:
    api, quota = api_with(clock, KEY_LIMIT - 2), Quota(clock)
    for _ in range(2):
        quota.queue(ORGANIZATION, declared("a"))
    assert quota.reserve(api, ORGANIZATION, declared("a")) is None
    quota.queue(ORGANIZATION, declared("a"))
    assert quota.reserve(api, ORGANIZATION, declared("b")) is None
    assert quota.reserve(api, ORGANIZATION, declared("c")) is not None


def test_a_key_that_was_added_takes_one_slot_and_not_its_reservation_as_well(clock: FakeClock) -> None:
    api, quota = api_with(clock, 2), Quota(clock)
    for name in "ab":
        assert quota.reserve(api, ORGANIZATION, declared(name)) is None
    with quota.minting(api, ORGANIZATION, declared("a")):
        quota.add(ORGANIZATION, FakeKey("key-a", "a", SecretStr("secret"), clock.now()), declared("a"))
        assert quota.reserve(api, ORGANIZATION, declared("c")) is None
    assert quota.reserve(api, ORGANIZATION, declared("d")) is not None


def test_lists_that_are_read_at_the_same_time_are_shared_for_no_longer_than_one(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, quota = api_with(clock, 0), Quota(clock)
    meeting = threading.Barrier(2, timeout=30)

    def read(_organization_id: str) -> list[FakeKey]:
        meeting.wait()
        clock.advance(4)
        meeting.wait()
        return []

    with monkeypatch.context() as slow, ThreadPoolExecutor(2) as pool:
        slow.setattr(api, "list_keys", read)
        assert list(pool.map(lambda each: quota.alive(api, each), ("org-1", "org-2"))) == [(), ()]
    # Eight seconds passed, so a list is shared for 24 of them; counted twice they would be 48.
    clock.advance(30)
    quota.alive(api, ORGANIZATION)
    assert api.calls == ["list"]
