"""`python -m benchmarks.clinics`: organizations and a key for each in one `up`, beside a provider that does nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import DYNAMIC, FLOOR, PLUGIN, Contender
from benchmarks.scene import Cost, Scene, Servers
from tools.engine.build import Engine, ensure_engine

LATENCY_MS = 100
COMMANDS = {
    "first up": ("up", "--yes", "--skip-preview"),
    "no-op up": ("up", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


@dataclass(frozen=True)
class Run:
    """One command of one contender."""

    command: str
    contender: str
    cost: Cost


def main() -> None:
    """Measure each command once, and print the seconds and the calls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinics", description=__doc__)
    parser.add_argument("--clinics", type=int, default=200)
    clinics: int = parser.parse_args().clinics
    engine = ensure_engine()
    with Servers.start() as servers:
        contenders = (FLOOR, *(replace(each, program="clinics") for each in (DYNAMIC, PLUGIN)))
        runs = [run for each in contenders for run in _measure(each, clinics, servers, engine)]
    table = Table("", *COMMANDS, title=f"{clinics} organizations and a key for each, AlloMia answers after 100 ms")
    for contender in contenders:
        table.add_row(contender.name, *(_told(run, runs) for run in runs if run.contender == contender.name))
    Console(width=160).print(table)


def _measure(contender: Contender, clinics: int, servers: Servers, engine: Engine) -> Iterator[Run]:
    """Run the commands on a fresh stack; a provider that does nothing has as many resources."""
    resources = clinics if contender.talks else 2 * clinics
    with Scene.set(
        servers,
        engine,
        contender,
        organizations=0,
        keys_per_organization=1,
        latency_ms=LATENCY_MS,
        checkpoints=True,
    ) as scene:
        scene.workspace.write({"organizations.json": json.dumps([str(number) for number in range(resources)])})
        for name, command in COMMANDS.items():
            yield Run(name, contender.name, scene.run(*command))


def _told(run: Run, runs: list[Run]) -> str:
    """Say the seconds, their ratio to those of the provider that does nothing, and the calls."""
    floor = next(each.cost.seconds for each in runs if each.command == run.command and each.contender == FLOOR.name)
    calls = "\n".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(run.cost.allomia.items()))
    return f"{run.cost.seconds:.1f} s, {run.cost.seconds / floor:.2f}\n{calls}"


if __name__ == "__main__":
    main()
