"""The steps of the check: each one line with its seconds, and a failure stops none of the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.engine.processes import ToolError

__all__ = ["Steps"]

WIDTH = 34


@dataclass
class Steps:
    """What was tried so far."""

    passed: int = 0
    failed: int = 0
    _broken: set[str] = field(default_factory=set)

    def take(self, name: str, act: Callable[[], str], *, after: str = "") -> None:
        """Take a step and print a line about it.

        Args:
            name: What the line calls it.
            act: Returns what was seen; any error is a failure.
            after: The step without which this one makes no sense; when that failed, this one is not tried, and counts
                as failed.
        """
        started = time.monotonic()
        if after in self._broken:
            seen, is_good = f"not tried, because of: {after}", False
        else:
            try:
                seen, is_good = act(), True
            except ToolError as error:
                seen, is_good = str(error), False
            except Exception as error:  # noqa: BLE001 - the other steps are worth their lines all the same
                seen, is_good = f"{type(error).__name__}: {error}", False
        if is_good:
            self.passed += 1
        else:
            self.failed += 1
            self._broken.add(name)
        word = "passed" if is_good else "FAILED"
        print(f"{word} {time.monotonic() - started:6.1f} s  {name:<{WIDTH}} {seen}", flush=True)

    def close(self) -> bool:
        """Print the closing line, and return whether nothing failed."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return self.failed == 0
