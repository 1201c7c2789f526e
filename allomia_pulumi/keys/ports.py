"""What the core needs of the edges and of its faces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from allomia_pulumi.keys.delivering import SecretStore
from allomia_pulumi.references import VaultReference

__all__ = ["ApiKey", "KeyApi", "MintedKey", "Organization", "Reporter", "Tenants"]


class Organization(Protocol):
    """An organization of the tenant."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its name."""
        ...


class ApiKey(Protocol):
    """A key as AlloMia lists it: never with its secret."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its full name, with the mark if it has one."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when it was made."""
        ...

    @property
    def last_used_at(self) -> datetime | None:
        """Return when it was last used, if AlloMia says so."""
        ...


class MintedKey(Protocol):
    """A key in the one answer that shows its secret."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its full name, with the mark if it has one."""
        ...

    @property
    def key(self) -> SecretStr:
        """Return the key itself, shown only here."""
        ...

    @property
    def created_at(self) -> datetime:
        """Return when it was made."""
        ...


class KeyApi(Protocol):
    """AlloMia, as one tenant key sees it; reads and revocations are repeated inside where that is safe."""

    def list_organizations(self) -> Sequence[Organization]:
        """Return all organizations that the tenant key sees."""
        ...

    def list_keys(self, organization_id: str) -> Sequence[ApiKey]:
        """Return all keys of the organization, from a list whose pages and total agree.

        Raises:
            NotFound: The organization is not visible, or AlloMia serves no key endpoints.
        """
        ...

    def look(self, organization_id: str) -> tuple[Sequence[ApiKey], datetime | None]:
        """Return all keys as `list_keys` does, and the moment at which AlloMia says so, if it does."""
        ...

    def has_key(self, organization_id: str, key_id: str) -> bool:
        """Tell whether the key itself answers; only its own 404 means no."""
        ...

    def has_organization(self, organization_id: str) -> bool:
        """Tell whether the organization is readable; only its own 404 means no."""
        ...

    def mint_key(self, organization_id: str, name: str) -> MintedKey:
        """Send one POST, never a second one.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer tells whether a key exists.
            RateLimited: It was refused for now; nothing was made.
            AllomiaError: Nothing was made.
        """
        ...

    def revoke_key(self, organization_id: str, key_id: str) -> bool:
        """Delete the key; return False when AlloMia answers that it does not exist."""
        ...

    def prove_key(self, organization_id: str, key: SecretStr) -> None:
        """Make one harmless call with the key.

        Raises:
            CredentialRejected: AlloMia does not accept the key.
            AllomiaError: The call failed for another reason, which proves nothing about the key.
        """
        ...


class Tenants(Protocol):
    """Where the core gets a tenant's AlloMia from."""

    @property
    def owner(self) -> str:
        """Return the configured `allomia:owner`, part of every new mark."""
        ...

    def open(self, reference: VaultReference | None) -> KeyApi:
        """Return the client for a tenant key reference, or for the configured one; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured.
        """
        ...

    def store(self) -> SecretStore:
        """Return Vault; nothing is connected yet."""
        ...


class Reporter(Protocol):
    """How the core tells people about one resource."""

    def warn(self, message: str) -> None:
        """Say something that needs care, though the operation goes on."""
        ...

    def info(self, message: str) -> None:
        """Say something worth knowing."""
        ...
