"""The schedule of a minted key: when it is due, when its predecessor's overlap ends, and when to act next."""

from __future__ import annotations

from datetime import datetime, timedelta

from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.ground.durations import recorded_length
from allomia_pulumi.ground.moments import format_moment

__all__ = ["has_living_predecessor", "is_overlap_over", "overlap_end", "overlap_of", "overlap_start", "reschedule"]


def overlap_of(inputs: Inputs, state: KeyState) -> timedelta:
    """Return the overlap that holds today: the input's, or the applied one while a preview does not know it."""
    if isinstance(inputs.overlap, Unknown):
        return recorded_length(state.record.settings.overlap)
    return inputs.overlap or timedelta()


def overlap_start(state: KeyState) -> datetime | None:
    """Return when the predecessor's overlap began, or None without a predecessor."""
    if state.previous_key_id is None or state.previous_revoke_at is None:
        return None
    return datetime.fromisoformat(state.previous_revoke_at) - recorded_length(state.record.settings.overlap)


def overlap_end(inputs: Inputs, state: KeyState) -> datetime | None:
    """Return when the predecessor's overlap ends, as the inputs say it today, or None without a predecessor."""
    began = overlap_start(state)
    return None if began is None else began + overlap_of(inputs, state)


def is_overlap_over(inputs: Inputs, state: KeyState, now: datetime) -> bool:
    """Tell whether the predecessor has to end."""
    ends = overlap_end(inputs, state)
    return ends is not None and now >= ends


def has_living_predecessor(inputs: Inputs, state: KeyState, now: datetime) -> bool:
    """Tell whether a predecessor is in its overlap."""
    return state.previous_key_id is not None and not is_overlap_over(inputs, state, now)


def reschedule(state: KeyState, owed_since: datetime | None = None) -> KeyState:
    """Return the state with the moments that follow from its settings.

    `owed_since` is the moment of an update that left something pending: there is something to do from then on.
    """
    rotate_after = recorded_length(state.record.settings.rotate_after)
    rotate_at = format_moment(state.made_at + rotate_after) if rotate_after else None
    next_action_at = state.previous_revoke_at or rotate_at
    if state.pending:
        next_action_at = format_moment(owed_since) if owed_since else state.next_action_at
    return state.model_copy(update={"rotate_at": rotate_at, "next_action_at": next_action_at})
