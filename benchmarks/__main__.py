"""`make bench`: measure every contender in interleaved rounds, and say what it comes to."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS
from benchmarks.course import CHAINS, KEYS_PER_ORGANIZATION, measure, measure_import
from benchmarks.figures import IMPORT, figures
from benchmarks.plot import draw, panels
from benchmarks.report import to_wire
from benchmarks.rounds import Budget, course_of, say, units
from benchmarks.samples import Sample, Samples
from benchmarks.scene import DifferentError, Servers
from benchmarks.tables import WIDTH, show_figures, show_targets
from benchmarks.targets import evaluate
from tools.engine.build import Engine, ensure_engine
from tools.engine.builds import cache_folder
from tools.engine.processes import ToolError

# Five rounds can tell something; of eight, one may be disturbed on either side.
DEFAULT_SIZES, DEFAULT_LATENCIES = {100: 8}, (100,)
DEFAULT_ROUNDS = 5
RESULTS = Path(__file__).parent / "results"

console = Console(highlight=False, width=WIDTH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report and return the exit code; a missed target is a result, not a failure."""
    asked = _parser().parse_args(arguments)
    budget = Budget(asked.minutes)
    try:
        engine = ensure_engine(_tell)
        samples = _open(asked)
        if not asked.report:
            _measure_imports(samples, asked.import_rounds)
            _measure(samples, asked, engine, budget)
        _report(merged(samples.all(), *(Samples(path).all() for path in asked.also)), asked, engine)
    except (DifferentError, ToolError) as problem:
        console.print(f"\nThe benchmark failed: {problem}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; the same command with --resume goes on")
        return 130
    return 0


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
        help="1 to 5 keys or a multiple of 5, and their own number of rounds; default: 100:8",
    )
    parser.add_argument("--latency", type=int, action="append", help="AlloMia's, in ms; default: 100")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS, help="for --keys without a number of their own")
    parser.add_argument("--minutes", type=float, help="begin no round that would end later")
    parser.add_argument("--import-rounds", type=int, default=8)
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


def _measure(samples: Samples, asked: argparse.Namespace, engine: Engine, budget: Budget) -> None:
    sizes = {keys: rounds or asked.rounds for keys, rounds in asked.keys} if asked.keys else DEFAULT_SIZES
    wanted = units(sizes, asked.latency or DEFAULT_LATENCIES, CHAINS, checkpoints=not asked.no_checkpoints)
    missing = [each for each in wanted if not samples.has(each[0])]
    done, over = 0, set()
    with Servers.start() as servers:
        # A round of a course is measured with all contenders or with none.
        for (course, number), together in itertools.groupby(missing, key=lambda each: course_of(each[0])):
            if not budget.allows(course):
                if course not in over:
                    _tell(
                        f"{asked.minutes:g} minutes do not last for round {number} of {say(course)}; --resume goes on"
                    )
                over.add(course)
                continue
            with budget.timed(course):
                for unit, contender in together:
                    done += 1
                    began = time.monotonic()
                    samples.add(measure(unit, contender, servers, engine))
                    what = f"round {number}, {say(course)}, {contender.name}"
                    _tell(f"{done}/{len(missing)}  {what}: {time.monotonic() - began:.1f} s")


def _report(samples: Sequence[Sample], asked: argparse.Namespace, engine: Engine) -> None:
    checkpoints = _has_checkpoints(samples)
    found, targets = figures(samples), evaluate(samples)
    console.print()
    show_figures(console, found)
    show_targets(console, targets)
    report = to_wire(found, targets, pulumi=engine.version, checkpoints=checkpoints)
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


def _tell(line: str) -> None:
    console.print(line, style="dim", markup=False)


if __name__ == "__main__":
    sys.exit(main())
