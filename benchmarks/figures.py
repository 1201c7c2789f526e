"""What the samples come to: medians with their ranges, and ratios that a changing machine does not touch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from benchmarks.contenders import AFTERNOON, CONTENDERS, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.samples import Sample

__all__ = ["IMPORT", "Figure", "Figures", "Ratio", "Spot", "Verdict", "compare", "figures", "ratios", "scenes"]

Verdict: TypeAlias = Literal["faster", "slower", "noise", "one round"]

IMPORT = "import"
CONTENDER_ORDER = tuple(contender.name for contender in CONTENDERS)
OPERATION_ORDER = (IMPORT, *OPERATIONS)


@dataclass(frozen=True)
class Spot:
    """Where a figure belongs.

    Attributes:
        keys: As asked for; a figure says how many keys its operation was about.
    """

    contender: str
    keys: int
    latency_ms: int
    operation: str


@dataclass(frozen=True)
class Figure:
    """One operation of one contender over all rounds.

    Attributes:
        seconds: By the number of the round.
        allomia: Median calls to AlloMia by what they did.
        vault: Median requests to Vault.
        cpu_seconds: Median CPU time of the provider process.
        memory_mb: Highest peak of the provider process.
        keys: How many keys the operation was about.
    """

    spot: Spot
    seconds: Mapping[int, float]
    allomia: Mapping[str, int]
    vault: int
    cpu_seconds: float
    memory_mb: float
    keys: int
    organizations: int

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds.values())

    @property
    def lowest(self) -> float:
        """The seconds of the fastest round."""
        return min(self.seconds.values())

    @property
    def highest(self) -> float:
        """The seconds of the slowest round."""
        return max(self.seconds.values())


@dataclass(frozen=True)
class Ratio:
    """One contender's seconds over another's, round by round.

    The contenders take turns within a round, so a machine that changes its speed changes both sides of a ratio.
    """

    spot: Spot
    over: str
    by_round: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.by_round)

    @property
    def lowest(self) -> float:
        """The ratio of the best round."""
        return min(self.by_round)

    @property
    def highest(self) -> float:
        """The ratio of the worst round."""
        return max(self.by_round)

    @property
    def verdict(self) -> Verdict:
        """Whether every round says the same; a single one cannot tell."""
        if len(self.by_round) == 1:
            return "one round"
        if self.highest < 1:
            return "faster"
        return "slower" if self.lowest > 1 else "noise"


Figures: TypeAlias = Mapping[Spot, Figure]


def figures(samples: Iterable[Sample]) -> dict[Spot, Figure]:
    """Return a figure for each spot, by keys, latency, operation and contender."""
    found: dict[Spot, list[Sample]] = {}
    for sample in samples:
        unit = sample.unit
        spot = Spot(unit.contender, unit.keys, unit.latency_ms, sample.operation)
        found.setdefault(spot, []).append(sample)
    return {spot: _figure(spot, found[spot]) for spot in sorted(found, key=_rank)}


def compare(found: Figures, spot: Spot, over: str) -> Ratio | None:
    """Return a contender's ratio over another one, or None when no round has both."""
    ours = found.get(spot)
    other = found.get(replace(spot, contender=over))
    if ours is None or other is None:
        return None
    rounds = sorted(ours.seconds.keys() & other.seconds.keys())
    by_round = tuple(ours.seconds[number] / other.seconds[number] for number in rounds)
    return Ratio(spot, over, by_round) if by_round else None


def ratios(found: Figures) -> list[Ratio]:
    """Return both our faces over the afternoon's provider and over the floor, wherever both were measured."""
    ours = {contender.name for contender in OURS}
    pairs = [(spot, other.name) for spot in found if spot.contender in ours for other in (AFTERNOON, FLOOR)]
    return [ratio for spot, over in pairs if (ratio := compare(found, spot, over))]


def scenes(found: Figures) -> list[tuple[int, int]]:
    """Return the (keys, latency_ms) that the course was run with."""
    return list(dict.fromkeys((spot.keys, spot.latency_ms) for spot in found if spot.operation != IMPORT))


def _figure(spot: Spot, samples: Sequence[Sample]) -> Figure:
    types = sorted({name for sample in samples for name in sample.allomia})
    return Figure(
        spot,
        seconds={sample.unit.number: sample.seconds for sample in samples},
        allomia={name: int(statistics.median(sample.allomia.get(name, 0) for sample in samples)) for name in types},
        vault=int(statistics.median(sample.vault for sample in samples)),
        cpu_seconds=statistics.median(sample.cpu_seconds for sample in samples),
        memory_mb=max(sample.memory_mb for sample in samples),
        keys=samples[0].keys,
        organizations=samples[0].organizations,
    )


def _rank(spot: Spot) -> tuple[int, int, int, int]:
    operation, contender = OPERATION_ORDER.index(spot.operation), CONTENDER_ORDER.index(spot.contender)
    return spot.keys, spot.latency_ms, operation, contender
