"""Two questions are asked at the same time, and both have ended when there is an answer or an error."""

from __future__ import annotations

import threading

import pytest

from allomia_pulumi.ground.side_by_side import ask_both
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
