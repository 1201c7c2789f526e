"""When a request to Vault is sent again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from allomia_pulumi.edges.vault.faults import Fault, Repeat
from allomia_pulumi.ground.clock import Clock

__all__ = ["ANY_FAULT", "NOTHING_DONE", "repeated"]

T = TypeVar("T")

TOTAL_SECONDS = 30.0
ATTEMPTS = 5
SHORTEST_WAIT = 0.2
LONGEST_WAIT = 10.0

ANY_FAULT = frozenset({Repeat.ONCE, Repeat.TURNED_AWAY, Repeat.LOST})
NOTHING_DONE = frozenset({Repeat.TURNED_AWAY})

_backoff = tenacity.wait_random_exponential(multiplier=0.5, max=5.0)
_jitter = tenacity.wait_random(0.0, SHORTEST_WAIT)


def repeated(call: Callable[[], T], clock: Clock, allowed: frozenset[Repeat]) -> T:
    """Make a request until it succeeds, its fault must not be repeated, or 30 s or 5 attempts are over.

    Args:
        call: Makes one attempt.
        clock: What waits, and what the total time is measured with.
        allowed: `ANY_FAULT` where a second request does no harm; `NOTHING_DONE` where the first may have used
            something up.

    Raises:
        Fault: The last one, with the number of attempts.
    """
    end = clock.monotonic() + TOTAL_SECONDS

    def is_worth_it(state: tenacity.RetryCallState) -> bool:
        fault = state.outcome.exception() if state.outcome else None
        if not isinstance(fault, Fault) or fault.repeat not in allowed:
            return False
        return fault.repeat is not Repeat.ONCE or state.attempt_number == 1

    def is_over(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or clock.monotonic() + state.upcoming_sleep > end

    def wait(state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = _asked(fault.retry_after, clock) if isinstance(fault, Fault) else None
        seconds = _backoff(state) if asked is None else min(asked, LONGEST_WAIT)
        return max(SHORTEST_WAIT, seconds) + _jitter(state)

    retrying = tenacity.Retrying(sleep=clock.sleep, retry=is_worth_it, wait=wait, stop=is_over, reraise=True)
    try:
        return retrying(call)
    except Fault as fault:
        fault.attempts = retrying.statistics["attempt_number"]
        raise


def _asked(retry_after: str, clock: Clock) -> float | None:
    """Read `Retry-After` as seconds or as a date; nonsense counts as absent."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - clock.now()).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
