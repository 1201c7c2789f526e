"""Check of another clock against this machine's."""

from __future__ import annotations

from datetime import datetime, timedelta

from allomia_pulumi.cli.doctor.steps import Finding, care, ok, skipped
from allomia_pulumi.core.messages import describe_length

__all__ = ["judge_clock"]

TOLERANCE = timedelta(seconds=30)
SKEW_FIX = "Set this machine's clock by NTP; if it is right, tell the operators of the other side."


def judge_clock(theirs: datetime | None, ours: datetime) -> Finding:
    """Compare a clock that says whole seconds, some moments ago, with this machine's."""
    if theirs is None:
        return skipped("it tells no time")
    skew = theirs - ours
    if abs(skew) <= TOLERANCE:
        return ok(f"within {TOLERANCE // timedelta(seconds=1)} s of this machine's")
    direction = "ahead of" if skew > timedelta() else "behind"
    return care(f"it is {describe_length(abs(skew))} {direction} this machine's", SKEW_FIX)
