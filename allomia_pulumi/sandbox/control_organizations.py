"""The control endpoints of organizations: made, changed and deactivated by hand, with their metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from allomia_pulumi.sandbox.control_base import Body, ControlBase, ControlError, Identifier, Name
from allomia_pulumi.sandbox.records import PROFILE_FIELDS, JsonObject, MetadataSchema

if TYPE_CHECKING:
    from starlette.requests import Request

    from allomia_pulumi.sandbox.records import Organization

__all__ = ["OrganizationControl"]


class _Profile(Body):
    """Fields of an organization, each as AlloMia would show it, null included."""

    email: str | None = None
    address: str | None = None
    city: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country: str | None = None
    phone_number: str | None = None
    timezone: str | None = None
    external_id: str | None = None
    created_by: str | None = None
    owner_id: str | None = None
    is_active: bool = True
    hidden_lists: Annotated[int, Field(ge=0)] = 0

    def profile(self) -> dict[str, str | None]:
        """Return what was given of the nine fields, by their names on the wire."""
        given = self.model_dump(by_alias=True, exclude_unset=True)
        return {name: value for name, value in given.items() if name in PROFILE_FIELDS}

    def others(self) -> JsonObject:
        """Return what was given of the other fields of the record."""
        given = self.model_dump(exclude_unset=True)
        return {name: given[name] for name in _OTHERS if name in given}


_OTHERS = ("external_id", "created_by", "owner_id", "is_active", "hidden_lists")


class _NewOrganization(_Profile):
    name: Name
    tenant_id: str
    id: Identifier | None = None
    created_at: AwareDatetime | None = None

    def others(self) -> JsonObject:
        """Return what was given of the other fields of the record, and when it was made."""
        return {**super().others(), "created_at": self.created_at}


class _Change(_Profile):
    name: Name = ""


class _Metadata(Body):
    metadata: dict[str, JsonValue]


class _Schema(Body):
    properties: dict[str, Literal["boolean", "string", "number", "array", "object", "null"]] = Field(
        default_factory=dict
    )
    # JSON has no tuples, and these bodies are read strictly.
    required: list[str] = Field(default_factory=list)
    additional: bool = True


class OrganizationControl(ControlBase):
    """The endpoints, each over the current world."""

    def routes(self) -> list[Route]:
        """Return the table of endpoints."""
        organization = "/sandbox/organizations/{organization_id}"
        return [
            Route("/sandbox/tenants/{tenant_id}/metadata-schema", self.set_metadata_schema, methods=["POST"]),
            Route("/sandbox/organizations", self.organizations),
            Route("/sandbox/organizations", self.add, methods=["POST"]),
            Route(organization, self.change, methods=["PATCH"]),
            Route(organization, self.remove, methods=["DELETE"]),
            Route(f"{organization}/deactivate", self.deactivate, methods=["POST"]),
            Route(f"{organization}/metadata", self.metadata),
            Route(f"{organization}/metadata", self.put_metadata, methods=["POST"]),
        ]

    async def organizations(self, _request: Request) -> Response:
        """Show all organizations, with what no documented endpoint shows."""
        shown = [_shown(each) for each in self._sandbox.world.store.organizations.values()]
        return JSONResponse({"organizations": shown})

    async def add(self, request: Request) -> Response:
        """Make an organization, with the ID that the caller wants or a new one."""
        body = _NewOrganization.model_validate_json(await request.body())
        tenant = self.tenant(body.tenant_id)
        store = self._sandbox.world.store
        try:
            organization = store.add_organization(tenant, body.name, body.id, profile=body.profile(), **body.others())
        except ValueError as error:
            raise ControlError(str(error)) from None
        return JSONResponse({"id": organization.id}, status_code=201)

    async def change(self, request: Request) -> Response:
        """Change what the body names of an organization, as somebody does in the dashboard."""
        organization = self.organization(request)
        body = _Change.model_validate_json(await request.body())
        store = self._sandbox.world.store
        changed = replace(store.change_organization(organization, body.profile()), **body.others())
        if changed.is_active:
            changed = replace(changed, deleted_at=None)
        store.organizations[changed.id] = changed
        self.log_by_hand(request, "organization_changed_by_hand", changed)
        return JSONResponse(_shown(changed))

    async def deactivate(self, request: Request) -> Response:
        """Deactivate an organization as somebody does in the dashboard."""
        organization = self._sandbox.world.store.deactivate_organization(self.organization(request))
        self.log_by_hand(request, "organization_deactivated_by_hand", organization)
        return JSONResponse(_shown(organization))

    async def remove(self, request: Request) -> Response:
        """Remove an organization and its keys."""
        organization = self.organization(request)
        for key in self._sandbox.world.store.remove_organization(organization):
            self.log_by_hand(request, "revoked_by_hand", organization, key)
        return JSONResponse({"id": organization.id})

    async def set_metadata_schema(self, request: Request) -> Response:
        """Set what the metadata of a tenant's organizations has to look like."""
        tenant = self.tenant(request.path_params["tenant_id"])
        body = _Schema.model_validate_json(await request.body())
        schema = MetadataSchema(body.properties, tuple(body.required), body.additional)
        self._sandbox.world.store.metadata_schemas[tenant.id] = schema
        return JSONResponse(body.model_dump(by_alias=True))

    async def metadata(self, request: Request) -> Response:
        """Show the metadata of an organization; null while it has no record."""
        record = self._sandbox.world.store.metadata.get(self.organization(request).id)
        return JSONResponse({"record": record.summary() if record else None})

    async def put_metadata(self, request: Request) -> Response:
        """Make the first record of an organization, or its next version, past every schema."""
        organization = self.organization(request)
        body = _Metadata.model_validate_json(await request.body())
        record = self._sandbox.world.store.put_metadata(organization, body.metadata)
        return JSONResponse({"record": record.summary()}, status_code=201)


def _shown(organization: Organization) -> JsonObject:
    return {**organization.details(), "externalId": organization.external_id}
