"""Every example is run: a folder that no test of the engine takes is an example that nobody tried."""

from __future__ import annotations

import re
from pathlib import Path

from tests.engine.scenes import EXAMPLES

TAKEN = re.compile(r'EXAMPLES / "([\w-]+)"')


def test_every_example_is_run_on_the_real_engine() -> None:
    here = Path(__file__)
    tests = [path for path in here.parent.glob("test_*.py") if path != here]
    taken = {name for path in tests for name in TAKEN.findall(path.read_text())}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == taken
