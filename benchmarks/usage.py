"""What the Python processes of one command used, as each notes at its end: CPU time, and memory at its peak."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["METER", "PROGRAM", "PROVIDER", "Meter", "Spent", "read_note"]

METER = Path(__file__).parent / "meter"
KIB_PER_MB = 1024
LOOK_SECONDS = 0.02
PROVIDER, PROGRAM, OTHER = "provider", "program", "other"


@dataclass(frozen=True)
class Spent:
    """What one process used until its end."""

    role: str
    cpu_seconds: float
    memory_mb: float


class Meter:
    """The notes of the processes that were started with `environment`.

    Args:
        path: The file that they share.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process has to be started with."""
        return {"PYTHONPATH": str(METER), "BENCH_METER": str(self._path)}

    def clear(self) -> None:
        """Forget what was noted."""
        self._path.unlink(missing_ok=True)

    def wait(self, role: str, seconds: float) -> bool:
        """Wait until a process of that role has noted its end; the engine does not always wait for it."""
        last = time.monotonic() + seconds
        while not self.of(role):
            if time.monotonic() > last:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def of(self, role: str) -> list[Spent]:
        """Return what the processes of one role used."""
        text = self._path.read_text() if self._path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        return [spent for line in whole.splitlines() if (spent := read_note(line)).role == role]


def read_note(line: str) -> Spent:
    """Read one line of the meter: CPU seconds, peak in KiB, and the arguments."""
    cpu_seconds, peak_kib, *arguments = line.split(" ")
    return Spent(_role(arguments), float(cpu_seconds), int(peak_kib) / KIB_PER_MB)


def _role(arguments: Sequence[str]) -> str:
    names = {argument.rpartition("/")[2] for argument in arguments}
    if "pulumi.dynamic" in names or "pulumi-resource-allomia" in names:
        return PROVIDER
    return PROGRAM if "pulumi-language-python-exec" in names else OTHER
