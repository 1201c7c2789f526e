"""The listing of keys: of one organization, or of every one that the tenant key sees, by ids that import takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any, Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.listing import (
    LARGEST_PAGE,
    Entry,
    Listing,
    Page,
    PageRequest,
    explaining_sources,
    is_showable,
    optional_text,
    read_query,
)
from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.messages import unusable_keys, unusable_organizations
from allomia_pulumi.core.model import Model
from allomia_pulumi.errors import NotFound
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.side_by_side import ask_all

__all__ = ["KeyQuery", "list_page"]

AT_ONCE: Final = 16
MOST_NAMED: Final = 5


class KeyQuery(Model):
    """Which keys are listed; the descriptions are those of the schema."""

    organization_id: str | None = None
    """Only those of the organization with this id; without it, those of every organization that the tenant key sees."""

    name: str | None = None
    """Only those with exactly this label, or with exactly this whole name, whose end may be a mark."""

    made_by_hand: bool = False
    """Only those whose name does not end in a mark: no Pulumi program declared them."""

    tenant_key_ref: VaultReference | None = None
    """Where the tenant key lies in Vault that lists them, instead of `allomia:tenantKeyRef`: `mount/path#field`, or an
    object. An import takes the provider's own."""

    def takes(self, key: ApiKey) -> bool:
        """Tell whether a key is one of those."""
        is_named = self.name in {None, key.name, label_of(key.name)}
        return is_named and not (self.made_by_hand and parse_mark(key.name))


def _optional_organization(value: object) -> str | None:
    return None if value is None else input_fields.organization_id(value)


PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "organization_id": _optional_organization,
    "name": optional_text("name"),
    "made_by_hand": input_fields.switch_off("madeByHand"),
    "tenant_key_ref": input_fields.reference("tenantKeyRef"),
}


def list_page(tenants: Tenants, given: Mapping[str, Any], asked: PageRequest, reporter: Reporter) -> Page | None:
    """Return a page of living keys; None while the query is not known yet.

    Raises:
        InvalidInput: The query or the token is not acceptable.
        NotFound: The organization is not visible, or AlloMia serves no key endpoints.
        Interrupted: Nobody waits for the page any more.
        AllomiaError: A list could not be read to its end; nothing is shown.
    """
    query = read_query(KeyQuery, given, PARSERS)
    if query is None:
        return None
    with explaining_sources():
        api = tenants.open(query.tenant_key_ref)
        listing = Listing(asked, (ORGANIZATION_API_KEY, tenants.service, api.source, query), depth=2)
        if query.organization_id is not None:
            organizations = [query.organization_id]
        else:
            organizations = _organizations(api, reporter, is_first=not asked.token)
        ahead = [each for each in organizations if listing.is_ahead((each,))]
        return _Walk(tenants, api, query, listing).take(ahead, reporter)


@dataclass
class _Walk:
    """The walk through organizations that fills one page; only as many are asked as the page is certain to need."""

    tenants: Tenants
    api: KeyApi
    query: KeyQuery
    listing: Listing
    entries: list[Entry] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    unusable: int = 0

    def take(self, organizations: Sequence[str], reporter: Reporter) -> Page:
        """Return the page, and say what it leaves out."""
        last = self._fill(organizations)
        if self.hidden:
            named = [printable(each) for each in self.hidden[:MOST_NAMED]]
            named += [f"and {len(self.hidden) - MOST_NAMED} more"] * (len(self.hidden) > MOST_NAMED)
            reporter.warn(
                "AlloMia lists organizations and answers 404 to a question for them: their keys are left out "
                f"({', '.join(named)})"
            )
        if self.unusable:
            reporter.warn(f"{unusable_keys(self.unusable)}: left out")
        return self.listing.end(self.entries, last, reporter)

    def _fill(self, organizations: Sequence[str]) -> tuple[str, ...]:
        """Fill the page; return the ids behind which more may come, or none at the end."""
        last: tuple[str, ...] = ()
        asked = 0
        while asked < len(organizations):
            need = self.listing.room - len(self.entries)
            count = min(AT_ONCE, ceil(need / KEY_LIMIT), LARGEST_PAGE - asked)
            if count < 1:
                return last
            self.listing.require_awaited(self.tenants.cancellation)
            batch = organizations[asked : asked + count]
            asked += len(batch)
            for organization_id, keys in zip(
                batch, ask_all([partial(self._read, each) for each in batch]), strict=True
            ):
                if keys is None:
                    self.hidden.append(organization_id)
                for entry in self._entries(organization_id, keys or ()):
                    if len(self.entries) == self.listing.room:
                        return self.entries[-1].ids
                    self.entries.append(entry)
                last = (organization_id,)
        return ()

    def _read(self, organization_id: str) -> Sequence[ApiKey] | None:
        """Return an organization's keys; None for one that is listed, and not visible itself."""
        try:
            return self.api.list_keys(organization_id)
        except NotFound as problem:
            if problem.is_proved or self.query.organization_id is not None:
                raise
            return None

    def _entries(self, organization_id: str, keys: Sequence[ApiKey]) -> Sequence[Entry]:
        wanted = [key for key in keys if self.query.takes(key)]
        usable = [key for key in wanted if is_showable(key.id)]
        self.unusable += len(wanted) - len(usable)
        entries = [Entry((organization_id, key.id), printable(key.name)) for key in usable]
        return sorted((each for each in entries if self.listing.is_ahead(each.ids)), key=lambda each: each.ids)


def _organizations(api: KeyApi, reporter: Reporter, *, is_first: bool) -> list[str]:
    """Return the ids of all organizations, in the order of the listing."""
    found = api.list_organizations()
    usable = [each.id for each in found if is_showable(each.id)]
    if len(usable) < len(found) and is_first:
        reporter.warn(f"{unusable_organizations(len(found) - len(usable))}: left out")
    return sorted(usable)
