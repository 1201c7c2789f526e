"""The figures as tables that fit a terminal of 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import AFTERNOON, CONTENDERS, FLOOR, OURS
from benchmarks.course import OPERATIONS
from benchmarks.figures import IMPORT, Figure, Figures, Spot, compare, scenes
from benchmarks.targets import Row

__all__ = ["WIDTH", "show_figures", "show_targets"]

WIDTH = 120
HOW_NOISE_IS_TOLD = "noise: in at least one round the order was the other way round; one round alone cannot tell"
NAMES = tuple(contender.name for contender in CONTENDERS)
PAIRS = tuple((ours.name, other.name) for other in (AFTERNOON, FLOOR) for ours in OURS)
COST_HEAD = f"{'calls':>5}{'Vault':>6}{'CPU s':>6}{'MB':>5}"
STATES = {True: "met", False: "missed", None: "unclear"}
TENS, HUNDREDS = 10, 100


def show_figures(console: Console, found: Figures) -> None:
    """Print what the imports took, and for each number of keys and latency the seconds, the ratios and the rest."""
    if any(spot.operation == IMPORT for spot in found):
        _show_times(console, found, Spot("", 0, 0, IMPORT), (IMPORT,), "imports in a fresh Python")
    for keys, latency_ms in scenes(found):
        title = f"{_keys(found, keys, latency_ms)}, AlloMia answers after {latency_ms} ms"
        scene = Spot("", keys, latency_ms, "")
        _show_times(console, found, scene, OPERATIONS, title)
        _show_costs(console, found, scene, title)


def show_targets(console: Console, rows: Sequence[Row]) -> None:
    """Print the targets, and plainly how many were missed."""
    table = _table(("contender", "target"), ("limit", "measured", ""))
    for row in rows:
        table.add_row(row.contender, row.text, row.limit, row.measured, STATES[row.is_met])
    missed = sum(row.is_met is False for row in rows)
    _print(console, "targets", table, HOW_NOISE_IS_TOLD)
    console.print(f"{missed} of {len(rows)} targets missed" if missed else f"none of {len(rows)} targets missed")


def _show_times(console: Console, found: Figures, scene: Spot, operations: Iterable[str], title: str) -> None:
    seconds = _table(("",), NAMES)
    ratios = _table(("",), [f"{one}/{other}" for one, other in PAIRS])
    for operation in operations:
        spots = {name: Spot(name, scene.keys, scene.latency_ms, operation) for name in NAMES}
        if any(spot in found for spot in spots.values()):
            seconds.add_row(operation, *(_seconds(found.get(spots[name])) for name in NAMES))
            ratios.add_row(operation, *(_ratio(found, spots[one], other) for one, other in PAIRS))
    _print(console, f"{title}: seconds", seconds, "median of the rounds (lowest-highest)")
    _print(console, f"{title}: ratios", ratios, HOW_NOISE_IS_TOLD)


def _show_costs(console: Console, found: Figures, scene: Spot, title: str) -> None:
    heads = [f"{name}\n{COST_HEAD}" for name in NAMES]
    table = _table(("",), heads)
    for operation in OPERATIONS:
        figures = [found.get(Spot(name, scene.keys, scene.latency_ms, operation)) for name in NAMES]
        if any(figures):
            table.add_row(operation, *map(_cost, figures))
    _print(
        console,
        f"{title}: costs",
        table,
        "calls to AlloMia, requests to Vault and the provider's CPU seconds: medians; MB: its highest peak",
    )


def _table(texts: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in texts:
        table.add_column(head, no_wrap=True)
    for head in numbers:
        table.add_column(head, no_wrap=True, justify="right")
    return table


def _print(console: Console, title: str, table: Table, note: str) -> None:
    # A table breaks a title of its own that is wider than its columns.
    console.print(title, style="bold")
    console.print(table)
    console.print(f"{note}\n", style="dim", markup=False)


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


def _ratio(found: Figures, spot: Spot, over: str) -> str:
    ratio = compare(found, spot, over)
    if ratio is None:
        return "-"
    if ratio.verdict == "one round":
        return f"{_short(ratio.median)} {ratio.verdict}"
    return f"{_short(ratio.median)} ({_short(ratio.lowest)}-{_short(ratio.highest)}) {ratio.verdict}"


def _cost(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    calls = sum(figure.allomia.values())
    return f"{calls:>5}{figure.vault:>6}{figure.cpu_seconds:>6.1f}{figure.memory_mb:>5.0f}"


def _short(value: float) -> str:
    """Give three digits; more would be noise."""
    if value >= HUNDREDS:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= TENS else f"{value:.2f}"
