"""Organizations that a stack declares: their fields, what AlloMia says of one, and the calls that manage them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.ground.model import WireModel

__all__ = ["ManagedOrganization", "MetadataRecord", "OrganizationApi", "OrganizationFields"]


class OrganizationFields(WireModel):
    """The nine fields of an organization; None where AlloMia says nothing, or has nothing."""

    name: str | None = None
    email: str | None = None
    address: str | None = None
    city: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country: str | None = None
    phone_number: str | None = None
    timezone: str | None = None


class ManagedOrganization(Protocol):
    """An organization with what AlloMia says of it; the list and the answers to writes say less than a GET."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it, or a stand-in for one that no request can name."""
        ...

    @property
    def is_usable(self) -> bool:
        """Tell whether a request can name it."""
        ...

    @property
    def fields(self) -> OrganizationFields:
        """Return its nine fields."""
        ...

    @property
    def unshown(self) -> frozenset[str]:
        """Name the fields that the answer leaves out, or has something else for than a text or null."""
        ...

    @property
    def tenant_id(self) -> str | None:
        """Return the tenant that it belongs to."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when it was made."""
        ...

    @property
    def created_by(self) -> str | None:
        """Return the user who made it."""
        ...

    @property
    def is_active(self) -> bool | None:
        """Tell whether AlloMia calls it active; None where it does not say."""
        ...

    @property
    def deleted_at(self) -> datetime | None:
        """Return when it was soft-deleted."""
        ...


class MetadataRecord(Protocol):
    """The answer to writing an organization's metadata."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of the metadata record."""
        ...

    @property
    def organization_id(self) -> str:
        """Return the organization that it belongs to."""
        ...

    @property
    def version(self) -> int:
        """Return the record's version number."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when the record was made."""
        ...

    @property
    def created_by(self) -> str | None:
        """Return the user who made it."""
        ...


class OrganizationApi(Protocol):
    """AlloMia's management of organizations, as one tenant key sees it; only reads are repeated inside."""

    @property
    def source(self) -> str:
        """Name the place that the tenant key comes from, for messages."""
        ...

    def list_organizations(self, search: str | None = None) -> Sequence[ManagedOrganization]:
        """Return all organizations of the tenant, or those that AlloMia's search by name finds.

        They are from a list whose pages and total agree.
        """
        ...

    def read_organization(self, organization_id: str) -> ManagedOrganization | None:
        """Return the organization that answers for itself, or None for its own 404.

        Raises:
            UnexpectedAnswer: Another one was answered with.
        """
        ...

    def create_organization(self, fields: OrganizationFields, external_id: str | None) -> ManagedOrganization:
        """Send one POST, never a second one.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer tells whether an organization was made.
            RateLimited: It was refused for now; nothing was made.
            AllomiaError: Nothing was made.
        """
        ...

    def update_organization(self, organization_id: str, fields: OrganizationFields) -> ManagedOrganization:
        """Send one PUT with all fields that have a value.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer tells whether it holds.
            NotFound: AlloMia answered 404; nothing was changed.
            AllomiaError: Nothing was changed.
        """
        ...

    def deactivate_organization(self, organization_id: str) -> Revocation:
        """Send the soft delete, and return what the answer says of it; repeated like a read, since it ends the same.

        Raises:
            UnexpectedAnswer: AlloMia says that it deleted another organization.
            AllomiaError: No answer says that it is done.
        """
        ...

    def list_keys(self, organization_id: str) -> Sequence[ApiKey]:
        """Return all keys of the organization.

        Raises:
            NotFound: The organization is not visible, or (`is_proved`) AlloMia serves no key endpoints.
        """
        ...

    def put_metadata(self, organization_id: str, metadata: Mapping[str, Any]) -> MetadataRecord:
        """Send one PUT of the metadata, whose keys travel unaltered.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer tells whether it was written.
            NotFound: AlloMia answered 404: there is no record, or no organization.
            RequestRefused: AlloMia's schema refuses it; the message has its detail, scrubbed and bounded.
            AllomiaError: Nothing was written.
        """
        ...
