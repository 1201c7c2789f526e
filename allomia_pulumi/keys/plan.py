"""What has to be done with a declared key: a pure function of the inputs, the record and a free slot.

Everything is decided from the record in the outputs: after a partly failed update the engine keeps old inputs with new
outputs. An absent output is never a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allomia_pulumi.keys.models import NO_TRIGGERS, Inputs, KeyState, Reason, Settings, Unknown, hash_triggers

__all__ = ["Plan", "make_plan", "record_settings", "rotation_due"]


@dataclass(frozen=True)
class Plan:
    """The answer of `make_plan`: replace, or update, or neither.

    Attributes:
        replaces: The inputs that make a replacement necessary; empty for none.
        reason: Why the replacement's key is made.
        is_recording: Applied settings have to be written into the record; moves no key.
        waiting: A rotation that is due, and waits for a slot.
        is_uncertain: Triggers are unknown in this preview, so the key may rotate.
    """

    replaces: tuple[str, ...] = ()
    reason: Reason = Reason.CREATED
    is_recording: bool = False
    waiting: Reason | None = None
    is_uncertain: bool = False

    @property
    def is_rotation(self) -> bool:
        """Tell whether this plan makes a second key in the same organization."""
        return bool(self.replaces) and self.reason is not Reason.CREATED

    @property
    def has_changes(self) -> bool:
        """Tell whether the engine has something to do."""
        return bool(self.replaces) or self.is_recording or self.is_uncertain


ROTATING_INPUT: Mapping[Reason, str] = {Reason.RENAMED: "name", Reason.TRIGGER: "rotationTriggers"}


def make_plan(inputs: Inputs, state: KeyState, *, has_slot: bool = True) -> Plan:
    """Decide what to do.

    A moved key is made in another organization, so the slots of this one do not hold it up. A rotation without a slot
    waits: what made it due stays due, since triggers and name are then not recorded.
    """
    if is_moved(inputs, state.record.settings):
        return Plan(replaces=("organizationId",), reason=Reason.CREATED)
    due = rotation_due(inputs, state)
    if due and has_slot:
        return Plan(replaces=(ROTATING_INPUT[due],), reason=due)
    return Plan(
        is_recording=has_unrecorded(inputs, state),
        waiting=due,
        is_uncertain=isinstance(inputs.rotation_triggers, Unknown) and bool(state.triggers_hash),
    )


def is_moved(inputs: Inputs, applied: Settings) -> bool:
    """Tell whether the key belongs to another organization now; an unknown one is not a move by itself."""
    return not isinstance(inputs.organization_id, Unknown) and inputs.organization_id != applied.organization_id


def rotation_due(inputs: Inputs, state: KeyState) -> Reason | None:
    """Return why the key has to be rotated, if it has to."""
    if not isinstance(inputs.name, Unknown) and inputs.name != state.record.settings.name:
        return Reason.RENAMED
    if is_trigger_changed(inputs, state):
        return Reason.TRIGGER
    return None


def is_trigger_changed(inputs: Inputs, state: KeyState) -> bool:
    """Tell whether the triggers changed from one non-empty map to another; first use and removal only record."""
    if isinstance(inputs.rotation_triggers, Unknown) or not state.triggers_hash:
        return False
    return hash_triggers(inputs.rotation_triggers) not in {NO_TRIGGERS, state.triggers_hash}


def has_unrecorded(inputs: Inputs, state: KeyState) -> bool:
    """Tell whether an update has something to write down that moves no key."""
    after = record_settings(inputs, state)
    return after.record != state.record or (after.triggers_hash or NO_TRIGGERS) != (state.triggers_hash or NO_TRIGGERS)


def record_settings(inputs: Inputs, state: KeyState) -> KeyState:
    """Return the state with the settings applied that move no key; what a rotation waits for is left as it was."""
    settings = state.record.settings
    if not isinstance(inputs.tenant_key_ref, Unknown):
        wire = inputs.tenant_key_ref.to_wire() if inputs.tenant_key_ref else None
        settings = settings.model_copy(update={"tenant_key_ref": wire})
    triggers_hash = state.triggers_hash
    if not isinstance(inputs.rotation_triggers, Unknown) and not is_trigger_changed(inputs, state):
        triggers_hash = hash_triggers(inputs.rotation_triggers)
    record = state.record.model_copy(update={"settings": settings})
    return state.model_copy(update={"record": record, "triggers_hash": triggers_hash})
