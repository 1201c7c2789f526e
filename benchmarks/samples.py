"""What was measured, one line for each command, in a file that an interrupted run goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Sample", "Samples", "Unit"]


@dataclass(frozen=True)
class Unit:
    """What one contender does in one go: a fresh stack, and the operations of one chain on it.

    Attributes:
        latency_ms: How long AlloMia takes for an answer.
        number: Which of the interleaved rounds.
        checkpoints: Whether the engine writes its whole state after each step, as it does by default: what it writes
            grows with the square of the keys, and hides what a provider costs.
    """

    contender: str
    keys: int
    latency_ms: int
    chain: str
    number: int
    checkpoints: bool = True


@dataclass(frozen=True)
class Sample:
    """One command.

    Attributes:
        keys: How many keys it was about.
        organizations: In so many organizations.
        allomia: Calls to AlloMia by what they did.
        vault: Requests to Vault.
        cpu_seconds: CPU time of the provider process.
        memory_mb: Peak memory of the provider process.
        program_cpu_seconds: CPU time of the program's process; 0 when the command runs no program.
        at_once: How many operations the engine ran at once; 0 when the sample does not know.
    """

    unit: Unit
    operation: str
    keys: int
    organizations: int
    seconds: float
    allomia: dict[str, int] = field(default_factory=dict)
    vault: int = 0
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    program_cpu_seconds: float = 0.0
    at_once: int = 0


class Samples:
    """All samples of a run.

    Args:
        path: Where they stand; what is there already counts as measured.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        # A run that is killed may leave half a line, and what is added next would stand on it.
        if whole != text:
            path.write_text(whole)
        self._units = [_read(line) for line in whole.splitlines()]

    def has(self, unit: Unit) -> bool:
        """Tell whether a unit was measured to its end."""
        return any(samples and samples[0].unit == unit for samples in self._units)

    def add(self, samples: Iterable[Sample]) -> None:
        """Keep the samples of one unit, all or none of them."""
        found = list(samples)
        self._units.append(found)
        with self._path.open("a") as file:
            file.write(json.dumps([asdict(sample) for sample in found]) + "\n")

    def all(self) -> list[Sample]:
        """Return every sample."""
        return [sample for samples in self._units for sample in samples]


def _read(line: str) -> list[Sample]:
    return [Sample(**{**wire, "unit": Unit(**wire["unit"])}) for wire in json.loads(line)]
