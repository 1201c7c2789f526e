"""What was promised before anything was measured, and whether the samples keep it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.contenders import AFTERNOON, CAREFUL, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.figures import IMPORT, RESOLUTIONS, Figures, Ratio, Spot, compare, figures
from benchmarks.limit import LIMIT
from benchmarks.samples import Sample

__all__ = ["Row", "evaluate"]

IMPORT_SCENE = (0, 0)
FEWER, MORE = (100, 100), (1000, 100)
FEWER_KEYS, MORE_KEYS = 100, 1000
MOST_GROWTH = 10.0
# Below this the cost above the floor is no more than the engine's own coming and going.
TELLING_SECONDS = 0.1
MOST_MEMORY_MB = 150.0
BY_HAND = (CAREFUL.name, AFTERNOON.name)


@dataclass(frozen=True)
class RatioTarget:
    """How many times another contender's seconds, or its own limit's, an operation may take.

    Attributes:
        over: Of several the one that is faster in this operation.
        at_most: By keys and latency in ms.
    """

    operation: str
    over: tuple[str, ...]
    at_most: Mapping[tuple[int, int], float]


@dataclass(frozen=True)
class Row:
    """One target and what was measured.

    Attributes:
        is_met: None when it cannot be told.
    """

    contender: str
    text: str
    limit: str
    measured: str
    is_met: bool | None


def _target(operation: str, over: Iterable[str], fewer: float, more: float) -> RatioTarget:
    return RatioTarget(operation, tuple(over), {FEWER: fewer, MORE: more})


RATIO_TARGETS = (
    RatioTarget(IMPORT, (FLOOR.name,), {IMPORT_SCENE: 1.10}),
    _target("no-op up", [FLOOR.name], 1.05, 1.10),
    *(_target(each, [LIMIT], 1.10, 1.15) for each in ("first up", "rotate all", "rotate in place")),
    *(_target(each, [LIMIT], 1.10, 1.15) for each in ("retire all", "destroy")),
    _target("refresh", [LIMIT], 1.50, 1.15),
    *(_target(each, BY_HAND, 0.60, 0.45) for each in ("refresh", "destroy")),
    *(_target(each, [CAREFUL.name], 1.10, 1.00) for each in ("first up", "rotate all")),
)


def evaluate(samples: Sequence[Sample]) -> list[Row]:
    """Return a row for each target and each of our faces; targets without samples are left out."""
    found = figures(samples)
    rows: list[Row] = []
    for contender in OURS:
        own = [sample for sample in samples if sample.unit.contender == contender.name]
        rows += _ratios(found, contender.name)
        rows += _calls(own, contender.name)
        rows += _growth(found, contender.name)
        rows += _memory(own, contender.name)
    return rows


def _ratios(found: Figures, contender: str) -> Iterator[Row]:
    for target in RATIO_TARGETS:
        for (keys, latency_ms), at_most in target.at_most.items():
            spot = Spot(contender, keys, latency_ms, target.operation)
            compared = [compare(found, spot, over) for over in target.over]
            measured = [ratio for ratio in compared if ratio]
            # Which of several is the faster one is known only where all were measured.
            if len(measured) == len(compared):
                ratio = max(measured, key=lambda each: each.interval.median)
                where = f", {keys} keys" if keys else ""
                text = f"{target.operation} over {ratio.over}{where}"
                yield Row(contender, text, f"at most {at_most:.2f}", _measured(ratio), _is_met(ratio, at_most))


def _measured(ratio: Ratio) -> str:
    found = ratio.interval
    return f"{found.median:.2f} ({found.low:.2f}-{found.high:.2f})"


def _is_met(ratio: Ratio, at_most: float) -> bool | None:
    """Tell by the side of the limit that the interval is on; one that is narrow and has both sides, by its median."""
    found = ratio.interval
    if found.is_enough and found.high <= at_most:
        return True
    verdict = found.judge(at_most, RESOLUTIONS[ratio.measure])
    return None if verdict == "not told" else verdict == "level" and found.median <= at_most


def _calls(own: Sequence[Sample], contender: str) -> Iterator[Row]:
    """Look at every round, since a median hides a call that is made now and then."""
    quiet = [sample for sample in own if _is_at(sample, "no-op up")]
    if quiet:
        seen = {f"{sum(sample.allomia.values())} and {sample.vault}" for sample in quiet}
        text = "no-op up: calls to AlloMia and to Vault"
        yield Row(contender, text, "0 and 0", "; ".join(sorted(seen)), seen == {"0 and 0"})
    for operation in OPERATIONS:
        made = [sample for sample in own if _is_at(sample, operation)]
        if made and (calls := _needed(made[0])):
            seen = {_said(sample.allomia) for sample in made}
            wanted = _said(calls)
            yield Row(contender, f"{operation}: calls to AlloMia", wanted, "; ".join(sorted(seen)), seen == {wanted})


def _needed(sample: Sample) -> Mapping[str, int]:
    """Return the calls that an operation is allowed; the limit counts what is made, and would hide what is needless."""
    keys, lists = sample.keys, {"listed": sample.organizations}
    minted = {**lists, "minted": keys, "verified": keys}
    return {
        "first up": minted,
        "refresh": lists,
        "rotate all": {**minted, "revoked": keys},
        "rotate in place": minted,
        "retire all": {"listed": keys, "read": keys, "revoked": keys},
        "destroy": {"revoked": keys},
    }.get(sample.operation, {})


def _growth(found: Figures, contender: str) -> Iterator[Row]:
    """Ask whether the cost above the floor grows with the keys and not faster."""
    latencies = sorted({spot.latency_ms for spot in found if spot.keys == MORE_KEYS})
    for latency_ms in latencies:
        for operation in OPERATIONS:
            fewer = _above_floor(found, Spot(contender, FEWER_KEYS, latency_ms, operation))
            more = _above_floor(found, Spot(contender, MORE_KEYS, latency_ms, operation))
            if fewer is None or more is None:
                continue
            text = f"{operation} above the floor, {MORE_KEYS} over {FEWER_KEYS} keys, {latency_ms} ms"
            is_telling = fewer >= TELLING_SECONDS
            measured = f"{more / fewer:.1f}" if is_telling else "too small to tell"
            is_met = more / fewer <= MOST_GROWTH if is_telling else None
            yield Row(contender, text, f"at most {MOST_GROWTH:.0f}", measured, is_met)


def _memory(own: Sequence[Sample], contender: str) -> Iterator[Row]:
    peak = max((sample.memory_mb for sample in own if sample.unit.keys == MORE_KEYS), default=0.0)
    # A machine without /proc shows no memory at all.
    if peak > 0:
        text = f"peak memory of the provider, {MORE_KEYS} keys"
        yield Row(contender, text, f"under {MOST_MEMORY_MB:.0f} MB", f"{peak:.0f} MB", peak < MOST_MEMORY_MB)


def _above_floor(found: Figures, spot: Spot) -> float | None:
    ours, floor = found.get(spot), found.get(replace(spot, contender=FLOOR.name))
    return ours.median - floor.median if ours and floor else None


def _is_at(sample: Sample, operation: str) -> bool:
    return sample.operation == operation and (sample.unit.keys, sample.unit.latency_ms) == FEWER


def _said(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(calls.items())) or "none"
