"""The record after settings are applied, and the moments that follow from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from allomia_pulumi.durations import format_duration, parse_duration
from allomia_pulumi.keys.models import NO_TRIGGERS, Inputs, KeyState, OwedStep, Settings, Unknown, hash_triggers

__all__ = ["apply_settings", "at", "is_delivered", "overlap_of", "overlap_start", "settings_of", "with_moments"]


def settings_of(inputs: Inputs, before: Settings | None = None) -> Settings:
    """Return the settings that the inputs ask for; what a preview does not know yet stays as it was."""

    def known(name: str, value: object) -> object:
        return getattr(before, name) if isinstance(value, Unknown) and before else value

    def duration(name: str, value: timedelta | Unknown | None) -> object:
        return format_duration(value) if isinstance(value, timedelta) and value else known(name, value or None)

    reference = inputs.tenant_key_ref
    return Settings(
        organization_id=known("organization_id", inputs.organization_id),
        name=known("name", inputs.name),
        rotate_after=duration("rotate_after", inputs.rotate_after),
        overlap=duration("overlap", inputs.overlap),
        vault_secret=known("vault_secret", inputs.vault_secret),
        secret_in_state=known("secret_in_state", inputs.secret_in_state),
        verify=known("verify", inputs.verify),
        tenant_key_ref=known("tenant_key_ref", reference)
        if isinstance(reference, Unknown | None)
        else reference.to_wire(),
    )


def apply_settings(inputs: Inputs, state: KeyState, *, keep_place: bool = False) -> KeyState:
    """Return the state with the settings applied that move no key; what a rotation waits for is left as it was.

    With `keep_place`, the place in Vault stays as it was too, since the key is not at the new one yet.
    """
    before = state.record.settings
    left: dict[str, object] = {"name": before.name, "organization_id": before.organization_id}
    if keep_place:
        left["vault_secret"] = before.vault_secret
    if state.secret is None or keep_place or not is_delivered(state):
        left["secret_in_state"] = before.secret_in_state
    settings = settings_of(inputs, before).model_copy(update=left)
    changes: dict[str, object] = {"record": state.record.model_copy(update={"settings": settings})}
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
