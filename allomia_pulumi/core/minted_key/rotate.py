"""The rotation in place: the next key, whose predecessor stays valid for the overlap."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.vault_delivery import StoredSecret
from allomia_pulumi.core.marks import draw_lineage, own_marks
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest, Undelivered
from allomia_pulumi.core.minted_key.operation import Operation
from allomia_pulumi.core.minted_key.plan import Plan
from allomia_pulumi.core.minted_key.record import settings_of
from allomia_pulumi.core.minted_key.schedule import overlap_end, overlap_of
from allomia_pulumi.core.minted_key.state import KeyState, Reason, Record, Settings, hash_triggers
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.errors import KeyLeftBehind
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["RotationStoppedError", "may_rotate", "record_delivery", "rotate", "rotation_reason"]

MOST_DELAY: Final = timedelta(minutes=1)
"""Between the making of a key and the answer that shows it; more than that is another zone, or a wrong clock."""
MOST_VERSIONS: Final = 20
"""Versions that the record remembers as its own; Vault itself keeps 10 unless it is told otherwise."""


class RotationStoppedError(Exception):
    """A rotation ended half-way: the steps after it would apply what only a finished one may."""

    def __init__(self, state: KeyState) -> None:
        super().__init__()
        self.state = state


def rotation_reason(state: KeyState, plan: Plan) -> Reason:
    """Return why to rotate; a step before may have found the current key revoked."""
    return Reason.REVOKED if plan.reason is None or state.owes(OwedStep.ROTATE) else plan.reason


def may_rotate(operation: Operation, state: KeyState, reason: Reason) -> bool:
    """Tell whether to go on with a rotation: no further key is made while one has to end first."""
    left = [owed.key_id for owed in state.pending if owed.step is OwedStep.REVOKE]
    if state.previous_key_id and reason is not Reason.REVOKED:
        left.append(state.previous_key_id)
    if left:
        operation.reporter.warn(
            f"the rotation of key {state.key_id} (reason: {reason}) waits: key {left[0]} has to "
            "end first. The next `pulumi up` tries again"
        )
    return not left


def rotate(operation: Operation, state: KeyState, reason: Reason) -> KeyState:
    """Issue the next key; the current one becomes the predecessor, unless it is the one that is gone.

    Raises:
        RotationStoppedError: A key was made, and can neither be handed over nor revoked; the state owes its end.
        AllomiaError: No key was made.
    """
    settings = settings_of(operation.inputs, state.record.settings)
    operation.warn_of_old_copy(state)
    lineage = state.record.lineage or draw_lineage()
    origin = operation.today.origin
    request = KeyRequest(settings.organization_id, settings.name, origin.identity, origin.owner, lineage)
    known = frozenset(filter(None, (state.key_id, state.previous_key_id)))
    alive = operation.quota.alive(operation.api, settings.organization_id)
    operation.strays(state).refuse_further_keys(alive)
    undelivered = Undelivered.KEEP_IF_ALIVE if settings.secret_in_state else Undelivered.REVOKE
    try:
        issued = operation.issuer.issue(
            request, settings, origin.identity, known, former=state.record.origins, undelivered=undelivered
        )
        with operation.issuer.revoking_on_failure(request, issued):
            operation.record_minted(issued.key.id)
            return _record_rotation(operation, state.with_lineage(lineage), issued, settings, reason)
    except KeyLeftBehind as problem:
        if not problem.is_ours:
            raise
        operation.reporter.warn_unfinished(f"{problem} The next `pulumi up` tries again.")
        owed = Owed(step=OwedStep.REVOKE, why="it could not be handed over", key_id=problem.key_id)
        raise RotationStoppedError(state.with_owed(owed)) from None


def _record_rotation(
    operation: Operation, state: KeyState, issued: Issuance, settings: Settings, reason: Reason
) -> KeyState:
    key, is_in_state, inputs = issued.key, settings.secret_in_state, operation.inputs
    changes: dict[str, object] = {
        "key_id": key.id,
        "key_name": key.name,
        "created_at": format_moment(key.created_at),
        "secret": key.secret if is_in_state else None,
        "secret_fingerprint": fingerprint(key.secret),
        "rotation_reason": reason,
        "vault_secret_version": issued.vault_version,
    }
    if reason is not Reason.REVOKED:
        changes |= {
            "previous_key_id": state.key_id,
            "previous_secret": state.secret if is_in_state else None,
            "previous_revoke_at": format_moment(_overlap_start(key) + overlap_of(inputs, state)),
        }
    elif ends := overlap_end(inputs, state):
        changes["previous_revoke_at"] = format_moment(ends)
    if not isinstance(inputs.rotation_triggers, Unknown):
        changes["triggers_hash"] = hash_triggers(inputs.rotation_triggers)
    owed = [owed for owed in state.pending if owed.step is OwedStep.REVOKE]
    if issued.owed:
        owed.append(Owed(step=OwedStep.DELIVER, why=issued.owed, key_id=key.id))
    changes["pending"] = tuple(owed)
    changes["record"] = record_delivery(
        state, settings, issued.vault_version, issued.stood, has_made_place=issued.has_made_place
    )
    return state.model_copy(update=changes)


def record_delivery(
    state: KeyState, settings: Settings, version: int | None, stood: StoredSecret | None, *, has_made_place: bool
) -> Record:
    """Return the record with the versions that this key's resource wrote at its place, and whether it made that."""
    applied, place = state.record.settings.vault_secret, settings.vault_secret
    is_same_place = place is not None and applied is not None and place.is_same(applied)
    # A version that is not higher than the last one means that the secret began anew.
    is_later = version is not None and version > max(state.record.vault_versions, default=0)
    # So does a secret that is not marked as this resource's: whoever made it anew wrote versions of the same numbers.
    marks, key_ids = own_marks(state.record.origins), state.key_ids
    was_own = stood is not None and stood.is_ours and (stood.mark in marks or stood.key_id in key_ids)
    goes_on = is_same_place and ((is_later and was_own) or version is None)
    kept = state.record.vault_versions if goes_on else ()
    versions = (*kept, version) if version is not None else kept
    changes = {
        "settings": settings,
        "vault_versions": versions[-MOST_VERSIONS:],
        "has_made_place": has_made_place or (goes_on and state.record.has_made_place),
    }
    return state.record.model_copy(update=changes)


def _overlap_start(key: IssuedKey) -> datetime:
    """Return when a predecessor's overlap begins; what AlloMia says of the making may not cut it short."""
    made_at, answered_at = key.created_at, key.answered_at
    is_early = answered_at is not None and answered_at - made_at > MOST_DELAY
    return answered_at if answered_at and is_early else made_at
