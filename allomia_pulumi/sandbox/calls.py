"""AlloMia's documented call endpoints: what an organization key is for, and how a new one is verified."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from allomia_pulumi.sandbox.exchange import Done, Exchange, RefusalError
from allomia_pulumi.sandbox.paging import Page

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

__all__ = ["get_call", "list_calls"]

CALL_TYPES = {"Inbound", "Outbound", "Web"}
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def list_calls(exchange: Exchange) -> Done:
    """Answer `GET /api/calls`: one page of one organization's calls, newest first.

    Raises:
        RefusalError: 400 for values that make no sense, 404 for an organization that the key may not see.
    """
    query = exchange.call.query
    organization_id = query.get("organizationId")
    if not organization_id:
        raise RefusalError(400, "organizationId is required")
    page = Page.of(query, default=20, largest=50)
    call_type = query.get("callType")
    if call_type is not None and call_type not in CALL_TYPES:
        raise RefusalError(400, "callType must be Inbound, Outbound or Web")
    earliest, latest = _moment(query, "from", EARLIEST), _moment(query, "to", LATEST)
    if earliest > latest:
        raise RefusalError(400, "from must not be later than to")
    organization = exchange.organization(organization_id)
    found = [
        call
        for call in exchange.world.store.calls.values()
        if call.organization_id == organization.id
        and call_type in {None, call.call_type}
        and earliest <= call.started_at <= latest
    ]
    found.sort(key=lambda call: call.started_at, reverse=True)
    records = [call.summary() for call in page.of_items(found)]
    body = {"calls": records, "pagination": page.pagination(len(found))}
    return Done("verified", body, records=len(records))


def get_call(exchange: Exchange) -> Done:
    """Answer `GET /api/calls/{id}`.

    Raises:
        RefusalError: 404, unknown or of an organization that the key may not see.
    """
    call = exchange.world.store.calls.get(exchange.ids[0])
    if call is None:
        raise RefusalError(404, "Call not found")
    try:
        exchange.organization(call.organization_id)
    except RefusalError:
        raise RefusalError(404, "Call not found") from None
    return Done("call_read", call.details(), records=1)


def _moment(query: QueryParams, name: str, default: datetime) -> datetime:
    text = query.get(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusalError(400, f"{name} must be an ISO 8601 date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
