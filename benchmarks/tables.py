"""The figures as tables that fit a terminal of 120 columns."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import AFTERNOON, CAREFUL, CONTENDERS, DYNAMIC, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.figures import IMPORT, Figure, Figures, Measure, Spot, compare, limit_seconds, scenes
from benchmarks.intervals import HOW_IT_IS_TOLD
from benchmarks.limit import LIMIT
from benchmarks.targets import Row

__all__ = ["WIDTH", "show_figures", "show_targets"]

WIDTH = 120
NAMES = tuple(contender.name for contender in CONTENDERS)
# Where nothing is called, the limit is the floor.
TIMES_OVER = (CAREFUL.name, AFTERNOON.name, LIMIT)
CPU_OVER: tuple[tuple[Measure, str], ...] = (
    ("provider_cpu", CAREFUL.name),
    ("provider_cpu", FLOOR.name),
    ("program_cpu", FLOOR.name),
)
CPU_HEADS = {"provider_cpu": "provider", "program_cpu": "program"}
COST_HEAD = f"{'calls':>5}{'Vault':>6}{'MB':>5}"
CPU_HEAD = f"{'prov.':>6}{'prog.':>6}"
STATES = {True: "met", False: "missed", None: "not told"}
TENS, HUNDREDS = 10, 100


def show_figures(console: Console, found: Figures) -> None:
    """Print what the imports took, and for each number of keys and latency the seconds, the ratios and the rest."""
    if any(spot.operation == IMPORT for spot in found):
        _show_times(console, found, Spot("", 0, 0, IMPORT), (IMPORT,), "imports in a fresh Python")
    for keys, latency_ms in scenes(found):
        title = f"{_keys(found, keys, latency_ms)}, AlloMia answers after {latency_ms} ms"
        scene = Spot("", keys, latency_ms, "")
        _show_times(console, found, scene, OPERATIONS, title)
        _show_cpu(console, found, scene, title)
        _show_costs(console, found, scene, title)


def show_targets(console: Console, rows: Sequence[Row]) -> None:
    """Print the targets, and plainly how many were missed, and how many cannot be told."""
    table = _table(("contender", "target"), ("limit", "measured", ""))
    for column in table.columns[2:4]:
        # A list of calls takes lines of its own, so that the others stay whole.
        column.no_wrap, column.max_width = False, 30
    for row in rows:
        table.add_row(row.contender, row.text, row.limit, row.measured, STATES[row.is_met])
    missed, untold = (sum(row.is_met is state for row in rows) for state in (False, None))
    _print(console, "targets", table, HOW_IT_IS_TOLD)
    said = f"{missed} of {len(rows)} targets missed" if missed else f"none of {len(rows)} targets missed"
    console.print(f"{said}, {untold} not told" if untold else said)


def _show_times(console: Console, found: Figures, scene: Spot, operations: Sequence[str], title: str) -> None:
    seconds = _table(("",), (*NAMES, LIMIT))
    for operation in _measured(found, scene, operations):
        spots = [replace(scene, contender=name, operation=operation) for name in NAMES]
        limit = limit_seconds(found, replace(scene, contender=DYNAMIC.name, operation=operation)).values()
        row = [*(_seconds(found.get(spot)) for spot in spots), _short(statistics.median(limit)) if limit else "-"]
        seconds.add_row(operation, *row)
    _print(
        console, f"{title}: seconds", seconds, f"median of the rounds (lowest-highest); limit: of the {DYNAMIC.name}"
    )
    over: list[tuple[Measure, str]] = [("seconds", name) for name in TIMES_OVER]
    _show_ratios(console, found, scene, operations, over, f"{title}: seconds over those of others and over the limit")


def _show_cpu(console: Console, found: Figures, scene: Spot, title: str) -> None:
    table = _table(("",), [f"{name}\n{CPU_HEAD}" for name in NAMES])
    for operation in _measured(found, scene, OPERATIONS):
        table.add_row(
            operation, *(_cpu(found.get(replace(scene, contender=name, operation=operation))) for name in NAMES)
        )
    note = "medians, for the process of the provider and of the program; a refresh and a destroy run no program"
    _print(console, f"{title}: CPU seconds", table, note)
    _show_ratios(console, found, scene, OPERATIONS, CPU_OVER, f"{title}: CPU seconds over those of others")


def _show_ratios(
    console: Console,
    found: Figures,
    scene: Spot,
    operations: Sequence[str],
    over: Sequence[tuple[Measure, str]],
    title: str,
) -> None:
    heads = [f"{CPU_HEADS[measure]}/{name}" if measure in CPU_HEADS else name for measure, name in over]
    table = _table(("", ""), heads)
    for operation in _measured(found, scene, operations):
        for contender in OURS:
            spot = replace(scene, contender=contender.name, operation=operation)
            cells = [_ratio(found, spot, name, measure) for measure, name in over]
            if any(cell != "-" for cell in cells):
                table.add_row(operation, contender.name, *cells)
    if table.row_count:
        _print(console, title, table)


def _show_costs(console: Console, found: Figures, scene: Spot, title: str) -> None:
    table = _table(("",), [f"{name}\n{COST_HEAD}" for name in NAMES])
    for operation in _measured(found, scene, OPERATIONS):
        table.add_row(
            operation, *(_cost(found.get(replace(scene, contender=name, operation=operation))) for name in NAMES)
        )
    note = "calls to AlloMia and requests to Vault: medians; MB: the provider's highest peak"
    _print(console, f"{title}: costs", table, note)


def _measured(found: Figures, scene: Spot, operations: Iterable[str]) -> list[str]:
    """Return the operations that some contender has figures of."""
    return [
        each for each in operations if any(replace(scene, contender=name, operation=each) in found for name in NAMES)
    ]


def _table(texts: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in texts:
        table.add_column(head, no_wrap=True)
    for head in numbers:
        table.add_column(head, no_wrap=True, justify="right")
    return table


def _print(console: Console, title: str, table: Table, note: str = "") -> None:
    # A table breaks a title of its own that is wider than its columns.
    console.print(title, style="bold")
    console.print(table)
    console.print(f"{note}\n" if note else "", style="dim", markup=False)


def _keys(found: Figures, keys: int, latency_ms: int) -> str:
    """Say how many keys, and how many of them rotate where these are fewer."""
    rotating = {figure.keys for spot, figure in found.items() if (spot.keys, spot.latency_ms) == (keys, latency_ms)}
    noun = "key" if keys == 1 else "keys"
    fewer = f" ({min(rotating):,} where they rotate)" if min(rotating) < keys else ""
    return f"{keys:,} {noun}{fewer}"


def _seconds(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{_short(figure.median)} ({_short(figure.lowest)}-{_short(figure.highest)})"


def _ratio(found: Figures, spot: Spot, over: str, measure: Measure) -> str:
    ratio = compare(found, spot, over, measure)
    if ratio is None:
        return "-"
    told = ratio.interval
    return f"{_short(told.median)} ({_short(told.low)}-{_short(told.high)}) {ratio.verdict}"


def _cost(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{sum(figure.allomia.values()):>5}{figure.vault:>6}{figure.memory_mb:>5.0f}"


def _cpu(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    measured = (figure.provider_cpu, figure.program_cpu)
    return "".join(f"{statistics.median(each.values()):>6.2f}" if each else f"{'-':>6}" for each in measured)


def _short(value: float) -> str:
    """Give three digits; more would be noise."""
    if value >= HUNDREDS:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= TENS else f"{value:.2f}"
