"""What the samples come to: medians with their ranges, and ratios that a changing machine does not touch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

from benchmarks.contenders import AFTERNOON, CAREFUL, CONTENDERS, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.intervals import Interval, Verdict, interval
from benchmarks.limit import LIMIT, waiting_seconds
from benchmarks.samples import Sample

__all__ = [
    "IMPORT",
    "RESOLUTIONS",
    "Figure",
    "Figures",
    "Measure",
    "Ratio",
    "Spot",
    "compare",
    "figures",
    "limit_seconds",
    "ratios",
    "scenes",
]

Measure: TypeAlias = Literal["seconds", "provider_cpu", "program_cpu"]

IMPORT = "import"
CONTENDER_ORDER = tuple(contender.name for contender in CONTENDERS)
OPERATION_ORDER = (IMPORT, *OPERATIONS)
# How finely a difference is told: other work on the machine takes wall time from a process, and hardly CPU time.
RESOLUTIONS: Final[Mapping[Measure, float]] = {"seconds": 0.10, "provider_cpu": 0.03, "program_cpu": 0.03}
COMPARED: Final[Sequence[tuple[Measure, tuple[str, ...]]]] = (
    ("seconds", (CAREFUL.name, AFTERNOON.name, FLOOR.name, LIMIT)),
    ("provider_cpu", (CAREFUL.name, FLOOR.name)),
    ("program_cpu", (CAREFUL.name, FLOOR.name)),
)


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
        provider_cpu, program_cpu: CPU seconds of the two processes, the same way; nothing where there was none.
        allomia: Median calls to AlloMia by what they did.
        vault: Median requests to Vault.
        memory_mb: Highest peak of the provider process.
        keys: How many keys the operation was about.
        at_once: How many operations the engine ran at once; 0 when nobody noted it.
    """

    spot: Spot
    seconds: Mapping[int, float]
    provider_cpu: Mapping[int, float]
    program_cpu: Mapping[int, float]
    allomia: Mapping[str, int]
    vault: int
    memory_mb: float
    keys: int
    organizations: int
    at_once: int

    def by_round(self, measure: Measure) -> Mapping[int, float]:
        """Return one of the three measures by the number of the round."""
        return {"seconds": self.seconds, "provider_cpu": self.provider_cpu, "program_cpu": self.program_cpu}[measure]

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
    """One contender's measure over another's, round by round.

    The contenders take turns within a round, so a machine that changes its speed changes both sides of a ratio.
    """

    spot: Spot
    over: str
    measure: Measure
    by_round: tuple[float, ...]

    @cached_property
    def interval(self) -> Interval:
        """The median of the ratios, and how sure it is."""
        return interval(self.by_round)

    @property
    def verdict(self) -> Verdict:
        """Whether it is less or more than the other."""
        return self.interval.judge(1.0, RESOLUTIONS[self.measure])


Figures: TypeAlias = Mapping[Spot, Figure]


def figures(samples: Iterable[Sample]) -> dict[Spot, Figure]:
    """Return a figure for each spot, by keys, latency, operation and contender."""
    found: dict[Spot, list[Sample]] = {}
    for sample in samples:
        unit = sample.unit
        spot = Spot(unit.contender, unit.keys, unit.latency_ms, sample.operation)
        found.setdefault(spot, []).append(sample)
    return {spot: _figure(spot, found[spot]) for spot in sorted(found, key=_rank)}


def compare(found: Figures, spot: Spot, over: str, measure: Measure = "seconds") -> Ratio | None:
    """Return a contender's ratio over another one or over its own limit, or None when no round has both."""
    ours = found.get(spot)
    if ours is None:
        return None
    other = limit_seconds(found, spot) if over == LIMIT else _by_round(found, replace(spot, contender=over), measure)
    own = ours.by_round(measure)
    by_round = tuple(own[number] / other[number] for number in sorted(own.keys() & other.keys()))
    return Ratio(spot, over, measure, by_round) if by_round else None


def limit_seconds(found: Figures, spot: Spot) -> Mapping[int, float]:
    """Return the limit of a contender's operation by round: the floor of that round and the waiting for its own calls.

    Nothing where the floor was not measured, or where nobody noted how many operations the engine ran at once.
    """
    ours, floor = found.get(spot), _by_round(found, replace(spot, contender=FLOOR.name), "seconds")
    if ours is None or (ours.allomia and not ours.at_once):
        return {}
    waiting = waiting_seconds(ours.allomia, spot.latency_ms, ours.at_once) if ours.allomia else 0.0
    return {number: seconds + waiting for number, seconds in floor.items()}


def ratios(found: Figures) -> list[Ratio]:
    """Return both our faces over the others and over the limit, wherever both were measured."""
    ours = {contender.name for contender in OURS}
    spots = [spot for spot in found if spot.contender in ours]
    wanted = [(spot, over, measure) for spot in spots for measure, others in COMPARED for over in others]
    return [ratio for spot, over, measure in wanted if (ratio := compare(found, spot, over, measure))]


def scenes(found: Figures) -> list[tuple[int, int]]:
    """Return the (keys, latency_ms) that the course was run with."""
    return list(dict.fromkeys((spot.keys, spot.latency_ms) for spot in found if spot.operation != IMPORT))


def _by_round(found: Figures, spot: Spot, measure: Measure) -> Mapping[int, float]:
    figure = found.get(spot)
    return figure.by_round(measure) if figure else {}


def _figure(spot: Spot, samples: Sequence[Sample]) -> Figure:
    types = sorted({name for sample in samples for name in sample.allomia})
    return Figure(
        spot,
        seconds={sample.unit.number: sample.seconds for sample in samples},
        provider_cpu={sample.unit.number: sample.cpu_seconds for sample in samples if sample.cpu_seconds},
        program_cpu={
            sample.unit.number: sample.program_cpu_seconds for sample in samples if sample.program_cpu_seconds
        },
        allomia={name: int(statistics.median(sample.allomia.get(name, 0) for sample in samples)) for name in types},
        vault=int(statistics.median(sample.vault for sample in samples)),
        memory_mb=max(sample.memory_mb for sample in samples),
        keys=samples[0].keys,
        organizations=samples[0].organizations,
        at_once=samples[0].at_once,
    )


def _rank(spot: Spot) -> tuple[int, int, int, int]:
    operation, contender = OPERATION_ORDER.index(spot.operation), CONTENDER_ORDER.index(spot.contender)
    return spot.keys, spot.latency_ms, operation, contender
