"""The delivery of a key to Vault: whose secret stands there, may it be written over, and the write itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.vault_delivery import Delivery, SecretStore, StoredSecret, VaultLocation
from allomia_pulumi.core.identity import Origin
from allomia_pulumi.core.marks import own_marks, resource_mark
from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest, Undelivered
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, OutcomeUnknown, SecretConflict
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.spelling import spell

__all__ = ["check_ownership", "deliver", "deliver_new", "drift_of", "preflight_delivery"]


def check_ownership(
    place: VaultLocation,
    stored: StoredSecret,
    marks: Collection[str],
    known_keys: Collection[str],
    others: Collection[str] = (),
) -> None:
    """Refuse to write over what this declared key did not write.

    Args:
        place: Where it is to be written.
        stored: What stands there.
        marks: The resource marks of everything that this declared key is or was known as.
        known_keys: Keys of this declared key, whatever its mark was when they were written.
        others: Keys that records of other declared keys hold: one of them may have had this one's name before.

    Raises:
        SecretConflict: Somebody else's secret, or a newer version; nothing was overwritten.
    """
    if place.take_over or stored.is_free:
        return
    if stored.is_ours and stored.key_id in others and stored.key_id not in known_keys:
        raise SecretConflict(
            f"Vault {place} holds key {printable(str(stored.key_id))} of another declared key, which may have had this "
            "one's name before; it was not touched",
            "Choose another path for one of them.",
        )
    is_own = stored.is_ours and (stored.mark in marks or stored.key_id in known_keys)
    if not is_own:
        raise SecretConflict(
            f"Vault {place} holds a secret that this resource did not write (version {stored.version}); it was not "
            "touched",
            f"Choose another path, or set {spell('takeOver')} in {spell('vaultSecret')} to write over it.",
        )
    if stored.version > (stored.written or 0):
        raise SecretConflict(
            f"Vault {place} has version {stored.version}, which is newer than what this resource wrote "
            f"(version {stored.written}); it was not touched",
            f"See who wrote it; to write over it, set {spell('takeOver')} in {spell('vaultSecret')}.",
        )


def drift_of(place: VaultLocation, stored: StoredSecret, version: int | None, key_id: str) -> str | None:
    """Say how a place differs from what the record says was written there, or None."""
    if stored.version == 0:
        return f"Vault {place} is gone"
    if stored.version != version:
        return f"Vault {place} has version {stored.version}, not {version}"
    if not stored.is_live:
        return f"version {version} of Vault {place} was deleted"
    if stored.key_id != key_id:
        return f"Vault {place} is marked as another key's"
    return None


def preflight_delivery(
    store: Callable[[], SecretStore],
    place: VaultLocation | None,
    origins: Iterable[Origin],
    known_keys: Collection[str],
    others: Collection[str],
) -> StoredSecret | None:
    """See that a key can be delivered before anything is sent; `check_ownership` says what the arguments are.

    Raises:
        SecretConflict: What stands there is somebody else's.
        AllomiaError: Vault does not allow it, or cannot be asked.
    """
    if place is None:
        return None
    stored = store().preflight_delivery(place)
    check_ownership(place, stored, own_marks(origins), known_keys, others)
    return stored


def deliver(
    store: Callable[[], SecretStore],
    request: KeyRequest,
    place: VaultLocation | None,
    key: IssuedKey,
    stored: StoredSecret | None,
    undelivered: Undelivered,
) -> Issuance:
    """Write a key to Vault; one that may stand there already is not revoked under its readers if it is kept."""
    if place is None or stored is None:
        return Issuance(key)
    mark = resource_mark(request.identity, request.owner)
    delivery = Delivery(key.secret, key.id, request.organization_id, mark, stored.version)
    try:
        version = store().deliver_secret(place, delivery)
        return Issuance(key, version, has_made_place=not stored.exists, stood=stored)
    except OutcomeUnknown as problem:
        if undelivered is not Undelivered.REVOKE:
            owed = f"it may not have been written to Vault: {problem.message}"
            return Issuance(key, owed=owed, has_made_place=not stored.exists)
        raise
    except AllomiaError as problem:
        if undelivered is Undelivered.KEEP:
            return Issuance(key, owed=f"it was not written to Vault: {problem}".rstrip("."))
        raise


def deliver_new(
    store: Callable[[], SecretStore],
    request: KeyRequest,
    place: VaultLocation | None,
    key: IssuedKey,
    stored: StoredSecret | None,
    undelivered: Undelivered,
) -> Issuance:
    """Deliver a new key; one that may stand in Vault is not revoked under its readers.

    Raises:
        KeyLeftBehind: Nobody knows whether it was written.
        AllomiaError: It was not.
    """
    try:
        return deliver(store, request, place, key, stored, undelivered)
    except OutcomeUnknown as problem:
        raise KeyLeftBehind(
            f"key {key.id} of organization {request.organization_id} is alive, and whether Vault {place} holds it is "
            f"not known, so it was not revoked: {problem.message}",
            "Run again: that writes another key there. Then end this one with "
            f"{revoke_command(request.organization_id, key.id)}.",
            organization_id=request.organization_id,
            key_id=key.id,
            is_ours=False,
        ) from None
