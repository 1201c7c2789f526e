"""AlloMia's documented organization endpoints that read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allomia_pulumi.sandbox.exchange import Done, Exchange, RefusalError
from allomia_pulumi.sandbox.paging import Page

if TYPE_CHECKING:
    from allomia_pulumi.sandbox.records import Organization

__all__ = ["get_organization", "list_organizations"]


def _own(exchange: Exchange) -> list[Organization]:
    tenant = exchange.caller.id
    return [each for each in exchange.world.store.organizations.values() if each.tenant_id == tenant]


def _visible(exchange: Exchange, organizations: list[Organization]) -> list[Organization]:
    """Return those that have spread to the list, and count this list for the others."""
    hidden = [each for each in organizations if each.hidden_lists]
    for each in hidden:
        exchange.world.store.organizations[each.id] = replace(each, hidden_lists=each.hidden_lists - 1)
    return [each for each in organizations if not each.hidden_lists]


def list_organizations(exchange: Exchange) -> Done:
    """Answer `GET /api/organization`: one page of the tenant's organizations, not wrapped.

    Raises:
        RefusalError: 400, a bad page or a field that cannot be sorted by.
    """
    query = exchange.call.query
    page = Page.of(query, default=10, largest=100)
    search = query.get("search", "").lower()
    listed = [each for each in _own(exchange) if each.is_active or exchange.world.settings.list_deactivated]
    found = [each.summary() for each in _visible(exchange, listed) if search in each.name.lower()]
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
