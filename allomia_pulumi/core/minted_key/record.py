"""The record after settings are applied, and the moments that follow from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from allomia_pulumi.core.minted_key.identity import Today, follow
from allomia_pulumi.core.minted_key.state import (
    NO_TRIGGERS,
    Inputs,
    KeyState,
    Model,
    OwedStep,
    Settings,
    Unknown,
    hash_triggers,
)
from allomia_pulumi.ground.durations import format_duration, parse_duration
from allomia_pulumi.ground.references import VaultReference

__all__ = [
    "apply_settings",
    "at",
    "is_delivered",
    "overlap_of",
    "overlap_start",
    "record_settings",
    "settings_of",
    "with_moments",
]

S = TypeVar("S", bound=Model)


def settings_of(inputs: Inputs, before: Settings | None = None) -> Settings:
    """Return the settings that the inputs ask for; what a preview does not know yet stays as it was."""
    return record_settings(Settings, inputs, before)


def record_settings(kind: type[S], inputs: Model, before: S | None) -> S:
    """Return any resource's settings: its inputs of the same names as the record keeps them, unknown ones as before."""
    return kind(**{name: _recorded(getattr(inputs, name), getattr(before, name, None)) for name in kind.model_fields})


def _recorded(value: object, before: object) -> object:
    match value:
        case Unknown():
            return before
        case timedelta():
            return format_duration(value) if value else None
        case VaultReference():
            return value.to_wire()
    return value


def apply_settings(
    inputs: Inputs, state: KeyState, *, today: Today | None = None, keep_place: bool = False
) -> KeyState:
    """Return the state with the settings applied that move no key; what a rotation waits for is left as it was.

    With `today`, the record follows who the key is now. With `keep_place`, the place in Vault stays as it was too,
    since the key is not at the new one yet.
    """
    before = state.record.settings
    left: dict[str, object] = {"organization_id": before.organization_id}
    if not state.is_unapplied_import:
        left["name"] = before.name
    if keep_place:
        left["vault_secret"] = before.vault_secret
    if state.secret is None or keep_place or not is_delivered(state):
        left["secret_in_state"] = before.secret_in_state
    settings = settings_of(inputs, before).model_copy(update=left)
    record = state.record.model_copy(update={"settings": settings})
    changes: dict[str, object] = {"record": follow(record, today) if today else record}
    if not settings.secret_in_state:
        changes |= {"secret": None, "previous_secret": None}
    if settings.vault_secret is None:
        changes["vault_secret_version"] = None
        changes["pending"] = tuple(owed for owed in state.pending if owed.step is not OwedStep.DELIVER)
    triggers = inputs.rotation_triggers
    if not isinstance(triggers, Unknown):
        new = hash_triggers(triggers)
        if new == NO_TRIGGERS or not state.triggers_hash:
            changes["triggers_hash"] = new
    if state.previous_key_id:
        began = overlap_start(state)
        changes["previous_revoke_at"] = at(began + overlap_of(inputs, state)) if began else None
    return with_moments(state.model_copy(update=changes))


def is_delivered(state: KeyState) -> bool:
    """Tell whether Vault holds the current key, as far as the record knows."""
    return state.vault_secret_version is not None and all(owed.step is not OwedStep.DELIVER for owed in state.pending)


def overlap_of(inputs: Inputs, state: KeyState) -> timedelta:
    """Return the overlap that holds today: the input's, or the applied one while a preview does not know it."""
    if isinstance(inputs.overlap, Unknown):
        return _length(state.record.settings.overlap) or timedelta()
    return inputs.overlap or timedelta()


def overlap_start(state: KeyState) -> datetime | None:
    """Return when the predecessor's overlap began, or None without a predecessor."""
    if state.previous_key_id is None or state.previous_revoke_at is None:
        return None
    return datetime.fromisoformat(state.previous_revoke_at) - (_length(state.record.settings.overlap) or timedelta())


def with_moments(state: KeyState, owed_since: datetime | None = None) -> KeyState:
    """Return the state with the moments that follow from its settings.

    `owed_since` is the moment of an update that left something pending: there is something to do from then on.
    """
    rotate_after = _length(state.record.settings.rotate_after)
    rotate_at = at(state.made_at + rotate_after) if rotate_after else None
    next_action_at = state.previous_revoke_at or rotate_at
    if state.pending:
        next_action_at = at(owed_since) if owed_since else state.next_action_at
    return state.model_copy(update={"rotate_at": rotate_at, "next_action_at": next_action_at})


def at(moment: datetime) -> str:
    """Return a moment as the outputs have it: ISO 8601 in UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _length(recorded: str | None) -> timedelta | None:
    return parse_duration(recorded, "the recorded duration") if recorded else None
