"""The first record of a declared key: made, adopted, or left behind by a creation that did not come to its end."""

from __future__ import annotations

from datetime import datetime

from allomia_pulumi.errors import KeyLeftBehind
from allomia_pulumi.keys.applied import at, with_moments
from allomia_pulumi.keys.making import Made
from allomia_pulumi.keys.minting import Order
from allomia_pulumi.keys.models import (
    NO_TRIGGERS,
    Inputs,
    KeyState,
    Owed,
    OwedStep,
    Reason,
    Record,
    Settings,
    Unknown,
    hash_triggers,
)
from allomia_pulumi.redaction import fingerprint

__all__ = ["begin", "begin_left_behind"]


def begin(made: Made, order: Order, settings: Settings, inputs: Inputs, reason: Reason, now: datetime) -> KeyState:
    """Return the record of a key that was made or adopted; a delivery that failed is owed."""
    minted, triggers = made.key, inputs.rotation_triggers
    owed = (Owed(step=OwedStep.DELIVER, why=made.owed, key_id=minted.id),) if made.owed else ()
    state = KeyState(
        key_id=minted.id,
        key_name=minted.name,
        created_at=at(minted.created_at),
        secret=minted.key if settings.secret_in_state else None,
        secret_fingerprint=fingerprint(minted.key),
        rotation_reason=reason,
        vault_secret_version=made.vault_version,
        pending=owed,
        triggers_hash=hash_triggers(None if isinstance(triggers, Unknown) else triggers),
        record=_record(order, settings, made.vault_version, has_made_place=made.has_made_place),
    )
    return with_moments(state, now if owed else None)


def begin_left_behind(left: KeyLeftBehind, order: Order, settings: Settings, now: datetime) -> KeyState:
    """Return the record of a key that is alive and that nobody can use: the next run revokes it and makes another."""
    why = "it could not be handed over"
    state = KeyState(
        key_id=left.key_id,
        key_name=order.label,
        created_at=at(now),
        secret_fingerprint="",
        rotation_reason=Reason.CREATED,
        pending=(
            Owed(step=OwedStep.REVOKE, why=why, key_id=left.key_id),
            Owed(step=OwedStep.ROTATE, why=f"key {left.key_id} could not be handed over"),
        ),
        triggers_hash=NO_TRIGGERS,
        record=_record(order, settings, None),
    )
    return with_moments(state, now)


def _record(order: Order, settings: Settings, version: int | None, *, has_made_place: bool = False) -> Record:
    return Record(
        identity=order.identity,
        owner=order.owner,
        lineage=order.lineage,
        settings=settings,
        vault_versions=(version,) if version else (),
        has_made_place=has_made_place,
    )
