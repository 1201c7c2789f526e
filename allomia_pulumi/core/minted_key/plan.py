"""What has to be done with a declared key: a pure function of the inputs, the record, the time and a free slot.

Everything is decided from the record in the outputs: after a partly failed update the engine keeps old inputs with new
outputs. An absent output is never a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from allomia_pulumi.core.minted_key.identity import Today, has_followed, is_elsewhere
from allomia_pulumi.core.minted_key.record import apply_settings, overlap_of, overlap_start
from allomia_pulumi.core.minted_key.state import (
    NO_TRIGGERS,
    Inputs,
    KeyState,
    OwedStep,
    Reason,
    Settings,
    Unknown,
    hash_triggers,
)

__all__ = ["Plan", "Step", "is_overlap_over", "is_trigger_changed", "make_plan"]


class Step(StrEnum):
    """The steps of an update, in the order in which they are done, so that one `up` converges."""

    FINISH = "finish what is pending"
    RETIRE = "retire the predecessor"
    ROTATE = "rotate"
    DELIVER = "deliver to Vault"
    RECORD = "record settings"


ROTATING_INPUT: Final[Mapping[Reason, str]] = {
    Reason.RENAMED: "name",
    Reason.TRIGGER: "rotationTriggers",
    Reason.SCHEDULE: "rotateAfter",
    Reason.REVOKED: "keyId",
}


SHOWN_REASON: Final[Mapping[Reason, str]] = {
    Reason.RENAMED: "renamed",
    Reason.TRIGGER: "trigger",
    Reason.SCHEDULE: "due",
    Reason.REVOKED: "revoked",
}
SHOWN_STEP: Final[Mapping[Step, str]] = {
    Step.FINISH: "unfinished.revoke",
    Step.RETIRE: "predecessor.retire",
    Step.DELIVER: "delivery.due",
}
"""No path is that of an output: the engine would show its removal."""


@dataclass(frozen=True)
class Plan:
    """The answer of `make_plan`: replace, or update by steps, or neither.

    Attributes:
        replaces: What makes a replacement necessary; empty for none.
        steps: What an update does.
        reason: Why the next key is made.
        waiting: A rotation that is due, and waits for a slot.
        refused: A rotation that is due, and may not start while a predecessor lives.
        is_uncertain: Triggers are unknown in this preview, so the key may rotate.
    """

    replaces: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    reason: Reason = Reason.CREATED
    waiting: Reason | None = None
    refused: Reason | None = None
    is_uncertain: bool = False

    @property
    def is_rotation(self) -> bool:
        """Tell whether this plan makes a second key in the same organization."""
        return Step.ROTATE in self.steps or (bool(self.replaces) and self.reason is not Reason.CREATED)

    @property
    def has_changes(self) -> bool:
        """Tell whether the engine has something to do."""
        return bool(self.replaces or self.steps) or self.is_uncertain

    @property
    def causes(self) -> tuple[str, ...]:
        """Name what is due, beside the inputs that changed, by paths that a preview can show."""
        rotation = (f"rotation.{SHOWN_REASON[self.reason]}",) if self.is_rotation else ()
        return rotation + tuple(SHOWN_STEP[step] for step in self.steps if step in SHOWN_STEP)


def make_plan(
    inputs: Inputs, state: KeyState, now: datetime, *, today: Today | None = None, has_slot: bool = True
) -> Plan:
    """Decide what to do; without `today`, the key is who its record says.

    A moved key is made in another organization, so the slots of this one do not hold it up. A rotation without a slot
    waits: what made it due stays due, since triggers and name are then not recorded. While a predecessor is in its
    overlap, a schedule waits too, and a trigger is refused: a third key would have to live. A key that was made at
    another AlloMia is not rotated before an update has found it at this one, and recorded that.
    """
    if is_moved(inputs, state.record.settings):
        return Plan(replaces=("organizationId",))
    due = rotation_due(inputs, state, now)
    has_slot = has_slot and not (today and is_elsewhere(state.record, today.service))
    is_in_place = overlap_of(inputs, state) > timedelta()
    is_blocked = is_in_place and due is not Reason.REVOKED and has_living_predecessor(inputs, state, now)
    startable = None if is_blocked else due
    if startable and has_slot and not is_in_place:
        return Plan(replaces=(ROTATING_INPUT[startable],), reason=startable)
    rotates = startable is not None and has_slot
    return Plan(
        steps=_steps(inputs, state, now, today, rotates=rotates),
        reason=startable if startable and has_slot else Reason.CREATED,
        waiting=None if has_slot else startable,
        refused=due if is_blocked and due is not Reason.SCHEDULE else None,
        is_uncertain=isinstance(inputs.rotation_triggers, Unknown) and bool(state.triggers_hash),
    )


def _steps(inputs: Inputs, state: KeyState, now: datetime, today: Today | None, *, rotates: bool) -> tuple[Step, ...]:
    wanted = {
        Step.FINISH: any(owed.step is OwedStep.REVOKE for owed in state.pending),
        Step.RETIRE: is_overlap_over(inputs, state, now),
        Step.ROTATE: rotates,
        Step.DELIVER: not rotates and is_undelivered(inputs, state),
        Step.RECORD: not rotates and has_unrecorded(inputs, state, today),
    }
    return tuple(step for step in Step if wanted[step])


def is_moved(inputs: Inputs, applied: Settings) -> bool:
    """Tell whether the key belongs to another organization now; an unknown one is not a move by itself."""
    return not isinstance(inputs.organization_id, Unknown) and inputs.organization_id != applied.organization_id


def rotation_due(inputs: Inputs, state: KeyState, now: datetime) -> Reason | None:
    """Return why the key has to be rotated, if it has to; what a program says when it imports a key is no reason."""
    if any(owed.step is OwedStep.ROTATE for owed in state.pending):
        return Reason.REVOKED
    if state.is_unapplied_import:
        return None
    if not isinstance(inputs.name, Unknown) and inputs.name != state.record.settings.name:
        return Reason.RENAMED
    if is_trigger_changed(inputs, state):
        return Reason.TRIGGER
    if isinstance(inputs.rotate_after, timedelta) and now >= state.made_at + inputs.rotate_after:
        return Reason.SCHEDULE
    return None


def is_trigger_changed(inputs: Inputs, state: KeyState) -> bool:
    """Tell whether the triggers changed from one non-empty map to another; first use and removal only record."""
    if isinstance(inputs.rotation_triggers, Unknown) or not state.triggers_hash:
        return False
    return hash_triggers(inputs.rotation_triggers) not in {NO_TRIGGERS, state.triggers_hash}


def is_overlap_over(inputs: Inputs, state: KeyState, now: datetime) -> bool:
    """Tell whether the predecessor has to end: its overlap, as the inputs say it today, is over."""
    began = overlap_start(state)
    return began is not None and now >= began + overlap_of(inputs, state)


def has_living_predecessor(inputs: Inputs, state: KeyState, now: datetime) -> bool:
    """Tell whether a predecessor is in its overlap."""
    return state.previous_key_id is not None and not is_overlap_over(inputs, state, now)


def is_undelivered(inputs: Inputs, state: KeyState) -> bool:
    """Tell whether the key has to be written to a place where it is not."""
    place, applied = inputs.vault_secret, state.record.settings.vault_secret
    if place is None or isinstance(place, Unknown):
        return False
    is_owed = any(owed.step is OwedStep.DELIVER for owed in state.pending)
    return is_owed or applied is None or not place.is_same(applied)


def has_unrecorded(inputs: Inputs, state: KeyState, today: Today | None = None) -> bool:
    """Tell whether an update has something to write down that moves no key; a delivery writes down its own part."""
    after = apply_settings(inputs, state, keep_place=is_undelivered(inputs, state))
    if today and not has_followed(state.record, today):
        return True
    if after.record != state.record or (after.secret is None) != (state.secret is None):
        return True
    if after.pending != state.pending:
        return True
    if _wants_secret_back(inputs, state):
        return True
    return (after.triggers_hash or NO_TRIGGERS) != (state.triggers_hash or NO_TRIGGERS)


def _wants_secret_back(inputs: Inputs, state: KeyState) -> bool:
    return inputs.secret_in_state is True and not state.record.settings.secret_in_state
