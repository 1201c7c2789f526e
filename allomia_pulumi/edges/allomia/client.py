"""The operations of AlloMia that the core asks for, authenticated by one tenant key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeVar

from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.edges.allomia.documented import (
    CALLS_PATH,
    ORGANIZATIONS_PATH,
    CallPage,
    Organization,
    OrganizationAnswer,
    OrganizationPage,
    calls_of,
    organization_path,
)
from allomia_pulumi.edges.allomia.http_client import Absent, Credential, HttpClient, Params, StrangeAbsence
from allomia_pulumi.edges.allomia.keys import CreatedKey, DeletedKey, KeyPage, ListedKey, ShownKey, key_path, keys_path
from allomia_pulumi.edges.allomia.pages import PAGE_SIZE, Item, Page, Pagination, read_pages
from allomia_pulumi.edges.allomia.prover import Prover
from allomia_pulumi.errors import NotFound, UnexpectedAnswer
from allomia_pulumi.ground.moments import believable
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.spelling import spell

__all__ = ["TenantClient"]

P = TypeVar("P", bound=Page)


class TenantClient:
    """Client of AlloMia's organizations and their keys, for one tenant.

    Args:
        http: The connection, shared by all tenants of one address.
        tenant: The tenant key.
        path: The template of the assumed key collection's path.
    """

    def __init__(self, http: HttpClient, tenant: Credential, path: str) -> None:
        self._http = http
        self._tenant = tenant
        self._path = path

    @property
    def source(self) -> str:
        """Name the place that the tenant key comes from, for messages."""
        return self._tenant.source

    def tenant_key(self) -> SecretStr:
        """Return the tenant key itself: for proof that it can be had, and for a search for it."""
        return self._tenant.current()

    def is_tenant_key(self, secret: SecretStr) -> bool:
        """Tell whether this is the tenant key itself."""
        return self._tenant.current() == secret

    def shows_tenant_key(self, text: str) -> bool:
        """Tell whether a text contains the tenant key."""
        return self._tenant.current().get_secret_value() in text

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:
        """Tell whether a key is a tenant key, as `Prover` does."""
        return Prover(self._http).acts_as_tenant(key, source)

    def reads_calls(self, organization_id: str) -> bool:
        """Tell whether the call that proves keys works with the tenant key; only its own 404 means no."""
        doing = f"reading the calls of organization {organization_id}"
        try:
            self._http.get(CALLS_PATH, CallPage, self._tenant, doing=doing, params=calls_of(organization_id))
        except Absent:
            return False
        return True

    def organization(self, organization_id: str) -> Organization | None:
        """Return the organization, or None when AlloMia answers 404: unknown, or another tenant's.

        Raises:
            UnexpectedAnswer: AlloMia answered with another organization.
        """
        doing = f"reading organization {organization_id}"
        try:
            path = organization_path(organization_id)
            found = self._http.get(path, OrganizationAnswer, self._tenant, doing=doing).current_org
        except Absent:
            return None
        if found.id != organization_id:
            raise UnexpectedAnswer(
                f"AlloMia answered with another organization to {doing}",
                "Write the id exactly as AlloMia shows it; if it is written so, tell AlloMia.",
            )
        return found

    def has_organization(self, organization_id: str) -> bool:
        """Tell whether the organization is readable; only its own 404 means no."""
        return self.organization(organization_id) is not None

    def list_organizations(self, search: str | None = None) -> tuple[Organization, ...]:
        """Return all organizations of the tenant, or those whose name matches; also those that no request can name."""
        return self.list_organizations_dated(search)[0]

    def list_organizations_dated(self, search: str | None = None) -> tuple[tuple[Organization, ...], datetime | None]:
        """Return organizations as `list_organizations` does, and the moment of AlloMia's own clock, if it says so."""
        params = {"sort": "createdAt", **({"search": search} if search else {})}
        return self._list(ORGANIZATIONS_PATH, OrganizationPage, OrganizationPage.items, "listing organizations", params)

    def list_keys(self, organization_id: str) -> tuple[ListedKey, ...]:
        """Return all keys of the organization.

        Raises:
            NotFound: The organization is not visible to this tenant, or AlloMia serves no key endpoints.
        """
        return self.list_keys_dated(organization_id)[0]

    def list_keys_dated(self, organization_id: str) -> tuple[tuple[ListedKey, ...], datetime | None]:
        """Return all keys as `list_keys` does, and the moment of AlloMia's own clock, if its answer has one."""
        doing = f"listing the keys of organization {organization_id}"
        path = keys_path(self._path, organization_id)
        try:
            found, moment = self._list(path, KeyPage, lambda page, _: page.api_keys, doing)
        except (Absent, StrangeAbsence):
            # A path that AlloMia does not serve need not be refused in its own shape.
            raise self._explain_absence(organization_id) from None
        if any(key.organization_id not in {None, organization_id} for key in found):
            raise UnexpectedAnswer(f"AlloMia listed a foreign organization's key for {doing}", "Tell AlloMia.")
        return found, moment

    def has_key(self, organization_id: str, key_id: str) -> bool:
        """Tell whether the key itself answers; only its own 404 means no."""
        return self.find_key(organization_id, key_id) is not None

    def find_key(self, organization_id: str, key_id: str) -> ListedKey | None:
        """Return the key that answers for itself, or None for its own 404."""
        path = key_path(self._path, organization_id, key_id)
        try:
            found = self._http.get(path, ListedKey, self._tenant, doing=f"reading key {key_id}")
        except Absent:
            return None
        if found.id != key_id or found.organization_id not in {None, organization_id}:
            raise UnexpectedAnswer(f"AlloMia answered with another key to reading key {key_id}", "Tell AlloMia.")
        return found

    def mint_key(self, organization_id: str, name: str) -> ShownKey:
        """Send one POST, and return the key that its answer shows.

        Raises:
            OutcomeUnknown: Nobody knows whether a key was made.
            AllomiaError: No key was made.
        """
        path = keys_path(self._path, organization_id)
        doing = f"making key {name} in organization {organization_id}"
        try:
            made, moment = self._http.post_dated(path, {"name": name}, CreatedKey, self._tenant, doing=doing)
        except Absent:
            raise self._explain_absence(organization_id) from None
        return ShownKey(made.id, made.name, made.key, made.created_at, believable(moment), made.organization_id)

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        """Delete a key, and return what AlloMia's answer says of it.

        Raises:
            UnexpectedAnswer: AlloMia says that it deleted another key.
        """
        path = key_path(self._path, organization_id, key_id)
        try:
            status, deleted = self._http.delete(path, DeletedKey, self._tenant, doing=f"revoking key {key_id}")
        except Absent:
            return Revocation.ABSENT
        if deleted is None or deleted.api_key_id is None:
            return Revocation.ACCEPTED
        if deleted.api_key_id != key_id:
            raise UnexpectedAnswer(
                f"AlloMia answered that it deleted key {printable(deleted.api_key_id)} to revoking key {key_id}: "
                "either may be alive, or gone",
                "Look at both before the next run, and tell AlloMia.",
            )
        is_confirmed = status == HTTPStatus.OK and deleted.error is None
        return Revocation.CONFIRMED if is_confirmed else Revocation.ACCEPTED

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        """Use an organization's own key once, as `Prover` does."""
        Prover(self._http).prove_key(organization_id, key, source)

    def _list(
        self,
        path: str,
        answer: type[P],
        items: Callable[[P, int], Sequence[Item]],
        doing: str,
        params: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[tuple[Item, ...], datetime | None]:
        """Read all pages of a list; return its items, and the moment of AlloMia's own clock, if it says so."""
        moments: list[datetime | None] = []

        def read(number: int) -> tuple[Sequence[Item], Pagination]:
            query: Params = {"page": number, "limit": PAGE_SIZE, **params}
            page, moment = self._http.get_dated(path, answer, self._tenant, doing=doing, params=query)
            moments.append(moment)
            return items(page, number), page.pagination

        return read_pages(read, doing, self._http.clock), moments[-1]

    def _explain_absence(self, organization_id: str) -> NotFound:
        """Tell an unknown organization from key endpoints that AlloMia does not serve."""
        if self.organization(organization_id) is None:
            return _not_found(
                f"organization {organization_id} does not exist, or the tenant key from {self._tenant.source} "
                "does not see it",
                f"Check {spell('organizationId')}, and that the tenant key is of the right tenant.",
            )
        return _not_found(
            f"AlloMia serves no key endpoints at {self._path}: they are assumed, since AlloMia documents none",
            "Use a DashboardApiKey, which works today: make the key in AlloMia's dashboard and keep it in Vault. "
            "If AlloMia has told you another path, set allomia:keysPath.",
            is_proved=True,
        )


def _not_found(message: str, hint: str, *, is_proved: bool = False) -> NotFound:
    return NotFound(message, hint, is_proved=is_proved).as_said_by("AlloMia")
