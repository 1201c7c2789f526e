"""The documented endpoints that change an organization, authenticated by one tenant key."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.edges.allomia.bodies import Answer
from allomia_pulumi.edges.allomia.client import TenantClient
from allomia_pulumi.edges.allomia.documented import (
    ORGANIZATIONS_PATH,
    InformingMoment,
    InformingText,
    Organization,
    organization_path,
)
from allomia_pulumi.edges.allomia.hiding import places_of
from allomia_pulumi.edges.allomia.http_client import Absent, Credential, HttpClient
from allomia_pulumi.edges.allomia.keys import ListedKey
from allomia_pulumi.errors import NotFound, OutcomeUnknown, UnexpectedAnswer
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.redaction import printable

__all__ = ["OrganizationClient"]


def _identifier(value: str) -> str:
    if not is_identifier(value):
        raise ValueError("is not an id")
    return value


UsableId = Annotated[str, AfterValidator(_identifier)]


class WrittenOrganization(Organization):
    """The answer to a create or update: not wrapped, and of an organization that a request can name."""

    id: UsableId


class DeactivatedOrganization(Answer):
    """The answer to a soft delete; one that speaks of an error confirms nothing."""

    organization_id: str | None = None
    error: object = None


class WrittenMetadata(Answer):
    """The answer to a metadata update."""

    id: UsableId
    organization_id: str
    version: Annotated[StrictInt, Field(ge=0)]
    created_at: InformingMoment = None
    created_by: InformingText = None


class OrganizationClient:
    """Client of AlloMia's organizations themselves, for one tenant.

    Args:
        http: The connection, shared by all tenants of one address.
        tenant: The tenant key.
        reads: The client of the same tenant key that reads organizations and keys.
    """

    def __init__(self, http: HttpClient, tenant: Credential, reads: TenantClient) -> None:
        self._http = http
        self._tenant = tenant
        self._reads = reads

    @property
    def source(self) -> str:
        """Name the place that the tenant key comes from, for messages."""
        return self._tenant.source

    def list_organizations(self, search: str | None = None) -> tuple[Organization, ...]:
        """Return all organizations of the tenant, or those that AlloMia's search by name finds."""
        return self._reads.list_organizations(search)

    def read_organization(self, organization_id: str) -> Organization | None:
        """Return the organization that answers for itself, or None for its own 404.

        Raises:
            UnexpectedAnswer: AlloMia answered with another organization.
        """
        return self._reads.organization(organization_id)

    def create_organization(self, fields: OrganizationFields, external_id: str | None) -> Organization:
        """Send one POST, and return the organization that its answer shows.

        Raises:
            OutcomeUnknown: Nobody knows whether an organization was made.
            AllomiaError: No organization was made.
        """
        body = {**_to_wire(fields), **({} if external_id is None else {"externalId": external_id})}
        doing = f"making organization “{printable(fields.name or '')}”"
        return self._http.post_dated(ORGANIZATIONS_PATH, body, WrittenOrganization, self._tenant, doing=doing)[0]

    def update_organization(self, organization_id: str, fields: OrganizationFields) -> Organization:
        """Send one PUT with all fields that have a value.

        Raises:
            OutcomeUnknown: Nobody knows whether it holds; also when the answer is about another organization.
            NotFound: AlloMia answered 404; nothing was changed.
            AllomiaError: Nothing was changed.
        """
        doing = f"updating organization {organization_id}"
        path = organization_path(organization_id)
        updated = self._http.put(path, _to_wire(fields), WrittenOrganization, self._tenant, doing=doing)
        if updated.id != organization_id:
            raise OutcomeUnknown(
                f"AlloMia answered with another organization, {printable(updated.id)}, to {doing}", "Tell AlloMia."
            )
        return updated

    def deactivate_organization(self, organization_id: str) -> Revocation:
        """Send the soft delete, and return what AlloMia's answer says of it.

        Raises:
            UnexpectedAnswer: AlloMia says that it deleted another organization.
        """
        doing, path = f"deactivating organization {organization_id}", organization_path(organization_id)
        try:
            status, deleted = self._http.delete(path, DeactivatedOrganization, self._tenant, doing=doing)
        except Absent:
            return Revocation.ABSENT
        if deleted is None or deleted.organization_id is None:
            return Revocation.ACCEPTED
        if deleted.organization_id != organization_id:
            raise UnexpectedAnswer(
                f"AlloMia answered that it deleted organization {printable(deleted.organization_id)} to {doing}",
                "Look at both in AlloMia before the next run, and tell AlloMia.",
            )
        is_confirmed = status == HTTPStatus.OK and deleted.error is None
        return Revocation.CONFIRMED if is_confirmed else Revocation.ACCEPTED

    def list_keys(self, organization_id: str) -> tuple[ListedKey, ...]:
        """Return all keys of the organization.

        Raises:
            NotFound: The organization is not visible to this tenant, or AlloMia serves no key endpoints.
        """
        return self._reads.list_keys(organization_id)

    def put_metadata(self, organization_id: str, metadata: Mapping[str, Any]) -> WrittenMetadata:
        """Send one PUT of the metadata, whose keys travel unaltered.

        Raises:
            OutcomeUnknown: Nobody knows whether it was written; also when the answer is about another organization.
            NotFound: AlloMia answered 404: there is no record, or no organization.
            RequestRefused: AlloMia's schema refuses it; the message has the detail of its answer.
            AllomiaError: Nothing was written.
        """
        doing = f"writing the metadata of organization {organization_id}"
        path = f"{organization_path(organization_id)}/metadata"
        body = {"metadata": dict(metadata)}
        detail = places_of(body["metadata"], "metadata")
        try:
            written = self._http.put(path, body, WrittenMetadata, self._tenant, doing=doing, detail=detail)
        except Absent as problem:
            raise NotFound(problem.message, problem.hint).as_said_by("AlloMia") from None
        if written.organization_id != organization_id:
            raise OutcomeUnknown(
                f"AlloMia answered with the metadata of organization {printable(written.organization_id)} to {doing}",
                "Tell AlloMia.",
            )
        return written


def _to_wire(fields: OrganizationFields) -> dict[str, Any]:
    """Return the fields that have a value: the documentation says of each that it is a text, and not null."""
    return fields.model_dump(by_alias=True, exclude_none=True)
