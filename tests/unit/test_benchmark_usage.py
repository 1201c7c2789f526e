"""What a Python process notes of itself at its end, and who it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.usage import OTHER, PROGRAM, PROVIDER, Meter, Spent, read_note

BUSY = "import time\nwhile time.process_time() < 0.2: pass\n"


@pytest.mark.parametrize(
    ("arguments", "role"),
    [
        ("/venv/bin/python -u -m pulumi.dynamic 127.0.0.1:1", PROVIDER),
        ("/venv/bin/python3 /venv/bin/pulumi-resource-allomia 127.0.0.1:1", PROVIDER),
        ("/venv/bin/python -u /engine/pulumi-language-python-exec --monitor 127.0.0.1:1 .", PROGRAM),
        ("/venv/bin/python -P /tools/language_host.py --scripts /engine", OTHER),
    ],
)
def test_a_process_is_known_by_its_arguments(arguments: str, role: str) -> None:
    assert read_note(f"1.500000 2048 {arguments}") == Spent(role, 1.5, 2.0)


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "import os; os._exit(3)", "raise KeyError"])
def test_a_process_notes_its_cpu_time_however_it_ends(tmp_path: Path, end: str) -> None:
    meter = Meter(tmp_path / "notes")
    environment = {**os.environ, **meter.environment}
    subprocess.run(
        [sys.executable, "-c", BUSY + end], env=environment, check=False, stderr=subprocess.DEVNULL, timeout=60
    )
    [spent] = meter.of(OTHER)
    assert spent.cpu_seconds >= 0.2
    if Path("/proc/self/status").exists():
        assert spent.memory_mb > 1


def test_without_the_variable_nothing_is_noted(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "notes")
    environment = {name: value for name, value in meter.environment.items() if name == "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", ""], env={**os.environ, **environment}, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_not_whole_yet_is_not_read_and_a_process_that_never_ends_is_not_waited_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes"
    path.write_text("0.5 1024 python -m pulumi.dynamic\n0.7 1024 python -m pulumi.dyn")
    meter = Meter(path)
    assert meter.of(PROVIDER) == [Spent(PROVIDER, 0.5, 1.0)]
    assert meter.wait(PROVIDER, 0.0)
    assert not meter.wait(PROGRAM, 0.0)
    meter.clear()
    assert not meter.of(PROVIDER)
