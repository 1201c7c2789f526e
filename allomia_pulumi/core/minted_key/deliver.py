"""Writing a key to Vault, beside its way into Pulumi's state: whose secret stands there, and may it be written over?"""

from __future__ import annotations

from collections.abc import Collection

from allomia_pulumi.contracts.vault_delivery import StoredSecret, VaultLocation
from allomia_pulumi.errors import SecretConflict
from allomia_pulumi.ground.redaction import printable

__all__ = ["check_ownership", "drift_of"]


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
            "Choose another path, or set takeOver in vaultSecret to write over it.",
        )
    if stored.version > (stored.written or 0):
        raise SecretConflict(
            f"Vault {place} has version {stored.version}, which is newer than what this resource wrote "
            f"(version {stored.written}); it was not touched",
            "See who wrote it; to write over it, set takeOver in vaultSecret.",
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
