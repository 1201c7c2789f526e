"""The listing of organizations: all that the tenant key sees, or those that a query finds, by ids that import takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import OrganizationTenants
from allomia_pulumi.contracts.tokens import ORGANIZATION
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.listing import (
    Entry,
    Listing,
    Page,
    PageRequest,
    explaining_sources,
    is_showable,
    optional_text,
    read_query,
)
from allomia_pulumi.core.messages import unusable_organizations
from allomia_pulumi.core.model import Model
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = ["OrganizationQuery", "list_page"]


class OrganizationQuery(Model):
    """Which organizations are listed; the descriptions are those of the schema."""

    search: str | None = None
    """Only those that AlloMia's search finds: it looks into the name, and how it compares is not documented."""

    name: str | None = None
    """Only those with exactly this name."""

    tenant_key_ref: VaultReference | None = None
    """Where the tenant key lies in Vault that lists them, instead of `allomia:tenantKeyRef`: `mount/path#field`, or an
    object. An import takes the provider's own."""


PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "search": optional_text("search"),
    "name": optional_text("name"),
    "tenant_key_ref": input_fields.reference("tenantKeyRef"),
}


def list_page(
    tenants: OrganizationTenants, given: Mapping[str, Any], asked: PageRequest, reporter: Reporter
) -> Page | None:
    """Return a page of organizations, cut from one complete list; None while the query is not known yet.

    Raises:
        InvalidInput: The query or the token is not acceptable.
        AllomiaError: The list could not be read to its end; nothing of it is shown.
    """
    query = read_query(OrganizationQuery, given, PARSERS)
    if query is None:
        return None
    with explaining_sources():
        api = tenants.organizations(query.tenant_key_ref)
        listing = Listing(asked, (ORGANIZATION, tenants.service, api.source, query), depth=1)
        found = api.list_organizations(query.search)
    usable = [each for each in found if is_showable(each.id)]
    if len(usable) < len(found) and not asked.token:
        reporter.warn(f"{unusable_organizations(len(found) - len(usable))}: left out")
    wanted = [each for each in usable if query.name in {None, each.fields.name}]
    entries = sorted(
        (Entry((each.id,), printable(each.fields.name or "")) for each in wanted), key=lambda each: each.ids
    )
    ahead = [each for each in entries if listing.is_ahead(each.ids)]
    page = ahead[: listing.room]
    return listing.end(page, page[-1].ids if page and len(page) < len(ahead) else (), reporter)
