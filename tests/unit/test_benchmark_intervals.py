"""How sure the benchmark is of a median, and what it claims."""

from __future__ import annotations

import random
import statistics

import pytest

from benchmarks.intervals import CONFIDENCE, FEWEST_ROUNDS, Interval, Verdict, coverage, interval


@pytest.mark.parametrize(
    ("rounds", "place", "expected"),
    [(1, 1, 0.0), (2, 1, 0.5), (5, 1, 0.9375), (5, 2, 0.625), (8, 2, 0.9296875), (8, 3, 0.7109375)],
)
def test_the_coverage_is_that_of_tossed_coins(rounds: int, place: int, expected: float) -> None:
    assert coverage(rounds, place) == expected


def test_five_rounds_are_the_fewest_that_have_the_confidence() -> None:
    assert coverage(FEWEST_ROUNDS, 1) >= CONFIDENCE > coverage(FEWEST_ROUNDS - 1, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], Interval(3.0, 3.0, 3.0, 1)),
        ([4.0, 1.0], Interval(2.5, 1.0, 4.0, 2)),
        ([5.0, 1.0, 2.0, 4.0, 3.0], Interval(3.0, 1.0, 5.0, 5)),
        ([7.0, 1.0, 2.0, 6.0, 3.0, 5.0, 4.0], Interval(4.0, 1.0, 7.0, 7)),
        ([8.0, 1.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0], Interval(4.5, 2.0, 7.0, 8)),
        ([float(value) for value in range(11)], Interval(5.0, 2.0, 8.0, 11)),
    ],
)
def test_the_interval_goes_from_round_to_round_by_their_order(values: list[float], expected: Interval) -> None:
    assert interval(values) == expected


def test_one_disturbed_round_of_eight_does_not_widen_it() -> None:
    calm = [1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06]
    assert interval([*calm, 99.0]).high == 1.06


@pytest.mark.parametrize("rounds", [5, 6, 8, 11])
def test_the_true_median_lies_in_it_as_often_as_is_said_also_when_the_noise_is_lopsided(rounds: int) -> None:
    chance = random.Random(19)  # noqa: S311 - the same noise each time
    noise = statistics.NormalDist()
    hits = 0
    for _ in range(4000):
        found = interval(2.718281828 ** noise.inv_cdf(chance.uniform(1e-9, 1 - 1e-9)) for _ in range(rounds))
        hits += found.low <= 1.0 <= found.high
    assert hits / 4000 > CONFIDENCE - 0.015


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.5, 0.9, 0.95, 0.98, 0.99], "less"),
        ([1.01, 1.02, 1.5, 1.8, 2.0], "more"),
        ([0.91, 0.95, 1.0, 1.05, 1.1], "level"),
        ([0.89, 0.95, 1.0, 1.05, 1.1], "not told"),
        ([0.91, 0.95, 1.0, 1.05, 1.11], "not told"),
        ([0.95, 0.95, 0.95, 0.95, 1.0], "level"),
        ([0.5, 0.5, 0.5, 0.5], "not told"),
        ([1.0], "not told"),
    ],
)
def test_what_is_claimed_of_a_median_and_a_line(values: list[float], verdict: Verdict) -> None:
    assert interval(values).judge(1.0, 0.10) == verdict


def test_the_line_need_not_be_one() -> None:
    found = interval([1.1, 1.1, 1.1, 1.1, 1.2])
    assert (found.judge(1.3, 0.03), found.judge(1.0, 0.03), found.judge(1.15, 0.03)) == ("less", "more", "not told")
