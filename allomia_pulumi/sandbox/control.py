"""The control API under `/sandbox/`: set the scene, add faults, read the events.

There is no authentication: the server listens on loopback only, and serves no web page (see `guarding`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from allomia_pulumi.sandbox.control_base import ControlBase, ControlError, Identifier, Named
from allomia_pulumi.sandbox.control_organizations import OrganizationControl
from allomia_pulumi.sandbox.exchange import JSON
from allomia_pulumi.sandbox.faults import parse_fault
from allomia_pulumi.sandbox.store import QuotaError
from allomia_pulumi.sandbox.world import Settings

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Control"]

PAGE = """\
This is a sandbox that stands in for AlloMia. It is not the real service: it
knows no real clinic, patient or key, and forgets everything when it ends. Key
endpoints (/api/organization/ID/api-keys) are assumed, not documented.

AlloMia's side, with `Authorization: Bearer KEY`:
  GET    /api/organization
  POST   /api/organization
  GET    /api/organization/ID
  PUT    /api/organization/ID
  DELETE /api/organization/ID
  PUT    /api/organization/ID/metadata
  POST   /api/organization/ID/api-keys
  GET    /api/organization/ID/api-keys
  GET    /api/organization/ID/api-keys/KEY_ID
  DELETE /api/organization/ID/api-keys/KEY_ID
  GET    /api/calls?organizationId=ID
  GET    /api/calls/ID

Control, JSON, without a key:
  POST   /sandbox/tenants                       {"name"}
  POST   /sandbox/tenants/ID/rotate-key
  POST   /sandbox/tenants/ID/metadata-schema    {"properties"?, "required"?,
                                                "additional"?}
  GET    /sandbox/organizations                 all, whatever the list shows
  POST   /sandbox/organizations                 {"tenantId", "name", "id"?,
                                                "email"?, "address"?, ...,
                                                "externalId"?, "hiddenLists"?}
  PATCH  /sandbox/organizations/ID              changed by hand: any of its
                                                fields, "isActive" too
  POST   /sandbox/organizations/ID/deactivate   deactivated by hand
  DELETE /sandbox/organizations/ID              gone, with its keys
  POST   /sandbox/organizations/ID/metadata     the next, or first, record by
                                                hand: {"metadata"}
  GET    /sandbox/organizations/ID/metadata
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


class _NewKey(Named):
    id: Identifier | None = None
    created_at: AwareDatetime | None = None
    key: Annotated[str | None, Field(pattern=r"^alm_org_[A-Za-z0-9_-]{43}$", repr=False)] = None


class _Since(BaseModel):
    since: Annotated[int, Field(ge=0)] = 0


class Control(ControlBase):
    """The endpoints, each over the current world."""

    def routes(self) -> list[Route]:
        """Return the table of endpoints."""
        organization = "/sandbox/organizations/{organization_id}"
        return [
            Route("/", self.page),
            Route("/sandbox", self.page),
            Route("/sandbox/", self.page),
            Route("/sandbox/tenants", self.add_tenant, methods=["POST"]),
            Route("/sandbox/tenants/{tenant_id}/rotate-key", self.rotate_tenant_key, methods=["POST"]),
            *OrganizationControl(self._sandbox).routes(),
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
        body = Named.model_validate_json(await request.body())
        tenant, key = self._sandbox.world.store.add_tenant(body.name)
        return JSONResponse({"id": tenant.id, "key": key}, status_code=201)

    async def rotate_tenant_key(self, request: Request) -> Response:
        """Give a tenant a new key."""
        tenant = self.tenant(request.path_params["tenant_id"])
        return JSONResponse({"key": self._sandbox.world.store.rotate_tenant_key(tenant)})

    async def keys(self, request: Request) -> Response:
        """Show the living keys of an organization."""
        keys = self._sandbox.world.store.keys_of(self.organization(request).id)
        fields = ("id", "name", "createdAt", "lastUsedAt")
        return JSONResponse({"keys": [{name: key.summary()[name] for name in fields} for key in keys]})

    async def mint_by_hand(self, request: Request) -> Response:
        """Make a key as somebody does in the dashboard; what the body does not say of it is new."""
        organization = self.organization(request)
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
        self.log_by_hand(request, "minted_by_hand", organization, key, status=201)
        return JSONResponse({"id": key.id, "name": key.name, "key": value}, status_code=201)

    async def revoke_by_hand(self, request: Request) -> Response:
        """Revoke a key as somebody does in the dashboard."""
        organization, store = self.organization(request), self._sandbox.world.store
        key = store.keys.get(request.path_params["key_id"])
        if key is None or key.organization_id != organization.id:
            raise ControlError("the organization has no living key with this id")
        store.revoke(key)
        self.log_by_hand(request, "revoked_by_hand", organization, key)
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
