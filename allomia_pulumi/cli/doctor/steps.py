"""Runner of checks that depend on each other: each runs as soon as it can, for a bounded time, and never raises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.clock import SystemClock

__all__ = ["Check", "FastClock", "Finding", "State", "Step", "care", "failed", "ok", "run_steps", "shorten", "skipped"]

STEP_SECONDS = 12.0
SPEED_UP = 20.0
SHOWN = 3


class State(StrEnum):
    """State of a finished check."""

    OK = "ok"
    CARE = "care"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        found: What there is, or why nothing was looked at.
        fix: The next step, as a sentence; empty when all is well.
    """

    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True)
class Check:
    """A finding with its name.

    Attributes:
        id: What programs call it.
        title: What people call it.
        stack: The stack that it is about; empty when it is about this machine or its environment.
    """

    id: str
    title: str
    finding: Finding
    stack: str = ""

    @property
    def state(self) -> State:
        """Return how it ended."""
        return self.finding.state


@dataclass(frozen=True)
class Step:
    """A check that is to be made.

    Attributes:
        run: Makes the check, and may raise errors of this package.
        needs: Ids of earlier steps without whose success there is nothing to look at.
        after: Ids of earlier steps that are waited for, however they end.
        seconds: How long it may take.
    """

    id: str
    title: str
    run: Callable[[], Finding]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    seconds: float = STEP_SECONDS


class FastClock(SystemClock):
    """A clock on which a minute of patience takes three seconds: somebody waits for the answer."""

    def monotonic(self) -> float:
        """Return seconds that run fast."""
        return super().monotonic() * SPEED_UP

    def sleep(self, seconds: float) -> None:
        """Wait for the time that takes that many of these seconds."""
        super().sleep(seconds / SPEED_UP)


def ok(found: str) -> Finding:
    """Say that all is well."""
    return Finding(State.OK, found)


def care(found: str, fix: str) -> Finding:
    """Say that something works and needs care."""
    return Finding(State.CARE, found, fix)


def failed(found: str, fix: str = "") -> Finding:
    """Say that something does not work."""
    return Finding(State.FAILED, found, fix)


def skipped(why: str, fix: str = "") -> Finding:
    """Say why nothing was looked at."""
    return Finding(State.SKIPPED, why, fix)


def shorten(texts: Sequence[str]) -> str:
    """Name the first few, and say how many more there are."""
    rest = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def run_steps(steps: Sequence[Step], stack: str = "") -> list[Check]:
    """Take all steps, those that do not wait for each other at the same time; return the checks in the steps' order."""
    futures: dict[str, Future[Check]] = {}
    # As many threads as steps: one that waits for another holds a thread meanwhile.
    with ThreadPoolExecutor(max(1, len(steps))) as pool:
        for step in steps:
            needs = [futures[name] for name in step.needs]
            after = [futures[name] for name in step.after]
            futures[step.id] = pool.submit(_take, step, needs, after, stack)
    return [future.result() for future in futures.values()]


def _take(step: Step, needs: Sequence[Future[Check]], after: Sequence[Future[Check]], stack: str) -> Check:
    for one in (*needs, *after):
        one.result()
    missing = next((one.result() for one in needs if one.result().state in {State.FAILED, State.SKIPPED}), None)
    finding = _bounded(step) if missing is None else skipped(_reason(missing))
    return Check(step.id, step.title, finding, stack)


def _reason(missing: Check) -> str:
    """Say why a step was not taken; of a chain of skipped ones, each has the reason of the first."""
    return missing.finding.found if missing.state is State.SKIPPED else f"after this failed: {missing.title}"


def _bounded(step: Step) -> Finding:
    """Look, and give up when it takes too long: name resolution, for one, has no time limit of its own."""
    findings: list[Finding] = []
    worker = threading.Thread(target=lambda: findings.append(_guarded(step)), daemon=True)
    worker.start()
    worker.join(step.seconds)
    late = f"no answer within {step.seconds:.0f} seconds"
    return findings[0] if findings else failed(late, "Check the address and the network, then run again.")


def _guarded(step: Step) -> Finding:
    try:
        return step.run()
    except AllomiaError as problem:
        return failed(problem.message, problem.hint)
    except Exception as problem:  # noqa: BLE001 - one broken check must not hide the others
        # Its text may hold anything, so only its type is told.
        return failed(f"the check itself broke ({type(problem).__name__})", "Please report it with this line.")
