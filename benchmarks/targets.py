"""What was promised before anything was measured, and whether the samples keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.contenders import AFTERNOON, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.figures import IMPORT, Figures, Spot, compare, figures
from benchmarks.samples import Sample

__all__ = ["Row", "evaluate"]

IMPORT_SCENE = (0, 0)
RATIO_SCENE = (100, 100)
FEWER_KEYS, MORE_KEYS = 100, 1000
MOST_GROWTH = 10.0
# Below this the cost above the floor is no more than the engine's own coming and going.
TELLING_SECONDS = 0.1
MOST_MEMORY_MB = 150.0


@dataclass(frozen=True)
class RatioTarget:
    """How many times another contender's seconds an operation may take.

    Attributes:
        scene: Keys and latency in ms.
    """

    operation: str
    over: str
    at_most: float
    scene: tuple[int, int] = RATIO_SCENE


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


RATIO_TARGETS = (
    RatioTarget(IMPORT, FLOOR.name, 1.10, IMPORT_SCENE),
    RatioTarget("no-op up", FLOOR.name, 1.10),
    RatioTarget("refresh", AFTERNOON.name, 0.35),
    RatioTarget("first up", AFTERNOON.name, 0.90),
    RatioTarget("rotate all", AFTERNOON.name, 0.90),
    RatioTarget("destroy", AFTERNOON.name, 0.60),
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
        ratio = compare(found, Spot(contender, *target.scene, target.operation), target.over)
        if ratio is not None:
            measured = f"{ratio.median:.2f} ({ratio.lowest:.2f}-{ratio.highest:.2f})"
            text = f"{target.operation} over {target.over}"
            yield Row(contender, text, f"at most {target.at_most:.2f}", measured, ratio.median <= target.at_most)


def _calls(own: Sequence[Sample], contender: str) -> Iterator[Row]:
    """Look at every round, since a median hides a call that is made now and then."""
    quiet = [sample for sample in own if _is_at(sample, "no-op up")]
    if quiet:
        seen = {f"{sum(sample.allomia.values())} and {sample.vault}" for sample in quiet}
        text = "no-op up: calls to AlloMia and to Vault"
        yield Row(contender, text, "0 and 0", "; ".join(sorted(seen)), seen == {"0 and 0"})
    read = [sample for sample in own if _is_at(sample, "refresh")]
    if read:
        seen = {_said(sample.allomia) for sample in read}
        wanted = _said({"listed": read[0].organizations})
        yield Row(contender, "refresh: calls to AlloMia", wanted, "; ".join(sorted(seen)), seen == {wanted})


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
    return sample.operation == operation and (sample.unit.keys, sample.unit.latency_ms) == RATIO_SCENE


def _said(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(calls.items())) or "none"
