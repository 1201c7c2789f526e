"""Time, as one object that tests replace."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where every rule and every deadline takes its time from."""

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds, or for fewer when the run is being stopped."""
        ...

    @property
    def is_stopping(self) -> bool:
        """Tell whether the run is being stopped: what was begun is brought to its end, and nothing new is begun."""
        ...


CLEAN_UP_SECONDS = 4.0
"""Pulumi gives a provider 5 seconds after the second Ctrl-C (measured on the engine)."""


class SystemClock:
    """The machine's own clock.

    Args:
        clean_up_seconds: How long, after `stop`, waiting still takes time; from then on nothing waits.
    """

    def __init__(self, clean_up_seconds: float = CLEAN_UP_SECONDS) -> None:
        self._clean_up_seconds = clean_up_seconds
        self._stopping = threading.Event()
        self._last_wait_ends = 0.0

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds, or for fewer when the run is being stopped."""
        end = self.monotonic() + seconds
        if self._stopping.wait(seconds):
            time.sleep(max(0.0, min(end, self._last_wait_ends) - self.monotonic()))

    @property
    def is_stopping(self) -> bool:
        """Tell whether the run is being stopped."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Begin to stop: whoever waits goes on."""
        if not self._stopping.is_set():
            self._last_wait_ends = self.monotonic() + self._clean_up_seconds
            self._stopping.set()
