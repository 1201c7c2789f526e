"""A rate limit of a whole process: when one request is limited, all wait, and one asks first for all.

Vault's edge does without: its quotas are those of one path or mount, so one limited request says nothing of others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock

__all__ = ["Throttle"]

LONGEST_SHARED_SECONDS = 10.0
"""A longer wait is the limited request's own: what others ask for may be allowed."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
MOST_SECONDS = 30.0
"""Nobody waits longer for the others: after that a request is sent, and has an answer of its own."""

LOOK_SECONDS = 0.02


class Throttle:
    """Rate limiter of one service, shared by all its requests; thread-safe.

    After a 429 nobody sends anything until its time is over. Then one request goes first; if it is not limited, all
    go, and if it is, all wait again, for longer.

    Args:
        clock: Where time comes from.
        cancellation: Lets everybody go on at once.
    """

    def __init__(self, clock: Clock, cancellation: Cancellation) -> None:
        self._clock = clock
        self._cancellation = cancellation
        self._lock = threading.Lock()
        self._pauses = 0
        self._opens_at = 0.0
        self._asking_until = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may be sent, and send it inside.

        When the run is being stopped nobody waits: what was begun has to come to its end.
        """
        is_asking = self._wait(self._clock.monotonic() + MOST_SECONDS)
        try:
            yield
        finally:
            # An answer that was no answer at all says nothing; the next one asks.
            if is_asking:
                with self._lock:
                    self._asking_until = 0.0

    def back_off(self, retry_after: float | None) -> None:
        """Note that a request was limited, and for how many seconds, if the answer says so."""
        if retry_after is not None and retry_after > LONGEST_SHARED_SECONDS:
            return
        with self._lock:
            now = self._clock.monotonic()
            pause = 0.0
            # Requests that were under way together are limited together: that is one pause, not many.
            if now >= self._opens_at:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._pauses)
                self._pauses += 1
            if retry_after is not None:
                pause = max(FIRST_PAUSE, retry_after)
            self._opens_at = max(self._opens_at, now + pause)

    def resume(self) -> None:
        """Note that a request was not limited; one that was sent before the pause says nothing."""
        with self._lock:
            if self._clock.monotonic() >= self._opens_at:
                self._pauses = 0

    def _wait(self, end: float) -> bool:
        """Return when a request may be sent, and whether it is the one that asks for all."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                is_open = self._pauses == 0 or self._cancellation.is_requested or now >= end
                if not is_open and now >= self._opens_at and now >= self._asking_until:
                    self._asking_until = now + MOST_SECONDS
                    return True
                left = min(max(self._opens_at - now, LOOK_SECONDS), end - now)
            if is_open:
                return False
            self._clock.sleep(left)
