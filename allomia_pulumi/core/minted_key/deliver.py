"""Writing a key to Vault, beside its way into Pulumi's state: whose secret stands there, and may it be written over?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from allomia_pulumi.core.minted_key.models import Place
from allomia_pulumi.errors import SecretConflict
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = ["Delivery", "SecretStore", "Stored", "check_ownership", "drift_of"]


class Stored(Protocol):
    """What stands at a place, from metadata only."""

    @property
    def version(self) -> int:
        """Return the current version, 0 when there is none."""
        ...

    @property
    def mark(self) -> str | None:
        """Return whose key it is, if this package wrote it."""
        ...

    @property
    def key_id(self) -> str | None:
        """Return which key it is, if this package wrote it."""
        ...

    @property
    def written(self) -> int | None:
        """Return the version that this package wrote or was about to write."""
        ...

    @property
    def is_ours(self) -> bool:
        """Tell whether this package wrote the secret."""
        ...

    @property
    def is_live(self) -> bool:
        """Tell whether the current version is neither deleted nor destroyed."""
        ...

    @property
    def exists(self) -> bool:
        """Tell whether there is a secret at all, if only its metadata."""
        ...

    @property
    def is_free(self) -> bool:
        """Tell whether nothing there can be read or undeleted, and nobody's marks claim it."""
        ...


@dataclass(frozen=True)
class Delivery:
    """A key on its way to Vault."""

    secret: SecretStr = field(repr=False)
    key_id: str
    organization_id: str
    mark: str
    expected: int


class SecretStore(Protocol):
    """Vault, as delivery needs it."""

    def inspect_secret(self, place: Place) -> Stored:
        """Read the metadata of a place."""
        ...

    def preflight_delivery(self, place: Place) -> Stored:
        """See that a delivery would be allowed, and what stands there; nothing is written."""
        ...

    def deliver_secret(self, place: Place, delivery: Delivery) -> int:
        """Write the key with check-and-set and return the new version.

        Raises:
            SecretConflict: Somebody wrote another version meanwhile.
        """
        ...

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Read one field of any secret."""
        ...

    def fetch_secret(self, place: Place, version: int) -> SecretStr:
        """Read one version of the field."""
        ...

    def withdraw_secret(
        self, place: Place, versions: Collection[int], *, key_id: str, has_made_place: bool = False
    ) -> None:
        """Destroy versions, and remove the marks if they are that key's.

        With `has_made_place` the secret goes whole, if nothing of others is in it.
        """
        ...

    def remark_secret(self, place: Place, key_id: str, mark: str) -> bool:
        """Give the secret another mark if it is ours and holds that key, and tell whether it is."""
        ...


def check_ownership(
    place: Place,
    stored: Stored,
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


def drift_of(place: Place, stored: Stored, version: int | None, key_id: str) -> str | None:
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
