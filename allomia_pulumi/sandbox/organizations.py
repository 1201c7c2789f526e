"""AlloMia's documented organization endpoints, as far as they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allomia_pulumi.sandbox.exchange import Done, Exchange, RefusalError
from allomia_pulumi.sandbox.paging import Page

if TYPE_CHECKING:
    from allomia_pulumi.sandbox.records import Organization

__all__ = ["get_organization", "list_organizations"]


def _own(exchange: Exchange) -> list[Organization]:
    tenant = exchange.caller.id
    return [each for each in exchange.world.store.organizations.values() if each.tenant_id == tenant]


def list_organizations(exchange: Exchange) -> Done:
    """Answer `GET /api/organization`: one page of the tenant's organizations, not wrapped.

    Raises:
        RefusalError: 400, a bad page or a field that cannot be sorted by.
    """
    query = exchange.call.query
    page = Page.of(query, default=10, largest=100)
    search = query.get("search", "").lower()
    found = [each.summary() for each in _own(exchange) if search in each.name.lower()]
    sort = query.get("sort", "createdAt")
    field = sort.removeprefix("-")
    if field not in {"id", "name", "email", "city", "country", "timezone", "createdAt"}:
        raise RefusalError(400, "sort is not a field that organizations can be sorted by")
    found.sort(key=lambda each: str(each[field]), reverse=sort.startswith("-"))
    body = {"organizations": list(page.of_items(found)), "pagination": page.pagination(len(found))}
    return Done("organizations_listed", body)


def get_organization(exchange: Exchange) -> Done:
    """Answer `GET /api/organization/{id}`, which is wrapped.

    Raises:
        RefusalError: 404, unknown or another tenant's.
    """
    current = exchange.organization(exchange.ids[0])
    body = {"currentOrg": current.details(), "userOrgs": [each.details() for each in _own(exchange)]}
    return Done("organization_read", body)
