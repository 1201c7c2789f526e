"""`make bench-compare`: say what a fresh report tells to be worse, or better, than the committed one.

Two reports come from two hours or two machines, so no seconds are compared: wall time is taken over the limit, and CPU
time over that of the provider that does nothing, each of the same round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import FLOOR, OURS
from benchmarks.figures import IMPORT, RESOLUTIONS, Figure, Figures, Measure, Spot, compare
from benchmarks.intervals import Interval
from benchmarks.limit import LIMIT
from benchmarks.report import read_figures

__all__ = ["Change", "changes", "judge_change", "main"]

Fate: TypeAlias = Literal["worse", "better", "same", "not told"]

ROOT: Final = Path(__file__).parents[1]
COMMITTED: Final = "benchmarks/results/bench.json"
WIDTH: Final = 120
# A call more is a call more, and yet a run may share its lists a little differently.
CALLS_RESOLUTION: Final = 0.03
MEASURES: Final[Mapping[Measure, tuple[str, str]]] = {
    "seconds": (LIMIT, "seconds over the limit"),
    "provider_cpu": (FLOOR.name, "CPU of the provider over the floor's"),
    "program_cpu": (FLOOR.name, "CPU of the program over the floor's"),
}


@dataclass(frozen=True)
class Change:
    """One measure of one operation in both reports."""

    spot: Spot
    what: str
    before: str
    after: str
    verdict: Fate


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; return 1 if something surely got worse, 2 if there is nothing to compare, else 0."""
    asked = _parser().parse_args(arguments)
    console = Console(highlight=False, width=WIDTH)
    try:
        before, after = json.loads(_committed(asked.revision)), json.loads(asked.fresh.read_text())
    except (OSError, ValueError, subprocess.CalledProcessError):
        console.print(f"There is no report in {asked.fresh.name} or in {COMMITTED} at {asked.revision}: `make bench`")
        return 2
    if before == after:
        console.print(f"{asked.fresh.name} is the committed report; `make bench` makes a fresh one")
        return 0
    if before["checkpoints"] != after["checkpoints"]:
        console.print("one of them was measured without the engine's checkpoints: they do not compare")
        return 2
    if before["machine"] != after["machine"]:
        console.print(f"measured on {_machine(after)}; before on {_machine(before)}")
    found = list(changes(read_figures(before), read_figures(after)))
    _show(console, found)
    return int(any(change.verdict == "worse" for change in found))


def changes(before: Figures, after: Figures) -> Iterator[Change]:
    """Compare what both reports have of our faces."""
    ours = {contender.name for contender in OURS}
    for spot in after:
        if spot.contender in ours and spot in before:
            if spot.operation != IMPORT:
                yield from _calls(spot, before[spot], after[spot])
            # One yardstick for both: calls that were spared would shorten the limit, and calls are compared themselves.
            alike = {**after, spot: replace(after[spot], allomia=before[spot].allomia)}
            for measure, (over, what) in MEASURES.items():
                old, new = compare(before, spot, over, measure), compare(alike, spot, over, measure)
                if old and new:
                    verdict = judge_change(old.interval, new.interval, RESOLUTIONS[measure])
                    yield Change(spot, what, _said(old.interval), _said(new.interval), verdict)


def judge_change(before: Interval, after: Interval, resolution: float) -> Fate:
    """Say what became of a median.

    It surely changed when the two intervals have nothing in common and the medians differ by more than the resolution.
    It is the same when both are so narrow that a larger change would have shown.
    """
    if not (before.is_enough and after.is_enough):
        return "not told"
    if after.low > before.high and after.median > before.median * (1 + resolution):
        return "worse"
    if after.high < before.low and after.median < before.median * (1 - resolution):
        return "better"
    is_same = abs(after.median - before.median) <= before.median * resolution
    return "same" if is_same and before.is_within(resolution) and after.is_within(resolution) else "not told"


def _calls(spot: Spot, before: Figure, after: Figure) -> Iterator[Change]:
    for what, old, new in (
        ("calls to AlloMia", sum(before.allomia.values()), sum(after.allomia.values())),
        ("requests to Vault", before.vault, after.vault),
    ):
        is_same = abs(new - old) <= old * CALLS_RESOLUTION
        yield Change(spot, what, str(old), str(new), "same" if is_same else "worse" if new > old else "better")


def _said(found: Interval) -> str:
    return f"{found.median:.2f} ({found.low:.2f}-{found.high:.2f})"


def _show(console: Console, found: Sequence[Change]) -> None:
    for verdict in ("worse", "better"):
        if told := [change for change in found if change.verdict == verdict]:
            console.print(verdict, style="bold")
            console.print(_table(told))
    counts = {name: sum(change.verdict == name for change in found) for name in ("worse", "better", "same", "not told")}
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))


def _table(told: Sequence[Change]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("face", "operation", "keys", "ms", "what", "before", "now"):
        table.add_column(head, no_wrap=True)
    for change in told:
        spot = change.spot
        where = (spot.contender, spot.operation, f"{spot.keys:,}", str(spot.latency_ms))
        table.add_row(*where, change.what, change.before, change.after)
    return table


def _machine(report: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in report["machine"].items())


def _committed(revision: str) -> str:
    command = ["git", "show", f"{revision}:{COMMITTED}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.add_argument("fresh", type=Path, nargs="?", default=ROOT / COMMITTED, help="a report of `make bench`")
    parser.add_argument(
        "--revision", default="HEAD", help="of the repository whose committed report it is compared with"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
