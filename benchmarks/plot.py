"""The seconds as one picture: a panel for each number of keys, a bar for each contender."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.contenders import AFTERNOON, CAREFUL, CONTENDERS, DYNAMIC, FLOOR, PLUGIN
from benchmarks.course import OPERATIONS
from benchmarks.figures import Figure, Figures, Spot, scenes

__all__ = ["draw", "panels"]

PREFERRED = ((100, 100), (1000, 100))
# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = {
    DYNAMIC.name: "#0072B2",
    PLUGIN.name: "#56B4E9",
    CAREFUL.name: "#009E73",
    AFTERNOON.name: "#E69F00",
    FLOOR.name: "#B3B3B3",
}
LABELS = {
    DYNAMIC.name: "allomia, dynamic face",
    PLUGIN.name: "allomia, plugin face",
    CAREFUL.name: "a provider written with care",
    AFTERNOON.name: "a provider written in an afternoon",
    FLOOR.name: "a provider that does nothing",
}
BAR_HEIGHT = 0.16
# matplotlib need not be there when types are checked.
Axes: TypeAlias = Any
INK, FAINT = "#222222", "#DDDDDD"
# matplotlib wants literal keys, which only it can name.
STYLE: dict[Any, Any] = {
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
    "svg.fonttype": "none",
    "svg.hashsalt": "allomia-pulumi",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
}


def panels(found: Figures) -> list[tuple[int, int]]:
    """Return the (keys, latency_ms) to draw: 100 and 1,000 keys at 100 ms, or else the last that was measured."""
    measured = scenes(found)
    return [scene for scene in PREFERRED if scene in measured] or measured[-1:]


def draw(found: Figures, path: Path) -> None:
    """Write the picture; the format follows the name, and the same figures make the same file.

    Raises:
        ImportError: matplotlib is missing.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only who draws needs it
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415 - the same

    chosen = panels(found)
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(6.0 * len(chosen) + 1.5, 7.2), layout="constrained")
        axes = canvas.subplots(1, len(chosen), squeeze=False)[0]
        for axis, scene in zip(axes, chosen, strict=True):
            _draw_panel(axis, found, scene)
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        canvas.suptitle("How long each command of the Pulumi CLI takes: median of the rounds", fontweight="bold")
        canvas.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_panel(axis: Axes, found: Figures, scene: tuple[int, int]) -> None:
    keys, latency_ms = scene
    longest = max(figure.highest for spot, figure in found.items() if (spot.keys, spot.latency_ms) == scene)
    for place, contender in enumerate(CONTENDERS):
        spots = [Spot(contender.name, *scene, operation) for operation in OPERATIONS]
        bars = [(row, found[spot]) for row, spot in enumerate(spots) if spot in found]
        _draw_bars(axis, contender.name, place, bars, longest)
    axis.set_title(f"{keys:,} {'key' if keys == 1 else 'keys'}, AlloMia answers after {latency_ms} ms", loc="left")
    axis.set_yticks(range(len(OPERATIONS)), [_label(found, scene, operation) for operation in OPERATIONS])
    axis.set_xlabel("seconds; whiskers from the fastest to the slowest round")
    axis.set_xlim(0, longest * 1.12)
    axis.set_ylim(len(OPERATIONS) - 0.45, -0.55)
    axis.grid(axis="x", color=FAINT, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_bars(
    axis: Axes,
    name: str,
    place: int,
    bars: list[tuple[int, Figure]],
    longest: float,
) -> None:
    heights = [row + (place - (len(CONTENDERS) - 1) / 2) * BAR_HEIGHT for row, _ in bars]
    medians = [figure.median for _, figure in bars]
    whiskers = [
        [figure.median - figure.lowest for _, figure in bars],
        [figure.highest - figure.median for _, figure in bars],
    ]
    axis.barh(heights, medians, BAR_HEIGHT * 0.92, color=COLOURS[name], label=LABELS[name])
    if any(len(figure.seconds) > 1 for _, figure in bars):
        axis.errorbar(medians, heights, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=0.8, capsize=1.5)
    for height, (_, figure) in zip(heights, bars, strict=True):
        axis.text(figure.highest + longest * 0.012, height, f"{figure.median:.1f}", va="center", fontsize=7)


def _label(found: Figures, scene: tuple[int, int], operation: str) -> str:
    """Name an operation, and its keys where they are fewer than the panel's."""
    about = [found[spot].keys for name in COLOURS if (spot := Spot(name, *scene, operation)) in found]
    return f"{operation}\n({about[0]} keys)" if about and about[0] != scene[0] else operation
