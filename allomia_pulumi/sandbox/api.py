"""The API of AlloMia: the table of endpoints, authentication, and execution of a request in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from allomia_pulumi.sandbox.api_keys import get_key, list_keys, mint_key, revoke_key
from allomia_pulumi.sandbox.calls import get_call, list_calls
from allomia_pulumi.sandbox.events import Credential, undone_type
from allomia_pulumi.sandbox.exchange import ApiCall, Done, Exchange, RefusalError
from allomia_pulumi.sandbox.organization_writes import (
    create_organization,
    deactivate_organization,
    put_metadata,
    update_organization,
)
from allomia_pulumi.sandbox.organizations import get_organization, list_organizations
from allomia_pulumi.sandbox.records import ApiKey, Tenant
from allomia_pulumi.sandbox.world import World

__all__ = ["Subject", "carry_out", "describe"]

Endpoint: TypeAlias = Callable[[Exchange], Done]
ANY_ID = "{id}"
ORGANIZATIONS = ("api", "organization")
KEYS = (*ORGANIZATIONS, ANY_ID, "api-keys")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: where it is, who may use it, and whether AlloMia documents it."""

    method: str
    segments: tuple[str, ...]
    endpoint: Endpoint
    is_tenant_only: bool = True

    @property
    def is_assumed(self) -> bool:
        """Whether this is one of the key endpoints, which AlloMia does not document."""
        return self.segments[: len(KEYS)] == KEYS

    def ids(self, call: ApiCall) -> tuple[str, ...] | None:
        """Return the IDs that the path names, or None when the call is for another endpoint."""
        pairs = list(zip(self.segments, call.segments, strict=False))
        fits = len(self.segments) == len(call.segments) and all(ours in {ANY_ID, theirs} for ours, theirs in pairs)
        if call.method != self.method or not fits or "" in call.segments:
            return None
        return tuple(theirs for ours, theirs in pairs if ours == ANY_ID)


ROUTES = (
    Route("GET", ORGANIZATIONS, list_organizations),
    Route("POST", ORGANIZATIONS, create_organization),
    Route("GET", (*ORGANIZATIONS, ANY_ID), get_organization),
    Route("PUT", (*ORGANIZATIONS, ANY_ID), update_organization),
    Route("DELETE", (*ORGANIZATIONS, ANY_ID), deactivate_organization),
    Route("PUT", (*ORGANIZATIONS, ANY_ID, "metadata"), put_metadata),
    Route("POST", KEYS, mint_key),
    Route("GET", KEYS, list_keys),
    Route("GET", (*KEYS, ANY_ID), get_key),
    Route("DELETE", (*KEYS, ANY_ID), revoke_key),
    Route("GET", ("api", "calls"), list_calls, is_tenant_only=False),
    Route("GET", ("api", "calls", ANY_ID), get_call, is_tenant_only=False),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The caller and subject of a request, as far as the request itself tells."""

    credential: Credential
    organization_id: str | None = None
    organization_name: str | None = None
    key_id: str | None = None
    key_name: str | None = None


def describe(world: World, call: ApiCall) -> Subject:
    """Return the caller and subject of a request, also of one that is never carried out; nothing changes."""
    caller = world.store.identify(call.token) if call.token else None
    route, ids = _find(call)
    organization_id = call.query.get("organizationId")
    if route and route.segments[:2] == ORGANIZATIONS and ids:
        organization_id = ids[0]
    credential = _credential(call, caller)
    if route and route.endpoint is mint_key:
        return Subject(credential, organization_id, key_name=_asked_name(call))
    if route and route.endpoint in {create_organization, update_organization}:
        return Subject(credential, organization_id, organization_name=_asked_name(call))
    presented = caller.id if isinstance(caller, ApiKey) else None
    key_id = ids[1] if len(ids) > 1 else presented
    key = world.store.keys.get(key_id) if key_id else None
    return Subject(credential, organization_id, key_id=key_id, key_name=key.name if key else None)


def carry_out(world: World, call: ApiCall) -> Done:
    """Execute a request in one step; a refusal is a result like any other."""
    try:
        caller = _authenticate(world, call)
        route, ids = _find(call)
        if route is None or (route.is_assumed and not world.settings.key_endpoints):
            raise RefusalError(404, "Not found")  # noqa: TRY301 - every refusal takes the same way out
        if route.is_tenant_only and not isinstance(caller, Tenant):
            raise RefusalError(403, "This endpoint requires a tenant-level API key")  # noqa: TRY301 - the same
        return route.endpoint(Exchange(world, call, caller, ids))
    except RefusalError as refusal:
        details = {} if refusal.details is None else {"details": refusal.details}
        return Done(undone_type(refusal.status), {"error": refusal.error, **details}, status=refusal.status)


def _authenticate(world: World, call: ApiCall) -> Tenant | ApiKey:
    caller = world.store.identify(call.token) if call.token else None
    if caller is None or (isinstance(caller, ApiKey) and not world.store.use(caller)):
        raise RefusalError(401, "Invalid or missing API key")
    return caller


def _credential(call: ApiCall, caller: Tenant | ApiKey | None) -> Credential:
    if caller is None:
        return "unknown" if call.token else "none"
    return "tenant" if isinstance(caller, Tenant) else "organization"


def _find(call: ApiCall) -> tuple[Route | None, tuple[str, ...]]:
    for route in ROUTES:
        ids = route.ids(call)
        if ids is not None:
            return route, ids
    return None, ()


def _asked_name(call: ApiCall) -> str | None:
    try:
        name = call.json_object().get("name")
    except RefusalError:
        return None
    return name if isinstance(name, str) else None
