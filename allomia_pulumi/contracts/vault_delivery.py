"""Delivery of a key to Vault: where to, what is written, and what metadata tell of a secret there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic import ConfigDict, SecretStr

from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.references import VaultReference

__all__ = ["KEY_ID", "ORGANIZATION_ID", "WRITTEN_FIELDS", "Delivery", "SecretStore", "StoredSecret", "VaultLocation"]

KEY_ID: Final = "key_id"
ORGANIZATION_ID: Final = "organization_id"
WRITTEN_FIELDS: Final = frozenset({KEY_ID, ORGANIZATION_ID})
"""Fields that a delivery writes beside the key, so that no key is delivered to them."""


class VaultLocation(WireModel):
    """A field of a KV v2 secret that a key is delivered to; while `mount` is None, `path` holds mount and path."""

    # A part that a newer version added may lead to another place.
    model_config = ConfigDict(extra="forbid")

    mount: str | None = None
    """The KV v2 mount."""

    path: str
    """The path inside the mount."""

    field: str
    """The field that holds the key; `key_id` and `organization_id` are written beside it."""

    take_over: bool = False
    """Accept a secret that is there already, or a version that somebody else wrote, and write over it."""

    @property
    def location(self) -> str:
        """Return mount and path as one string."""
        return self.path if self.mount is None else f"{self.mount}/{self.path}"

    def __str__(self) -> str:
        return f"{self.location}#{self.field}"

    def is_same(self, other: VaultLocation) -> bool:
        """Tell whether both are the same field of the same secret."""
        return (self.location, self.field) == (other.location, other.field)


@dataclass(frozen=True)
class StoredSecret:
    """A secret in Vault as its metadata alone tell it, never the value.

    Attributes:
        version: The current version, 0 when there is none.
        mark: Whose key it is; None unless the secret is ours.
        key_id: Which key it is; None unless the secret is ours.
        written: The version that we wrote, or were about to write; None unless the secret is ours.
        is_ours: Whether this package claimed the secret.
        is_live: Whether the current version exists, neither deleted nor destroyed.
        exists: Whether there is a secret at all, if only its metadata.
        is_free: Whether nothing there can be read or undeleted, and nobody's marks claim it.
    """

    version: int
    mark: str | None
    key_id: str | None
    written: int | None
    is_ours: bool
    is_live: bool
    exists: bool = True
    is_free: bool = False


@dataclass(frozen=True)
class Delivery:
    """A key on its way to Vault.

    Attributes:
        secret: The key itself.
        key_id: AlloMia's id of it, written beside it and into the metadata.
        organization_id: The organization that it belongs to, written beside it.
        mark: Whose key it is, for the metadata.
        expected: The current version that the delivery builds on, 0 for none.
    """

    secret: SecretStr = field(repr=False)
    key_id: str
    organization_id: str
    mark: str
    expected: int


class SecretStore(Protocol):
    """Vault, as delivery needs it."""

    def inspect_secret(self, place: VaultLocation) -> StoredSecret:
        """Read the metadata of a place."""
        ...

    def preflight_delivery(self, place: VaultLocation) -> StoredSecret:
        """See that a delivery would be allowed, and what stands there; nothing is written."""
        ...

    def deliver_secret(self, place: VaultLocation, delivery: Delivery) -> int:
        """Write the key with check-and-set and return the new version.

        Raises:
            SecretConflict: Somebody wrote another version meanwhile.
        """
        ...

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Read one field of any secret."""
        ...

    def fetch_secret(self, place: VaultLocation, version: int) -> SecretStr:
        """Read one version of the field."""
        ...

    def withdraw_secret(
        self, place: VaultLocation, versions: Collection[int], *, key_id: str, has_made_place: bool = False
    ) -> None:
        """Destroy versions, and remove the marks if they are that key's.

        With `has_made_place` the secret goes whole, if nothing of others is in it.
        """
        ...

    def remark_secret(self, place: VaultLocation, key_id: str, mark: str) -> bool:
        """Give the secret another mark if it is ours and holds that key, and tell whether it is."""
        ...
