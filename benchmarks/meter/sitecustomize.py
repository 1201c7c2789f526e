"""Write down at the end of a Python process what it used; every Python loads a module of this name at its start.

Whoever looks from outside sees only what was before its last look, which is off by more than what the benchmark tells.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import NoReturn

VARIABLE = "BENCH_METER"


def _peak_kib() -> int:
    """Return the highest mark of the memory, or 0 where nobody says it; `ru_maxrss` would have that of the parent."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - what loads pathlib would be measured
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def _note() -> None:
    arguments = " ".join(sys.orig_argv).replace("\n", " ")
    line = f"{time.process_time():.6f} {_peak_kib()} {arguments}\n"
    # One write of a short line is whole also beside those of other processes.
    file = os.open(_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, line.encode())
    os.close(file)


def _note_and_exit(status: int) -> NoReturn:
    """Note what was used before an end that skips everything else."""
    _note()
    _exit(status)


_exit = os._exit
if _path := os.environ.get(VARIABLE, ""):
    atexit.register(_note)
    os._exit = _note_and_exit
