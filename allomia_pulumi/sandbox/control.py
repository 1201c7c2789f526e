"""The control API under `/sandbox/`: set the scene, add faults, read the events.

There is no authentication: the server listens on loopback only, and serves no web page (see `guarding`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from allomia_pulumi.sandbox.connection import connection_of
from allomia_pulumi.sandbox.events import Event, EventType
from allomia_pulumi.sandbox.exchange import JSON
from allomia_pulumi.sandbox.faults import parse_fault
from allomia_pulumi.sandbox.records import timestamp
from allomia_pulumi.sandbox.store import LONGEST_KEY_NAME, QuotaError
from allomia_pulumi.sandbox.world import Sandbox, Settings

if TYPE_CHECKING:
    from starlette.requests import Request

    from allomia_pulumi.sandbox.records import ApiKey, Organization, Tenant

__all__ = ["Control", "ControlError", "explain"]

PAGE = """\
This is a sandbox that stands in for AlloMia. It is not the real service: it
knows no real clinic, patient or key, and forgets everything when it ends. Key
endpoints (/api/organization/ID/api-keys) are assumed, not documented.

AlloMia's side, with `Authorization: Bearer KEY`:
  GET    /api/organization
  GET    /api/organization/ID
  POST   /api/organization/ID/api-keys
  GET    /api/organization/ID/api-keys
  GET    /api/organization/ID/api-keys/KEY_ID
  DELETE /api/organization/ID/api-keys/KEY_ID
  GET    /api/calls?organizationId=ID
  GET    /api/calls/ID

Control, JSON, without a key:
  POST   /sandbox/tenants                       {"name"}
  POST   /sandbox/tenants/ID/rotate-key
  POST   /sandbox/organizations                 {"tenantId", "name", "id"?}
  DELETE /sandbox/organizations/ID
  GET    /sandbox/organizations/ID/keys
  POST   /sandbox/organizations/ID/keys         a key made by hand:
                                                {"name", "id"?, "createdAt"?,
                                                 "key"?}
  DELETE /sandbox/organizations/ID/keys/KEY_ID  revoked by hand
  GET    /sandbox/events?since=N                what was asked, and counts
  GET    /sandbox/faults
  POST   /sandbox/faults                        adds one: {"kind", "method"?,
                                                "path"?, "times"?, "skip"?,
                                                "chance"?, "seed"?}
  DELETE /sandbox/faults                        removes all
  GET    /sandbox/settings                      POST to change some
  POST   /sandbox/reset                         forgets everything, tenants too
"""


class ControlError(Exception):
    """A control request cannot be carried out; the text says why."""


def explain(error: ValidationError) -> str:
    """Return one line that names each bad field, without its value."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in details)


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY_NAME)]
Identifier = Annotated[str, Field(pattern=r"^[^/]{1,100}$")]


class _Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class _Named(_Body):
    name: Name


class _NewOrganization(_Named):
    tenant_id: str
    id: Identifier | None = None


class _NewKey(_Named):
    id: Identifier | None = None
    created_at: AwareDatetime | None = None
    key: Annotated[str | None, Field(pattern=r"^alm_org_[A-Za-z0-9_-]{43}$", repr=False)] = None


class _Since(BaseModel):
    since: Annotated[int, Field(ge=0)] = 0


class Control:
    """The endpoints, each over the current world."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Return the table of endpoints."""
        organization = "/sandbox/organizations/{organization_id}"
        return [
            Route("/", self.page),
            Route("/sandbox", self.page),
            Route("/sandbox/", self.page),
            Route("/sandbox/tenants", self.add_tenant, methods=["POST"]),
            Route("/sandbox/tenants/{tenant_id}/rotate-key", self.rotate_tenant_key, methods=["POST"]),
            Route("/sandbox/organizations", self.add_organization, methods=["POST"]),
            Route(organization, self.remove_organization, methods=["DELETE"]),
            Route(f"{organization}/keys", self.keys),
            Route(f"{organization}/keys", self.mint_by_hand, methods=["POST"]),
            Route(f"{organization}/keys/{{key_id}}", self.revoke_by_hand, methods=["DELETE"]),
            Route("/sandbox/events", self.events),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.add_fault, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/settings", self.settings),
            Route("/sandbox/settings", self.configure, methods=["POST"]),
            Route("/sandbox/reset", self.reset, methods=["POST"]),
        ]

    async def page(self, _request: Request) -> Response:
        """Say what this is, and which organizations there are."""
        store = self._sandbox.world.store
        lines = [f"  {each.id}  {each.name!r}\n    of tenant {each.tenant_id}" for each in store.organizations.values()]
        return PlainTextResponse(PAGE + "\n".join(["", "Organizations:", *(lines or ["  none"]), ""]))

    async def add_tenant(self, request: Request) -> Response:
        """Make a tenant; the answer is the only place that shows its key."""
        body = _Named.model_validate_json(await request.body())
        tenant, key = self._sandbox.world.store.add_tenant(body.name)
        return JSONResponse({"id": tenant.id, "key": key}, status_code=201)

    async def rotate_tenant_key(self, request: Request) -> Response:
        """Give a tenant a new key."""
        tenant = self._tenant(request.path_params["tenant_id"])
        return JSONResponse({"key": self._sandbox.world.store.rotate_tenant_key(tenant)})

    async def add_organization(self, request: Request) -> Response:
        """Make an organization, with the ID that the caller wants or a new one."""
        body = _NewOrganization.model_validate_json(await request.body())
        tenant = self._tenant(body.tenant_id)
        try:
            organization = self._sandbox.world.store.add_organization(tenant, body.name, body.id)
        except ValueError as error:
            raise ControlError(str(error)) from None
        return JSONResponse({"id": organization.id}, status_code=201)

    async def remove_organization(self, request: Request) -> Response:
        """Remove an organization and its keys."""
        organization = self._organization(request)
        for key in self._sandbox.world.store.remove_organization(organization):
            self._log(request, "revoked_by_hand", key, status=200)
        return JSONResponse({"id": organization.id})

    async def keys(self, request: Request) -> Response:
        """Show the living keys of an organization."""
        keys = self._sandbox.world.store.keys_of(self._organization(request).id)
        fields = ("id", "name", "createdAt", "lastUsedAt")
        return JSONResponse({"keys": [{name: key.summary()[name] for name in fields} for key in keys]})

    async def mint_by_hand(self, request: Request) -> Response:
        """Make a key as somebody does in the dashboard; what the body does not say of it is new."""
        organization = self._organization(request)
        body = _NewKey.model_validate_json(await request.body())
        world = self._sandbox.world
        settings = world.settings
        try:
            key, value = world.store.mint(
                organization,
                body.name,
                limit=settings.key_limit,
                refusals=settings.verify_lag,
                key_id=body.id,
                value=body.key,
                created_at=body.created_at,
            )
        except QuotaError:
            raise ControlError(f"the organization holds {settings.key_limit} keys, which is its limit") from None
        except ValueError as error:
            raise ControlError(str(error)) from None
        self._log(request, "minted_by_hand", key, status=201)
        return JSONResponse({"id": key.id, "name": key.name, "key": value}, status_code=201)

    async def revoke_by_hand(self, request: Request) -> Response:
        """Revoke a key as somebody does in the dashboard."""
        organization, store = self._organization(request), self._sandbox.world.store
        key = store.keys.get(request.path_params["key_id"])
        if key is None or key.organization_id != organization.id:
            raise ControlError("the organization has no living key with this id")
        store.revoke(key)
        self._log(request, "revoked_by_hand", key, status=200)
        return JSONResponse({"id": key.id})

    async def events(self, request: Request) -> Response:
        """Show the events after a number, and the counts of all events."""
        world = self._sandbox.world
        since = _Since.model_validate(dict(request.query_params)).since
        return JSONResponse(
            {
                "events": [event.to_wire() for event in world.events.since(since)],
                "counts": {**world.events.counts, "alive": len(world.store.keys)},
                "last": world.events.last,
            }
        )

    async def faults(self, _request: Request) -> Response:
        """Show the faults with their hits."""
        return JSONResponse({"faults": self._sandbox.world.faults.to_wire()})

    async def add_fault(self, request: Request) -> Response:
        """Add a fault after the others."""
        fault_id = self._sandbox.world.faults.add(parse_fault(await request.body()))
        return JSONResponse({"id": fault_id}, status_code=201)

    async def clear_faults(self, _request: Request) -> Response:
        """Remove all faults."""
        self._sandbox.world.faults.clear()
        return JSONResponse({"faults": []})

    async def settings(self, _request: Request) -> Response:
        """Show the settings."""
        return JSONResponse(self._sandbox.world.settings.model_dump(by_alias=True))

    async def configure(self, request: Request) -> Response:
        """Change the settings that the body names."""
        try:
            change = JSON.validate_json(await request.body())
        except ValueError:
            change = None
        if not isinstance(change, dict):
            raise ControlError("the body is not a JSON object")
        world = self._sandbox.world
        world.configure(Settings.model_validate({**world.settings.model_dump(by_alias=True), **change}))
        return await self.settings(request)

    async def reset(self, _request: Request) -> Response:
        """Reset everything: tenants, organizations, keys, events, faults and settings."""
        self._sandbox.reset()
        return JSONResponse({"message": "The sandbox is empty"})

    def _tenant(self, tenant_id: str) -> Tenant:
        tenant = self._sandbox.world.store.tenants.get(tenant_id)
        if tenant is None:
            raise ControlError("there is no tenant with this id")
        return tenant

    def _organization(self, request: Request) -> Organization:
        organization = self._sandbox.world.store.organizations.get(request.path_params["organization_id"])
        if organization is None:
            raise ControlError("there is no organization with this id")
        return organization

    def _log(self, request: Request, event_type: EventType, key: ApiKey, *, status: int) -> None:
        world = self._sandbox.world
        world.events.append(
            Event(
                seq=world.events.last + 1,
                at=timestamp(world.clock.now(), "milliseconds"),
                type=event_type,
                method=request.method,
                path=request.url.path,
                status=status,
                organization_id=key.organization_id,
                key_id=key.id,
                key_name=key.name,
                credential="none",
                user_agent=request.headers.get("user-agent", ""),
                pid=connection_of(request.scope).pid,
                answered=True,
            )
        )
