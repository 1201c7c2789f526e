"""The first record of a declared key: made, adopted, or left behind by a creation that did not come to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.minted_key.issue import Made
from allomia_pulumi.core.minted_key.mint import Order
from allomia_pulumi.core.minted_key.record import at, with_moments
from allomia_pulumi.core.minted_key.state import (
    NO_TRIGGERS,
    Inputs,
    KeyState,
    Origin,
    Owed,
    OwedStep,
    Reason,
    Record,
    Settings,
    Unknown,
    hash_triggers,
)
from allomia_pulumi.errors import KeyLeftBehind
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["Kept", "begin", "begin_left_behind"]


@dataclass(frozen=True)
class Kept:
    """What a record keeps beside the key itself.

    Attributes:
        service: The AlloMia that made the key.
        former: What the resource was known as before a replacement.
    """

    service: Service
    former: tuple[Origin, ...] = ()


def begin(
    made: Made, order: Order, settings: Settings, inputs: Inputs, reason: Reason, now: datetime, kept: Kept
) -> KeyState:
    """Return the record of a key that was made or adopted; a delivery that failed is owed."""
    minted, triggers = made.key, inputs.rotation_triggers
    owed = (Owed(step=OwedStep.DELIVER, why=made.owed, key_id=minted.id),) if made.owed else ()
    state = KeyState(
        key_id=minted.id,
        key_name=minted.name,
        created_at=at(minted.created_at),
        secret=minted.secret if settings.secret_in_state else None,
        secret_fingerprint=fingerprint(minted.secret),
        rotation_reason=reason,
        vault_secret_version=made.vault_version,
        pending=owed,
        triggers_hash=hash_triggers(None if isinstance(triggers, Unknown) else triggers),
        record=_record(order, settings, kept, made),
    )
    return with_moments(state, now if owed else None)


def begin_left_behind(left: KeyLeftBehind, order: Order, settings: Settings, now: datetime, kept: Kept) -> KeyState:
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
        record=_record(order, settings, kept),
    )
    return with_moments(state, now)


def _record(order: Order, settings: Settings, kept: Kept, made: Made | None = None) -> Record:
    version = made.vault_version if made else None
    return Record(
        identity=order.identity,
        owner=order.owner,
        lineage=order.lineage,
        settings=settings,
        vault_versions=(version,) if version else (),
        former=kept.former,
        api_url=kept.service.api_url,
        keys_path=kept.service.keys_path,
        foreign_keys=(made.key.id,) if made and made.is_foreign else (),
        has_made_place=made is not None and made.has_made_place,
    )
