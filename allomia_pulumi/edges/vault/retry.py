"""When a request to Vault is sent again: after the faults that its caller allows, within one policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from allomia_pulumi.edges.net.retry import RetryPolicy, parse_retry_after, retry
from allomia_pulumi.edges.vault.faults import Fault, Repeat
from allomia_pulumi.ground.clock import Clock

__all__ = ["ANY_FAULT", "NOTHING_DONE", "retry_faults"]

T = TypeVar("T")

# What troubles Vault itself (an election, a mount's upgrade) lasts longer than a hiccup, so the first wait is longer
# than AlloMia's. No throttle spreads the repeats of many threads, so jitter does; a wait of minutes, which a quota may
# ask for, would use up the time for all attempts.
POLICY: Final = RetryPolicy(total_seconds=30.0, first_backoff=0.5, longest_retry_after=10.0, jitter=0.2)

ANY_FAULT: Final = frozenset({Repeat.ONCE, Repeat.NOT_DONE, Repeat.MAYBE_DONE})
NOTHING_DONE: Final = frozenset({Repeat.NOT_DONE})


def retry_faults(call: Callable[[], T], clock: Clock, allowed: frozenset[Repeat]) -> T:
    """Make a request until it succeeds, its fault must not be repeated, or 30 s or 5 attempts are over.

    Args:
        call: Makes one attempt.
        clock: What waits, and what the total time is measured with.
        allowed: `ANY_FAULT` where a second request does no harm; `NOTHING_DONE` where the first may have used
            something up.

    Raises:
        Fault: The last one, with the number of attempts.
    """
    attempts = 0

    def attempt() -> T:
        nonlocal attempts
        attempts += 1
        return call()

    def is_repeatable(problem: BaseException, number: int) -> bool:
        if not isinstance(problem, Fault) or problem.repeat not in allowed:
            return False
        return problem.repeat is not Repeat.ONCE or number == 1

    def retry_after(problem: BaseException) -> float | None:
        return parse_retry_after(problem.retry_after, clock.now()) if isinstance(problem, Fault) else None

    try:
        return retry(attempt, clock, POLICY, is_repeatable=is_repeatable, retry_after=retry_after)
    except Fault as fault:
        fault.attempts = attempts
        raise
