"""The record of a minted key: written with the first key, and after settings are applied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Origin
from allomia_pulumi.core.minted_key.identity import Today, follow, has_followed
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest
from allomia_pulumi.core.minted_key.schedule import overlap_end, reschedule
from allomia_pulumi.core.minted_key.state import NO_TRIGGERS, KeyState, Reason, Record, Settings, hash_triggers
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import Owed, OwedStep, record_settings
from allomia_pulumi.errors import KeyLeftBehind
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import fingerprint

__all__ = [
    "Provenance",
    "apply_settings",
    "has_unrecorded",
    "is_delivered",
    "is_undelivered",
    "record_issued_key",
    "record_left_behind",
    "settings_of",
]


@dataclass(frozen=True)
class Provenance:
    """The origin of a first record.

    Attributes:
        service: The AlloMia that made the key.
        former: What the resource was known as before a replacement.
    """

    service: Service
    former: tuple[Origin, ...] = ()


def settings_of(inputs: Inputs, before: Settings | None = None) -> Settings:
    """Return the settings that the inputs ask for; what a preview does not know yet stays as it was."""
    return record_settings(Settings, inputs, before)


def record_issued_key(
    issued: Issuance,
    request: KeyRequest,
    settings: Settings,
    inputs: Inputs,
    reason: Reason,
    now: datetime,
    provenance: Provenance,
) -> KeyState:
    """Record a key that was issued or adopted; a delivery that failed is owed."""
    key, triggers = issued.key, inputs.rotation_triggers
    owed = (Owed(step=OwedStep.DELIVER, why=issued.owed, key_id=key.id),) if issued.owed else ()
    state = KeyState(
        key_id=key.id,
        key_name=key.name,
        created_at=format_moment(key.created_at),
        secret=key.secret if settings.secret_in_state else None,
        secret_fingerprint=fingerprint(key.secret),
        rotation_reason=reason,
        vault_secret_version=issued.vault_version,
        pending=owed,
        triggers_hash=hash_triggers(None if isinstance(triggers, Unknown) else triggers),
        record=_first_record(request, settings, provenance, issued),
    )
    return reschedule(state, now if owed else None)


def record_left_behind(
    left: KeyLeftBehind, request: KeyRequest, settings: Settings, now: datetime, provenance: Provenance
) -> KeyState:
    """Record a key that is alive and that nobody can use: the next run revokes it and makes another."""
    why = "it could not be handed over"
    state = KeyState(
        key_id=left.key_id,
        key_name=request.label,
        created_at=format_moment(now),
        secret_fingerprint="",
        rotation_reason=Reason.CREATED,
        pending=(
            Owed(step=OwedStep.REVOKE, why=why, key_id=left.key_id),
            Owed(step=OwedStep.ROTATE, why=f"key {left.key_id} could not be handed over"),
        ),
        triggers_hash=NO_TRIGGERS,
        record=_first_record(request, settings, provenance),
    )
    return reschedule(state, now)


def _first_record(
    request: KeyRequest, settings: Settings, provenance: Provenance, issued: Issuance | None = None
) -> Record:
    version = issued.vault_version if issued else None
    return Record(
        identity=request.identity,
        owner=request.owner,
        lineage=request.lineage,
        settings=settings,
        vault_versions=(version,) if version else (),
        former=provenance.former,
        api_url=provenance.service.api_url,
        keys_path=provenance.service.keys_path,
        foreign_keys=(issued.key.id,) if issued and issued.is_foreign else (),
        has_made_place=issued is not None and issued.has_made_place,
    )


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
        changes |= {"vault_secret_version": None, "pending": state.without_owed(OwedStep.DELIVER).pending}
    triggers = inputs.rotation_triggers
    if not isinstance(triggers, Unknown):
        new = hash_triggers(triggers)
        if new == NO_TRIGGERS or not state.triggers_hash:
            changes["triggers_hash"] = new
    if state.previous_key_id:
        ends = overlap_end(inputs, state)
        changes["previous_revoke_at"] = format_moment(ends) if ends else None
    return reschedule(state.model_copy(update=changes))


def is_delivered(state: KeyState) -> bool:
    """Tell whether Vault holds the current key, as far as the record knows."""
    return state.vault_secret_version is not None and not state.owes(OwedStep.DELIVER)


def is_undelivered(inputs: Inputs, state: KeyState) -> bool:
    """Tell whether the key has to be written to a place where it is not."""
    place, applied = inputs.vault_secret, state.record.settings.vault_secret
    if not isinstance(place, VaultLocation):
        return False
    return state.owes(OwedStep.DELIVER) or applied is None or not place.is_same(applied)


def has_unrecorded(inputs: Inputs, state: KeyState, today: Today | None = None) -> bool:
    """Tell whether an update has something to write down that moves no key; a delivery writes down its own part."""
    after = apply_settings(inputs, state, keep_place=is_undelivered(inputs, state))
    is_secret_wanted = inputs.secret_in_state is True and not state.record.settings.secret_in_state
    return (
        is_secret_wanted
        or (today is not None and not has_followed(state.record, today))
        or (after.record, after.pending) != (state.record, state.pending)
        or (after.secret is None) != (state.secret is None)
        or (after.triggers_hash or NO_TRIGGERS) != (state.triggers_hash or NO_TRIGGERS)
    )
