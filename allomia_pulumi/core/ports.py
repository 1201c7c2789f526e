"""What the core needs of the edges and of its faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.minted_key.deliver import SecretStore
from allomia_pulumi.core.minted_key.models import Service
from allomia_pulumi.ground.references import VaultReference

__all__ = [
    "ApiKey",
    "Directory",
    "KeyApi",
    "MintAnswer",
    "MintedKey",
    "Organization",
    "OrganizationDetails",
    "Prover",
    "Reporter",
    "Shelf",
    "Shelved",
    "Sources",
    "Tenants",
]


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

    @property
    def is_usable(self) -> bool:
        """Tell whether a request can name it: the id of one that is listed with another is a stand-in."""
        ...


class OrganizationDetails(Organization, Protocol):
    """An organization with what AlloMia says of it; None where it says nothing."""

    @property
    def city(self) -> str | None:
        """Return the city of its address."""
        ...

    @property
    def country(self) -> str | None:
        """Return the country of its address."""
        ...

    @property
    def timezone(self) -> str | None:
        """Return its time zone by its IANA name."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when it was made."""
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

    @property
    def is_use_known(self) -> bool:
        """Tell whether AlloMia says when it was last used, or that it never was."""
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

    @property
    def answered_at(self) -> datetime | None:
        """Return the moment of AlloMia's own clock, if the answer has one that can be believed."""
        ...


class MintAnswer(MintedKey, Protocol):
    """What AlloMia says that it made; nothing of it is checked yet."""

    @property
    def organization_id(self) -> str | None:
        """Return the organization that it belongs to, if the answer says so."""
        ...


class Prover(Protocol):
    """How an organization's own key is proved, and a tenant key told from it."""

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

    def look(self, organization_id: str) -> tuple[Sequence[ApiKey], datetime | None]:
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
    """What one tenant key can look up; nothing here changes anything."""

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


class Tenants(Protocol):
    """Where the core gets a tenant's AlloMia from."""

    @property
    def owner(self) -> str:
        """Return the configured `allomia:owner`, part of every new mark."""
        ...

    @property
    def service(self) -> Service:
        """Return the AlloMia that is asked; nothing is loaded or asked for that."""
        ...

    def require(self, reference: VaultReference | None) -> None:
        """See that there is a tenant key to open a client with; nothing is loaded or asked for that.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
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

    def remember_held(self, mark: str) -> None:
        """Note the fingerprint of a key that an OrganizationApiKey holds: nobody is told to delete it by hand."""
        ...

    def imported_secret(self, organization_id: str, key_id: str) -> tuple[SecretStr, str] | None:
        """Return the secret of a key that is being imported and its place, or None if the user names none.

        Raises:
            AllomiaError: It was named, and cannot be had.
        """
        ...


class Shelved(Protocol):
    """The versions of a secret that a person writes."""

    @property
    def version(self) -> int | None:
        """Return the current version; None for KV v1."""
        ...

    @property
    def written(self) -> Mapping[int, datetime]:
        """Return when each version that can be read was written."""
        ...

    @property
    def is_live(self) -> bool:
        """Tell whether the current version can be read."""
        ...


class Shelf(Protocol):
    """Vault, as keys that a person writes there need it."""

    def look_up(self, reference: VaultReference) -> Shelved:
        """Tell by one metadata read which versions a secret has.

        Raises:
            NotFound: There is no such secret.
        """
        ...

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Read one field, of the version that the reference pins or of the latest."""
        ...


class Sources(Protocol):
    """Where keys that are made by hand come from, and what proves them."""

    def store(self) -> Shelf:
        """Return Vault; nothing is connected yet."""
        ...

    def prover(self) -> Prover:
        """Return what proves keys; no tenant key is needed."""
        ...

    def is_tenant_key(self, reference: VaultReference) -> bool:
        """Tell whether the configured tenant key lies there."""
        ...

    def is_tenant_secret(self, secret: SecretStr) -> bool:
        """Tell whether this is the tenant key, as far as this process has it already."""
        ...

    def is_held(self, mark: str) -> bool:
        """Tell by its fingerprint whether an OrganizationApiKey holds a key, as far as this process met it."""
        ...


class Reporter(Protocol):
    """How the core tells people about one resource."""

    def warn(self, message: str) -> None:
        """Say something that needs care, though the operation goes on."""
        ...

    def info(self, message: str) -> None:
        """Say something worth knowing."""
        ...

    def owe(self, message: str) -> None:
        """Say what this operation leaves unfinished, though its outputs are to be kept."""
        ...
