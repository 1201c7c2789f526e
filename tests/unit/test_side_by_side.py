"""Questions are asked at the same time, and all have ended when there is an answer or an error."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from allomia_pulumi.ground.side_by_side import ask_all, ask_both
from allomia_pulumi.ground.spelling import Caller, spell, spelled_for


def test_both_are_under_way_at_once() -> None:
    meeting = threading.Barrier(2, timeout=30)
    assert sorted(ask_both(meeting.wait, meeting.wait)) == [0, 1]


def test_the_first_ones_error_wins_and_the_second_has_ended() -> None:
    ended = threading.Event()

    def first() -> None:
        raise ValueError("first")

    def second() -> None:
        ended.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        ask_both(first, second)
    assert ended.is_set()
    with pytest.raises(ValueError, match="second"):
        ask_both(int, second)


def test_the_second_speaks_to_the_same_caller() -> None:
    with spelled_for(Caller.PYTHON):
        assert ask_both(int, lambda: spell("vaultSecret")) == (0, "vault_secret")


def test_without_a_further_thread_one_follows_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    asked: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", start)
    assert ask_both(lambda: asked.append("first"), lambda: asked.append("second")) == (None, None)
    assert asked == ["first", "second"]


def test_all_are_under_way_at_once_and_answered_in_order() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def answer(number: int) -> int:
        meeting.wait()
        return number

    assert ask_all([partial(answer, number) for number in range(3)]) == [0, 1, 2]
    assert ask_all([]) == []
    with spelled_for(Caller.PYTHON):
        assert ask_all([lambda: spell("vaultSecret")] * 2) == ["vault_secret"] * 2


def test_the_first_error_of_all_wins_and_the_others_have_ended() -> None:
    ended = []

    def fail(number: int) -> None:
        ended.append(number)
        raise ValueError(f"number {number}")

    with pytest.raises(ValueError, match="number 1"):
        ask_all([int, partial(fail, 1), partial(fail, 2)])
    assert sorted(ended) == [1, 2]


def test_without_further_threads_all_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    asked: list[int] = []
    monkeypatch.setattr(threading.Thread, "start", start)
    assert ask_all([partial(asked.append, number) for number in range(3)]) == [None] * 3
    assert asked == [0, 1, 2]
