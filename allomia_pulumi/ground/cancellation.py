"""The cancellation token of a run: what was begun is brought to its end, and nothing new is begun."""

from __future__ import annotations

import threading
import time

__all__ = ["Cancellation"]

CLEAN_UP_SECONDS = 4.0
"""Pulumi gives a provider 5 seconds after the second Ctrl-C (measured on the engine)."""


class Cancellation:
    """A token that is requested once and stays so; whoever waits on it goes on; thread-safe.

    Args:
        clean_up_seconds: How long, after the request, waiting still takes time; from then on nothing waits.
    """

    def __init__(self, clean_up_seconds: float = CLEAN_UP_SECONDS) -> None:
        self._clean_up_seconds = clean_up_seconds
        self._requested = threading.Event()
        self._last_wait_ends = 0.0

    @property
    def is_requested(self) -> bool:
        """Tell whether the run is being stopped."""
        return self._requested.is_set()

    def request(self) -> None:
        """Stop the run; a second request changes nothing."""
        if not self.is_requested:
            self._last_wait_ends = time.monotonic() + self._clean_up_seconds
            self._requested.set()

    def wait(self, seconds: float) -> None:
        """Wait for that many seconds, or for fewer when the run is being stopped."""
        end = time.monotonic() + seconds
        if self._requested.wait(seconds):
            time.sleep(max(0.0, min(end, self._last_wait_ends) - time.monotonic()))
