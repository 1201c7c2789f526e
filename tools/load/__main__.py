"""Run the load and print what it cost; exit code 1 when a promise was not kept."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tools.engine.build import ensure_engine
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace
from tools.load.drive import Report, Run, drive
from tools.load.scene import FACES, Load, project, set_scene

WIDEST_MESSAGE = 200


def main() -> int:
    """Play the load through each face and return the exit code."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--organizations", type=int, default=500)
    parser.add_argument("--chance", type=float, default=0.05, help="the share of requests that fail")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoints", action="store_true", help="let the engine write its state after each step")
    parser.add_argument("--log", type=Path, help="append here what all commands print")
    parser.add_argument("--face", choices=FACES, action="append", help="default: both")
    asked = parser.parse_args()
    engine, problems = ensure_engine(), 0
    for face in asked.face or FACES:
        load = Load(face, asked.keys, asked.organizations, asked.chance, asked.seed, asked.checkpoints)
        print(
            f"\n{face}: {load.keys} keys over {load.organizations} organizations, faults {load.chance:.0%}", flush=True
        )
        with (
            tempfile.TemporaryDirectory(prefix="load-") as folder,
            Sandbox.start() as sandbox,
            Workspace(engine, project(load), Path(folder) / "workspace") as workspace,
        ):
            report = drive(set_scene(load, sandbox, workspace), _tell)
        _print(report)
        if asked.log:
            with asked.log.open("a") as log:
                log.write(report.said)
        problems += len(report.problems)
    return 1 if problems else 0


def _tell(run: Run) -> None:
    changed = ", ".join(f"{count} {name}" for name, count in run.changed.items()) or "nothing"
    print(f"  {run.phase:<22} {run.seconds:7.1f} s  exit {run.code:>3}  {changed}", flush=True)
    for level, messages in (("error", run.errors), ("warning", run.warnings)):
        for message, count in messages.most_common():
            print(f"      {count:4} x {level}: {message[:WIDEST_MESSAGE]}", flush=True)


def _print(report: Report) -> None:
    print(f"\n  {'phase':<22} {'runs':>4} {'seconds':>8} {'recorded':>8} {'alive':>6} {'strays':>6}  calls; faults")
    for phase in report.phases:
        runs = [run for run in report.runs if run.phase == phase.name]
        calls = ", ".join(f"{name} {count}" for name, count in phase.calls.items())
        faults = ", ".join(f"{name} {count}" for name, count in phase.faults.items())
        print(
            f"  {phase.name:<22} {len(runs):>4} {sum(run.seconds for run in runs):>8.1f} {phase.declared:>8} "
            f"{phase.alive:>6} {phase.strays:>6}  {calls}; {faults}"
        )
    print("  peak memory in MB: " + ", ".join(f"{role} {peak:.0f}" for role, peak in sorted(report.peaks.items())))
    for problem in report.problems:
        print(f"  PROBLEM: {problem}")


if __name__ == "__main__":
    sys.exit(main())
