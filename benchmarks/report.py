"""The report as JSON: written by a run, and read again to compare two of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from benchmarks.figures import RESOLUTIONS, Figure, Figures, Measure, Ratio, Spot, ratios
from benchmarks.intervals import interval
from benchmarks.limit import OPERATIONS_PER_CORE
from benchmarks.targets import Row

__all__ = ["read_figures", "to_wire"]

Wire: TypeAlias = dict[str, Any]


def to_wire(found: Figures, targets: Sequence[Row], *, pulumi: str, checkpoints: bool) -> Wire:
    """Return the report with the machine that it was made on."""
    machine = {
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "pulumi": pulumi,
    }
    return {
        "machine": machine,
        "checkpoints": checkpoints,
        "figures": [_figure(figure) for figure in found.values()],
        "ratios": [_ratio(ratio) for ratio in ratios(found)],
        "targets": [asdict(row) for row in targets],
    }


def read_figures(report: Mapping[str, Any]) -> dict[Spot, Figure]:
    """Return the figures of a report; one from before CPU time was kept by round has none."""
    at_once = OPERATIONS_PER_CORE * (report["machine"]["cpus"] or 0)
    return {(figure := _read_figure(wire, at_once)).spot: figure for wire in report["figures"]}


def _figure(figure: Figure) -> Wire:
    wire = asdict(figure)
    range_ = {"median": figure.median, "lowest": figure.lowest, "highest": figure.highest}
    return {**wire.pop("spot"), **range_, **wire, "keys": figure.spot.keys, "keys_about": figure.keys}


def _read_figure(wire: Mapping[str, Any], at_once: int) -> Figure:
    def rounds(measure: Measure) -> dict[int, float]:
        return {int(number): value for number, value in wire.get(measure, {}).items()}

    return Figure(
        Spot(wire["contender"], wire["keys"], wire["latency_ms"], wire["operation"]),
        **{measure: rounds(measure) for measure in RESOLUTIONS},
        allomia=wire["allomia"],
        vault=wire["vault"],
        memory_mb=wire["memory_mb"],
        keys=wire["keys_about"],
        organizations=wire["organizations"],
        at_once=wire.get("at_once") or at_once,
    )


def _ratio(ratio: Ratio) -> Wire:
    found = interval(ratio.by_round)
    return {
        **asdict(ratio.spot),
        "over": ratio.over,
        "measure": ratio.measure,
        "median": found.median,
        "low": found.low,
        "high": found.high,
        "verdict": ratio.verdict,
        "by_round": ratio.by_round,
    }
