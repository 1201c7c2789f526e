"""When a request is sent again, and after how long: one rule for both services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import tenacity

from allomia_pulumi.ground.clock import Clock

__all__ = ["RetryPolicy", "parse_http_date", "parse_retry_after", "retry"]

T = TypeVar("T")

ATTEMPTS: Final = 5
SHORTEST_WAIT: Final = 0.2
LONGEST_BACKOFF: Final = 5.0


@dataclass(frozen=True)
class RetryPolicy:
    """What differs by service.

    Attributes:
        total_seconds: How long all attempts and the waits between them may take.
        first_backoff: The longest random wait after the first attempt; it doubles with each further one.
        longest_retry_after: What is waited at most when an answer asks for more.
        jitter: What is added at most to a wait that an answer asks for.
    """

    total_seconds: float
    first_backoff: float
    longest_retry_after: float
    jitter: float


def retry(
    call: Callable[[], T],
    clock: Clock,
    policy: RetryPolicy,
    *,
    is_repeatable: Callable[[BaseException, int], bool],
    retry_after: Callable[[BaseException], float | None],
) -> T:
    """Make a request until it succeeds, its error must not be repeated, or the time or the attempts are over.

    Args:
        call: Makes one attempt.
        clock: What waits, and what the total time is measured with.
        policy: The service's limits.
        is_repeatable: Tells whether another attempt may follow an error, by the number of the one that met it.
        retry_after: Returns the seconds that an error's answer asks to wait.

    Raises:
        Exception: The last attempt's error.
    """
    end = clock.monotonic() + policy.total_seconds
    backoff = tenacity.wait_random_exponential(multiplier=policy.first_backoff, max=LONGEST_BACKOFF)
    jitter = tenacity.wait_random(0.0, policy.jitter)

    def is_over(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or clock.monotonic() + state.upcoming_sleep > end

    def wait(state: tenacity.RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        asked = retry_after(problem) if problem else None
        if asked is None:
            return SHORTEST_WAIT + backoff(state)
        return max(SHORTEST_WAIT, min(asked, policy.longest_retry_after)) + jitter(state)

    def is_worth_it(state: tenacity.RetryCallState) -> bool:
        problem = state.outcome.exception() if state.outcome else None
        return problem is not None and is_repeatable(problem, state.attempt_number)

    return tenacity.Retrying(sleep=clock.sleep, retry=is_worth_it, wait=wait, stop=is_over, reraise=True)(call)


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Read a `Retry-After` header as seconds or as a date; nonsense counts as absent."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    moment = parse_http_date(value)
    return max(0.0, (moment - now).total_seconds()) if moment else None


def parse_http_date(value: str) -> datetime | None:
    """Read an HTTP date; nonsense, and one without a zone, counts as absent."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None
