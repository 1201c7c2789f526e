"""Time, as one object that tests replace."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from allomia_pulumi.ground.cancellation import Cancellation

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


class SystemClock:
    """The machine's own clock.

    Args:
        cancellation: What ends a sleep early; by default nothing does.
    """

    def __init__(self, cancellation: Cancellation | None = None) -> None:
        self._cancellation = cancellation or Cancellation()

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds, or for fewer when the run is being stopped."""
        self._cancellation.wait(seconds)
