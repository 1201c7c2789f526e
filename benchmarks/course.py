"""The course that every contender runs: chains of operations, each on a fresh stack."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.contenders import FLOOR, Contender
from benchmarks.samples import Sample, Unit
from benchmarks.scene import Cost, DifferentError, Scene, Servers
from tools.engine.build import Engine

__all__ = ["CHAINS", "OPERATIONS", "Operation", "measure", "measure_import"]

KEYS_PER_ORGANIZATION = 5
ROTATING_PER_ORGANIZATION = 2
OVERLAP = "1s"
# AlloMia's own clock, which has whole seconds, has to agree that the overlap is over.
OVERLAP_WAIT_SECONDS = 2.1
UP = ("up", "--yes", "--skip-preview")


@dataclass(frozen=True)
class Operation:
    """One command of a chain.

    Attributes:
        configure: What the program is told before; None takes a value away.
        floor_configure: The same for the provider that does nothing, where it differs.
        minted, revoked: Keys made and ended, per key declared.
        needs_overlap: Only contenders with an overlap can do it.
        waits: Seconds to wait before it.
        is_counted: Whether it is measured, or only sets the scene.
    """

    name: str
    command: tuple[str, ...]
    configure: Mapping[str, str | None] = field(default_factory=dict)
    floor_configure: Mapping[str, str | None] | None = None
    minted: int = 0
    revoked: int = 0
    needs_overlap: bool = False
    waits: float = 0.0
    is_counted: bool = True


DECLARE = (
    Operation("first up", UP, minted=1),
    Operation("no-op up", UP),
    Operation("preview", ("preview",)),
    Operation("refresh", ("refresh", "--yes", "--skip-preview")),
    Operation("destroy", ("destroy", "--yes", "--skip-preview"), revoked=1),
)
ROTATE = (
    Operation("set the scene", UP, minted=1, is_counted=False),
    Operation("rotate all", UP, {"quarter": "2"}, minted=1, revoked=1),
    Operation(
        "rotate in place",
        UP,
        {"quarter": "3", "overlap": OVERLAP},
        floor_configure={"overlap": "1s"},
        minted=1,
        needs_overlap=True,
    ),
    Operation(
        "retire all",
        UP,
        floor_configure={"overlap": "2s"},
        revoked=1,
        needs_overlap=True,
        waits=OVERLAP_WAIT_SECONDS,
    ),
)
CHAINS = {"declare": (DECLARE, KEYS_PER_ORGANIZATION), "rotate": (ROTATE, ROTATING_PER_ORGANIZATION)}
OPERATIONS = tuple(each.name for each in (*DECLARE, *ROTATE) if each.is_counted)


def measure(unit: Unit, contender: Contender, servers: Servers, engine: Engine) -> Iterator[Sample]:
    """Run one chain of one contender.

    Raises:
        DifferentError: A command did not make or end as many keys as it has to.
        ToolError: A command failed.
    """
    operations, most = CHAINS[unit.chain]
    organizations = max(1, unit.keys // KEYS_PER_ORGANIZATION)
    per_organization = min(most, unit.keys)
    keys = organizations * per_organization
    with Scene.set(
        servers,
        engine,
        contender,
        organizations=organizations,
        keys_per_organization=per_organization,
        latency_ms=unit.latency_ms,
        checkpoints=unit.checkpoints,
    ) as scene:
        for operation in operations:
            if operation.needs_overlap and not contender.has_overlap:
                continue
            is_special = contender is FLOOR and operation.floor_configure is not None
            scene.configure((operation.floor_configure or {}) if is_special else operation.configure)
            time.sleep(operation.waits)
            cost = scene.run(*operation.command)
            if contender.talks:
                _expect(operation, cost, keys)
            if operation.is_counted:
                yield Sample(unit, operation.name, keys, organizations, **vars(cost))


def measure_import(contender: Contender) -> float:
    """Return the seconds that a Python takes that imports what a program needs, and ends.

    Raises:
        DifferentError: It cannot be imported.
    """
    command = [sys.executable, "-c", contender.imports]
    began = time.perf_counter()
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise DifferentError(f"`{contender.imports}` failed")
    return time.perf_counter() - began


def _expect(operation: Operation, cost: Cost, keys: int) -> None:
    done = cost.allomia.get("minted", 0), cost.allomia.get("revoked", 0)
    wanted = operation.minted * keys, operation.revoked * keys
    if done != wanted:
        raise DifferentError(f"{operation.name}: {done} keys made and ended instead of {wanted}")
