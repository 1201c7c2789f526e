"""The schedule of a handmade key: when it is due, when old keys have to be gone, and when somebody has to act next."""

from __future__ import annotations

from datetime import timedelta

from allomia_pulumi.core.handmade_key.inputs import DashboardInputs
from allomia_pulumi.core.handmade_key.state import DashboardState
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.ground.durations import recorded_length
from allomia_pulumi.ground.moments import format_moment

__all__ = ["reschedule", "with_next_action"]


def reschedule(state: DashboardState, inputs: DashboardInputs) -> DashboardState:
    """Return the state with the moments that follow from today's inputs; unknown ones leave them as they are."""
    applied = state.record.settings
    after = recorded_length(applied.rotate_after) if isinstance(inputs.rotate_after, Unknown) else inputs.rotate_after
    overlap = recorded_length(applied.overlap) if isinstance(inputs.overlap, Unknown) else inputs.overlap
    rotate_at = format_moment(state.began_at + after) if after else None
    old_keys = tuple(old.until(overlap or timedelta()) for old in state.previous_keys)
    timed = state.model_copy(update={"rotate_at": rotate_at, "previous_keys": old_keys})
    return with_next_action(timed, state.next_action_at)


def with_next_action(state: DashboardState, wrong_since: str | None) -> DashboardState:
    """Return the state with the earliest moment at which there is something to do; what is wrong is due at once."""
    moments = [old.delete_at for old in state.previous_keys] + [state.rotate_at, wrong_since if state.pending else None]
    return state.model_copy(update={"next_action_at": min(filter(None, moments), default=None)})
