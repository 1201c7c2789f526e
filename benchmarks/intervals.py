"""How sure a median is, without an assumption about the noise, and what may be said of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["CONFIDENCE", "FEWEST_ROUNDS", "HOW_IT_IS_TOLD", "Interval", "Verdict", "coverage", "interval"]

Verdict: TypeAlias = Literal["less", "more", "level", "not told"]

CONFIDENCE: Final = 0.90
FEWEST_ROUNDS: Final = 5
HOW_IT_IS_TOLD: Final = (
    "in brackets an interval of at least 90 % for the median of the rounds, by their order (of five rounds the whole "
    "range, of eight without the lowest and the highest); not told: fewer than five rounds, or the line lies in the "
    "interval, which goes further from the median than 10 % of wall time or 3 % of CPU time"
)


@dataclass(frozen=True)
class Interval:
    """The median of some rounds, and the two rounds between which the true median lies with at least `CONFIDENCE`."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def is_enough(self) -> bool:
        """Tell whether there are rounds enough for the confidence; with fewer, the bounds are the range."""
        return self.rounds >= FEWEST_ROUNDS

    def is_within(self, share: float) -> bool:
        """Tell whether both bounds are so close to the median."""
        return self.high <= self.median * (1 + share) and self.low >= self.median * (1 - share)

    def judge(self, line: float, resolution: float) -> Verdict:
        """Say on which side of a line the true median lies.

        Returns:
            `level` when the interval has the line in it and is narrow enough to say that nothing larger than the
            resolution is between them.
        """
        if not self.is_enough:
            return "not told"
        if self.high < line:
            return "less"
        if self.low > line:
            return "more"
        return "level" if self.is_within(resolution) else "not told"


def coverage(rounds: int, place: int) -> float:
    """Return how likely the true median lies between the place-th round from below and the place-th from above.

    Each round is above or below the true median by the toss of a coin, whatever the noise is like. So the median is
    outside when fewer than `place` rounds fell on one side, and the binomial distribution says how often that happens.
    """
    return 1 - sum(math.comb(rounds, below) for below in range(place)) / float(2 ** (rounds - 1))


def interval(values: Iterable[float]) -> Interval:
    """Return the median with the narrowest pair of rounds that has the confidence; of few rounds the whole range."""
    ordered = sorted(values)
    rounds = len(ordered)
    places = [place for place in range(1, (rounds + 1) // 2 + 1) if coverage(rounds, place) >= CONFIDENCE]
    place = max(places, default=1)
    return Interval(statistics.median(ordered), ordered[place - 1], ordered[-place], rounds)
