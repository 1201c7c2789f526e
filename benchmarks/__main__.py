"""`make bench`: measure every contender in interleaved rounds, and say what it comes to."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.course import CHAINS, KEYS_PER_ORGANIZATION, measure, measure_import
from benchmarks.figures import IMPORT, Figure, Ratio, figures, ratios
from benchmarks.plot import draw, panels
from benchmarks.samples import Sample, Samples, Unit
from benchmarks.scene import DifferentError, Servers
from benchmarks.tables import WIDTH, show_figures, show_targets
from benchmarks.targets import evaluate
from tools.engine.build import Engine, ensure_engine
from tools.engine.builds import cache_folder
from tools.engine.processes import ToolError

DEFAULT_KEYS, DEFAULT_LATENCIES, DEFAULT_ROUNDS = (1, 100), (0, 100), 5
RESULTS = Path(__file__).parent / "results"

console = Console(highlight=False, width=WIDTH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report and return the exit code; a missed target is a result, not a failure."""
    asked = _parser().parse_args(arguments)
    try:
        engine = ensure_engine(_tell)
        samples = _open(asked)
        if not asked.report:
            _measure_imports(samples, asked.import_rounds)
            _measure(samples, asked, engine)
        _report(merged(samples.all(), *(Samples(path).all() for path in asked.also)), asked, engine)
    except (DifferentError, ToolError) as problem:
        console.print(f"\nThe benchmark failed: {problem}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; the same command with --resume goes on")
        return 130
    return 0


def turns(number: int) -> tuple[Contender, ...]:
    """Return who runs after whom in a round, so that nobody is always the first on a cold machine."""
    start = (number - 1) % len(CONTENDERS)
    return CONTENDERS[start:] + CONTENDERS[:start]


def units(
    sizes: Mapping[int, int], latencies: Sequence[int], chains: Iterable[str], *, checkpoints: bool = True
) -> list[tuple[Unit, Contender]]:
    """Return what is measured, in its order: all contenders do the same thing one after the other.

    `sizes` are the numbers of keys, each with its number of rounds.
    """
    courses = list(itertools.product(sizes, latencies, chains))
    return [
        (Unit(contender.name, *course, number, checkpoints), contender)
        for number in range(1, max(sizes.values(), default=0) + 1)
        for course in courses
        if number <= sizes[course[0]]
        for contender in turns(number)
    ]


def merged(*files: Sequence[Sample]) -> list[Sample]:
    """Put samples files side by side; where several have the same keys and latency, the first one counts."""
    owners: dict[tuple[int, int], int] = {}
    for number, samples in enumerate(files):
        for sample in samples:
            owners.setdefault((sample.unit.keys, sample.unit.latency_ms), number)
    return [
        sample
        for number, samples in enumerate(files)
        for sample in samples
        if owners[sample.unit.keys, sample.unit.latency_ms] == number
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--keys",
        type=_size,
        action="append",
        metavar="KEYS[:ROUNDS]",
        help="1 to 5 keys or a multiple of 5, and their own number of rounds; default: 1 and 100",
    )
    parser.add_argument("--latency", type=int, action="append", help="AlloMia's, in ms; default: 0 and 100")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    parser.add_argument("--import-rounds", type=int, default=15)
    parser.add_argument("--resume", action="store_true", help="go on with the samples file instead of starting anew")
    parser.add_argument("--no-checkpoints", action="store_true", help="the engine writes its state only at the end")
    parser.add_argument("--samples", type=Path, default=cache_folder() / "bench" / "samples.jsonl", metavar="FILE")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER", help="where NAME.json and NAME.svg go")
    parser.add_argument("--name", default="bench")
    parser.add_argument("--report", action="store_true", help="measure nothing, report what the samples file has")
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="report the keys and latencies of another samples file that the first one lacks",
    )
    return parser


def _size(text: str) -> tuple[int, int | None]:
    keys, _, rounds = text.partition(":")
    count = int(keys)
    if count < 1 or (count > KEYS_PER_ORGANIZATION and count % KEYS_PER_ORGANIZATION):
        raise argparse.ArgumentTypeError("1 to 5 or a multiple of 5")
    return count, int(rounds) if rounds else None


def _open(asked: argparse.Namespace) -> Samples:
    for path in asked.also + ([asked.samples] if asked.report else []):
        if not path.exists():
            raise ToolError(f"There are no samples in {path}.", "Measure first, or name another file.")
    if not asked.report and not asked.resume:
        asked.samples.unlink(missing_ok=True)
    return Samples(asked.samples)


def _measure_imports(samples: Samples, rounds: int) -> None:
    missing = [each for each in units({0: rounds}, (0,), (IMPORT,)) if not samples.has(each[0])]
    # The first import of a checkout compiles, which is not what is measured.
    for contender in CONTENDERS if missing else ():
        measure_import(contender)
    for unit, contender in missing:
        samples.add([Sample(unit, IMPORT, 0, 0, measure_import(contender))])
    _tell(f"{len(missing)} imports measured")


def _measure(samples: Samples, asked: argparse.Namespace, engine: Engine) -> None:
    sizes = {keys: rounds or asked.rounds for keys, rounds in asked.keys or [(keys, None) for keys in DEFAULT_KEYS]}
    wanted = units(sizes, asked.latency or DEFAULT_LATENCIES, CHAINS, checkpoints=not asked.no_checkpoints)
    missing = [each for each in wanted if not samples.has(each[0])]
    with Servers.start() as servers:
        for done, (unit, contender) in enumerate(missing, 1):
            began = time.monotonic()
            samples.add(measure(unit, contender, servers, engine))
            what = f"round {unit.number}, {unit.keys} keys, {unit.latency_ms} ms, {unit.chain}, {unit.contender}"
            _tell(f"{done}/{len(missing)}  {what}: {time.monotonic() - began:.1f} s")


def _report(samples: Sequence[Sample], asked: argparse.Namespace, engine: Engine) -> None:
    checkpoints = _has_checkpoints(samples)
    found, targets = figures(samples), evaluate(samples)
    console.print()
    show_figures(console, found)
    show_targets(console, targets)
    report = {
        "machine": {
            "system": platform.system(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "pulumi": engine.version,
        },
        "checkpoints": checkpoints,
        "figures": [_figure(figure) for figure in found.values()],
        "ratios": [_ratio(ratio) for ratio in ratios(found)],
        "targets": [asdict(row) for row in targets],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.name}.json").write_text(json.dumps(report, indent=2) + "\n")
    if importlib.util.find_spec("matplotlib") is None:
        _tell("no picture: matplotlib is missing, which the extra `bench` brings")
    elif panels(found):
        draw(found, asked.out / f"{asked.name}.svg")
    _tell(f"written to {asked.out}")


def _has_checkpoints(samples: Sequence[Sample]) -> bool:
    modes = {sample.unit.checkpoints for sample in samples if sample.unit.chain != IMPORT}
    if len(modes) > 1:
        raise ToolError(
            "Some samples were taken with the engine's checkpoints and some without: they do not compare.",
            "Report files of one kind together.",
        )
    return modes != {False}


def _figure(figure: Figure) -> dict[str, object]:
    range_ = {"median": figure.median, "lowest": figure.lowest, "highest": figure.highest}
    wire = asdict(figure)
    return {**wire.pop("spot"), **range_, **wire, "keys": figure.spot.keys, "keys_about": figure.keys}


def _ratio(ratio: Ratio) -> dict[str, object]:
    range_ = {"median": ratio.median, "lowest": ratio.lowest, "highest": ratio.highest}
    return {**asdict(ratio.spot), "over": ratio.over, **range_, "verdict": ratio.verdict, "by_round": ratio.by_round}


def _tell(line: str) -> None:
    console.print(line, style="dim", markup=False)


if __name__ == "__main__":
    sys.exit(main())
