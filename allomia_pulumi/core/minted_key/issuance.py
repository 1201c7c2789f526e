"""The request for a new key, and the issuance that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.vault_delivery import StoredSecret
from allomia_pulumi.core.identity import Identity, Origin

__all__ = ["Issuance", "KeyRequest", "Undelivered"]


@dataclass(frozen=True)
class KeyRequest:
    """A key that is wanted."""

    organization_id: str
    label: str
    identity: Identity
    owner: str
    lineage: str

    @property
    def origin(self) -> Origin:
        """Return who the key is for."""
        return Origin(identity=self.identity, owner=self.owner)


class Undelivered(Enum):
    """The fate of a key that works and could not be written to Vault."""

    REVOKE = "revoke it: nobody could hand it over"
    KEEP_IF_ALIVE = "revoke it; if that fails, keep it, since its secret is kept in state"
    KEEP = "keep it, since its secret is kept in state"


@dataclass(frozen=True)
class Issuance:
    """A key that can be handed over.

    Attributes:
        vault_version: The KV version that holds it, if it was delivered.
        owed: Why the delivery is still owed; empty if it is not.
        is_foreign: Whether it was taken over with another declared key's mark.
        has_made_place: Whether the delivery made the secret in Vault: there was none before.
        stood: What stood in Vault before the delivery.
    """

    key: IssuedKey
    vault_version: int | None = None
    owed: str = ""
    is_foreign: bool = False
    has_made_place: bool = False
    stood: StoredSecret | None = None
