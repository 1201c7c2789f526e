"""The plan for a minted key: a pure function of the inputs, the record, the time and a free slot.

Everything is decided from the record in the outputs: after a partly failed update the engine keeps old inputs with new
outputs. An absent output is never a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from allomia_pulumi.core.minted_key.identity import Today, is_elsewhere
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.record import has_unrecorded, is_undelivered
from allomia_pulumi.core.minted_key.schedule import has_living_predecessor, is_overlap_over, overlap_of
from allomia_pulumi.core.minted_key.state import NO_TRIGGERS, KeyState, Reason, Settings, hash_triggers
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import OwedStep

__all__ = ["Plan", "Step", "make_plan"]


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
        reason: Why the key is rotated; None if it is not.
        waiting: A rotation that is due, and waits for a slot.
        refused: A rotation that is due, and may not start while a predecessor lives.
        is_uncertain: Triggers are unknown in this preview, so the key may rotate.
    """

    replaces: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    reason: Reason | None = None
    waiting: Reason | None = None
    refused: Reason | None = None
    is_uncertain: bool = False

    @property
    def is_rotation(self) -> bool:
        """Tell whether this plan makes a second key in the same organization."""
        return self.reason is not None

    @property
    def has_changes(self) -> bool:
        """Tell whether the engine has something to do."""
        return bool(self.replaces or self.steps) or self.is_uncertain

    @property
    def causes(self) -> tuple[str, ...]:
        """Name what is due, beside the inputs that changed, by paths that a preview can show."""
        rotation = (f"rotation.{SHOWN_REASON[self.reason]}",) if self.reason else ()
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
    is_in_place = overlap_of(inputs, state) > timedelta()
    is_blocked = is_in_place and due is not Reason.REVOKED and has_living_predecessor(inputs, state, now)
    reason = None if is_blocked else due
    is_uncertain = isinstance(inputs.rotation_triggers, Unknown) and bool(state.triggers_hash)
    if reason and has_slot and not (today and is_elsewhere(state.record, today.service)):
        if not is_in_place:
            return Plan(replaces=(ROTATING_INPUT[reason],), reason=reason)
        steps = (*_ending_steps(inputs, state, now), Step.ROTATE)
        return Plan(steps=steps, reason=reason, is_uncertain=is_uncertain)
    return Plan(
        steps=(*_ending_steps(inputs, state, now), *_settling_steps(inputs, state, today)),
        waiting=reason,
        refused=due if is_blocked and due is not Reason.SCHEDULE else None,
        is_uncertain=is_uncertain,
    )


def _ending_steps(inputs: Inputs, state: KeyState, now: datetime) -> Iterator[Step]:
    """Yield the steps that end keys, before any rotation."""
    if state.owes(OwedStep.REVOKE):
        yield Step.FINISH
    if is_overlap_over(inputs, state, now):
        yield Step.RETIRE


def _settling_steps(inputs: Inputs, state: KeyState, today: Today | None) -> Iterator[Step]:
    """Yield the steps that a rotation would do along with the new key."""
    if is_undelivered(inputs, state):
        yield Step.DELIVER
    if has_unrecorded(inputs, state, today):
        yield Step.RECORD


def is_moved(inputs: Inputs, applied: Settings) -> bool:
    """Tell whether the key belongs to another organization now; an unknown one is not a move by itself."""
    return not isinstance(inputs.organization_id, Unknown) and inputs.organization_id != applied.organization_id


def rotation_due(inputs: Inputs, state: KeyState, now: datetime) -> Reason | None:
    """Return why the key has to be rotated, if it has to; what a program says when it imports a key is no reason."""
    if state.owes(OwedStep.ROTATE):
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
