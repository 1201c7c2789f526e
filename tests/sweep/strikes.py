"""What happens to a run whose writes are all held at their boundaries, and how the next runs bring it to its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum

from tests.engine.scenes import wait_until
from tests.sweep.play import Run, Stack
from tools.engine.processes import ToolError
from tools.engine.tap import Hold

MOST_RUNS = 3
REACH_SECONDS = 60.0
REFUSED = "failed to save snapshot"
REFUSED_SECONDS = 120.0


class Strike(StrEnum):
    PROVIDER_KILLED = "provider killed"
    CLI_KILLED = "CLI killed"
    CTRL_C = "Ctrl-C once"
    CTRL_C_TWICE = "Ctrl-C twice"
    ANSWER_LOST = "answer lost"
    BACKEND_REFUSES = "backend refuses"


@dataclass(frozen=True)
class Struck:
    """The run that was struck, and the runs of the same command after it until one succeeded."""

    code: int
    text: str


def run_and_strike(play: Stack, strike: Strike) -> Struck:
    """Run the operation until everything is at its boundary, strike, let go, and wait until nobody is left."""
    holds = play.hold_all()
    run = play.start()
    with ExitStack() as until_its_end:
        try:
            _wait_for_all(run, holds)
            if strike is Strike.BACKEND_REFUSES:
                until_its_end.enter_context(play.workspace.refusing_backend())
            _strike(play, run, strike)
        finally:
            for hold in holds.values():
                # Nobody is there any more to send what a killed provider was about to send, or to take an answer.
                hold.release(lost=strike in {Strike.ANSWER_LOST, Strike.PROVIDER_KILLED})
        if strike is Strike.BACKEND_REFUSES:
            _cut_short(run)
        code = run.end()
    play.wait_for_providers()
    return Struck(code, run.text)


def recover(play: Stack) -> tuple[int, str]:
    """Take away a lock that is left, and run the command until it succeeds; return the number of runs, and texts."""
    if play.is_locked():
        play.workspace.cancel()
    texts = []
    for count in range(1, MOST_RUNS + 1):
        result = play.again()
        texts.append(result.text)
        if result.code == 0:
            return count, "\n".join(texts)
    raise AssertionError(f"{MOST_RUNS} runs did not succeed:\n" + "\n".join(texts))


def _strike(play: Stack, run: Run, strike: Strike) -> None:
    match strike:
        case Strike.PROVIDER_KILLED:
            for pid in play.providers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            play.wait_for_providers()
        case Strike.CLI_KILLED:
            run.process.kill()
            run.process.wait()
        case Strike.CTRL_C:
            run.interrupt()
        case Strike.CTRL_C_TWICE:
            run.interrupt()
            run.process.send_signal(signal.SIGINT)
            run.end()
        case Strike.ANSWER_LOST | Strike.BACKEND_REFUSES:
            pass


def _wait_for_all(run: Run, holds: Mapping[str, Hold]) -> None:
    """Return when everything is at its boundary."""
    with suppress(ToolError):
        wait_until(
            lambda: all(hold.is_reached for hold in holds.values()) or run.process.poll() is not None, REACH_SECONDS
        )
    missing = [name for name, hold in holds.items() if not hold.is_reached]
    assert missing == [], f"never at their boundaries: {missing}\n{run.text}"


def _cut_short(run: Run) -> None:
    """End the CLI once a write was refused for good: it would try for 35 seconds for each key after the other.

    The provider's calls, all let go at once, have long ended by then.
    """
    wait_until(lambda: REFUSED in run.text or run.process.poll() is not None, REFUSED_SECONDS)
    assert REFUSED in run.text, run.text
    run.process.kill()
