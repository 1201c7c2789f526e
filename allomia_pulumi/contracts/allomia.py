"""AlloMia, as the core asks it: proofs of keys, the keys of organizations, and look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from allomia_pulumi.contracts.api_keys import ApiKey, MintAnswer
from allomia_pulumi.contracts.organizations import Organization, OrganizationDetails
from allomia_pulumi.contracts.revocation import Revocation

__all__ = ["Directory", "KeyApi", "Prover"]


class Prover(Protocol):
    """Proofs of an organization's own key, and of what a tenant key may do."""

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        """Make one harmless call with the key; `source` says in messages where it comes from.

        Raises:
            CredentialRejected: AlloMia does not accept the key.
            NotFound: AlloMia accepts the key, and it does not see the organization.
            AllomiaError: The call failed for another reason, which proves nothing about the key.
        """
        ...

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:
        """Tell by a harmless call that only a tenant key may make whether a key is one.

        Raises:
            AllomiaError: The answer tells neither.
        """
        ...


class KeyApi(Prover, Protocol):
    """AlloMia, as one tenant key sees it; reads and revocations are repeated inside where that is safe."""

    @property
    def source(self) -> str:
        """Name the place that the tenant key comes from, for messages."""
        ...

    def is_tenant_key(self, secret: SecretStr) -> bool:
        """Tell whether this is the tenant key itself."""
        ...

    def shows_tenant_key(self, text: str) -> bool:
        """Tell whether a text contains the tenant key."""
        ...

    def reads_calls(self, organization_id: str) -> bool:
        """Make the call of `prove_key` with the tenant key; only its own 404 means no."""
        ...

    def list_organizations(self) -> Sequence[Organization]:
        """Return all organizations that the tenant key sees."""
        ...

    def list_keys(self, organization_id: str) -> Sequence[ApiKey]:
        """Return all keys of the organization, from a list whose pages and total agree.

        Raises:
            NotFound: The organization is not visible, or AlloMia serves no key endpoints.
        """
        ...

    def list_keys_dated(self, organization_id: str) -> tuple[Sequence[ApiKey], datetime | None]:
        """Return all keys as `list_keys` does, and the moment at which AlloMia says so, if it does."""
        ...

    def has_key(self, organization_id: str, key_id: str) -> bool:
        """Tell whether the key itself answers; only its own 404 means no."""
        ...

    def find_key(self, organization_id: str, key_id: str) -> ApiKey | None:
        """Return the key that answers for itself, or None for its own 404."""
        ...

    def has_organization(self, organization_id: str) -> bool:
        """Tell whether the organization is readable; only its own 404 means no."""
        ...

    def mint_key(self, organization_id: str, name: str) -> MintAnswer:
        """Send one POST, never a second one.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer tells whether a key exists.
            RateLimited: It was refused for now; nothing was made.
            AllomiaError: Nothing was made.
        """
        ...

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        """Delete the key, and return what the answer says of it.

        Raises:
            UnexpectedAnswer: AlloMia says that it deleted another key.
        """
        ...


class Directory(Protocol):
    """Look-ups with one tenant key; nothing here changes anything."""

    @property
    def source(self) -> str:
        """Name the place that the tenant key comes from, for messages."""
        ...

    def organization(self, organization_id: str) -> OrganizationDetails | None:
        """Return the organization, or None: unknown, or another tenant's."""
        ...

    def list_organizations(self, search: str | None = None) -> Sequence[OrganizationDetails]:
        """Return all organizations that the tenant key sees, or those that AlloMia's search by name finds."""
        ...

    def list_keys(self, organization_id: str) -> Sequence[ApiKey]:
        """Return all keys of the organization.

        Raises:
            NotFound: The organization is not visible, or AlloMia serves no key endpoints.
        """
        ...
