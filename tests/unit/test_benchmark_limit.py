"""The limit of an operation: how long its calls keep a provider waiting that wastes nothing."""

from __future__ import annotations

import os

import pytest

from benchmarks.limit import engine_operations_at_once, waiting_seconds


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        # 220 calls by eight at a time: 27 times and a half, which takes as long as 28.
        ({"listed": 20, "minted": 100, "verified": 100}, 2.8),
        # 100 to make the keys, and 40 at the end to revoke the old ones.
        ({"listed": 20, "minted": 40, "verified": 40, "revoked": 40}, 1.8),
        ({"listed": 20}, 0.3),
        ({"revoked": 100}, 1.3),
        # The calls about one key follow one another, however much could run at once.
        ({"listed": 1, "minted": 1, "verified": 1}, 0.3),
        ({"listed": 1, "minted": 1, "verified": 1, "revoked": 1}, 0.4),
        ({"listed": 1, "read": 0}, 0.1),
        ({"listed": 2, "minted": 9, "verified": 9, "revoked": 9}, 0.5),
        ({}, 0.0),
    ],
)
def test_calls_wait_by_phases_that_are_spread_over_what_runs_at_once(calls: dict[str, int], seconds: float) -> None:
    assert waiting_seconds(calls, 100, 8) == pytest.approx(seconds)


def test_waiting_grows_with_the_latency_and_shrinks_with_more_at_once() -> None:
    calls = {"revoked": 64}
    assert waiting_seconds(calls, 0, 8) == 0.0
    assert waiting_seconds(calls, 50, 8) == pytest.approx(0.4)
    assert waiting_seconds(calls, 50, 32) == pytest.approx(0.1)
    assert waiting_seconds(calls, 50, 1) == pytest.approx(3.2)


def test_the_engine_runs_four_operations_for_each_core_that_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert engine_operations_at_once() == 12
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert engine_operations_at_once() == 24
