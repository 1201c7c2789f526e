"""The steps of an update that move the current key: deliver it to a place in Vault, and record where its secret is."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import Delivery, VaultLocation
from allomia_pulumi.core.marks import own_marks, resource_mark
from allomia_pulumi.core.messages import IMPORT_WITH_SECRET
from allomia_pulumi.core.minted_key.deliver import check_ownership, drift_of
from allomia_pulumi.core.minted_key.operation import Operation
from allomia_pulumi.core.minted_key.rotate import record_delivery
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import NotFound, UnexpectedAnswer
from allomia_pulumi.ground.redaction import fingerprint
from allomia_pulumi.ground.spelling import spell

__all__ = ["deliver_current", "move_secret"]

REPLACE_IT: Final = "Change a rotation trigger, or replace the key with `pulumi up --target-replace URN`."


def deliver_current(operation: Operation, state: KeyState) -> KeyState:
    """Write the current key to the place of the inputs; a copy at an older place is left there and named.

    Raises:
        AllomiaError: Nothing was written, or nobody knows.
    """
    place = operation.inputs.vault_secret
    if not isinstance(place, VaultLocation):
        raise UnexpectedAnswer("there is no place to deliver to", "Run `pulumi up` again.")
    secret = state.secret or _fetch(operation, state)
    settings, origin = state.record.settings, operation.today.origin
    known = frozenset(filter(None, (state.key_id, state.previous_key_id)))
    stored = operation.store().preflight_delivery(place)
    check_ownership(place, stored, own_marks((origin, *state.record.origins)), known, operation.others)
    mark = resource_mark(origin.identity, origin.owner)
    delivery = Delivery(secret, state.key_id, settings.organization_id, mark, stored.version)
    version = operation.store().deliver_secret(place, delivery)
    operation.warn_of_old_copy(state)
    after = settings.model_copy(update={"vault_secret": place})
    record = record_delivery(state, after, version, stored, has_made_place=not stored.exists)
    delivered = state.without_owed(OwedStep.DELIVER)
    return delivered.model_copy(update={"vault_secret_version": version, "record": record})


def move_secret(operation: Operation, state: KeyState) -> KeyState:
    """Bring the secret back into state from Vault, or see that Vault has it before it leaves the state."""
    applied, inputs = state.record.settings, operation.inputs
    if inputs.vault_secret is None:
        operation.warn_of_old_copy(state)
    if inputs.secret_in_state is True and not applied.secret_in_state:
        settings = applied.model_copy(update={"secret_in_state": True})
        record = state.record.model_copy(update={"settings": settings})
        return state.model_copy(update={"secret": _fetch(operation, state), "record": record})
    if inputs.secret_in_state is False and applied.secret_in_state and applied.vault_secret:
        stored = operation.store().inspect_secret(applied.vault_secret)
        if drift_of(applied.vault_secret, stored, state.vault_secret_version, state.key_id):
            return deliver_current(operation, state)
    return state


def _fetch(operation: Operation, state: KeyState) -> SecretStr:
    """Read the current key from where it was delivered to, and see that it is that key."""
    place, version = state.record.settings.vault_secret, state.vault_secret_version
    if state.is_secret_unknown:
        raise UnexpectedAnswer(
            f"the secret of key {state.key_id} is not known, so it cannot be written to Vault",
            f"Leave {spell('vaultSecret')} out until a rotation has brought one. {IMPORT_WITH_SECRET}",
        )
    if place is None or version is None:
        raise UnexpectedAnswer(f"the secret of key {state.key_id} is neither in state nor in Vault", REPLACE_IT)
    try:
        secret = operation.store().fetch_secret(place, version)
    except NotFound as problem:
        raise NotFound(f"{problem.message}, and the secret of key {state.key_id} is nowhere else", REPLACE_IT) from None
    if fingerprint(secret) != state.secret_fingerprint:
        raise UnexpectedAnswer(
            f"Vault {place} version {version} does not hold key {state.key_id}: the fingerprints differ",
            REPLACE_IT,
        )
    return secret
