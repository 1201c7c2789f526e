"""AlloMia as one tenant key sees it: the operations that the core asks for."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

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
from allomia_pulumi.edges.allomia.http_client import Absent, Credential, Exchange
from allomia_pulumi.edges.allomia.keys import CreatedKey, DeletedKey, KeyPage, ListedKey, ShownKey, key_path, keys_path
from allomia_pulumi.edges.allomia.pages import PAGE_SIZE, Pagination, read_pages
from allomia_pulumi.edges.allomia.prover import Prover
from allomia_pulumi.errors import NotFound, UnexpectedAnswer
from allomia_pulumi.ground.moments import believable
from allomia_pulumi.ground.redaction import printable

__all__ = ["TenantClient"]


class TenantClient:
    """AlloMia's organizations and their keys, through one tenant key.

    Args:
        exchange: The connection, shared by all tenants of one address.
        tenant: The tenant key.
        path: The template of the assumed key collection.
    """

    def __init__(self, exchange: Exchange, tenant: Credential, path: str) -> None:
        self._exchange = exchange
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
        """Tell what a key may do, as `Prover` does."""
        return Prover(self._exchange).acts_as_tenant(key, source)

    def reads_calls(self, organization_id: str) -> bool:
        """Make the call that proves keys with the tenant key; only its own 404 means no."""
        doing = f"reading the calls of organization {organization_id}"
        try:
            self._exchange.get(CALLS_PATH, CallPage, self._tenant, doing=doing, params=calls_of(organization_id))
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
            found = self._exchange.get(path, OrganizationAnswer, self._tenant, doing=doing).current_org
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
        """Return all organizations of the tenant, or those whose name matches."""
        return self.survey(search)[0]

    def survey(self, search: str | None = None) -> tuple[tuple[Organization, ...], datetime | None]:
        """Return organizations as `list_organizations` does, and the moment of AlloMia's own clock, if it says so."""
        doing = "listing organizations"
        moments: list[datetime | None] = []

        def read(page: int) -> tuple[tuple[Organization, ...], Pagination]:
            params: dict[str, str | int] = {"page": page, "limit": PAGE_SIZE, "sort": "createdAt"}
            if search:
                params["search"] = search
            answer, moment = self._exchange.get_dated(
                ORGANIZATIONS_PATH, OrganizationPage, self._tenant, doing=doing, params=params
            )
            moments.append(moment)
            return answer.organizations, answer.pagination

        return read_pages(read, doing, self._exchange.clock), moments[-1]

    def list_keys(self, organization_id: str) -> tuple[ListedKey, ...]:
        """Return all keys of the organization.

        Raises:
            NotFound: The organization is not visible to this tenant, or AlloMia serves no key endpoints.
        """
        return self.look(organization_id)[0]

    def look(self, organization_id: str) -> tuple[tuple[ListedKey, ...], datetime | None]:
        """Return all keys as `list_keys` does, and the moment of AlloMia's own clock, if its answer has one."""
        doing = f"listing the keys of organization {organization_id}"
        moments: list[datetime | None] = []

        def read(page: int) -> tuple[tuple[ListedKey, ...], Pagination]:
            params: dict[str, str | int] = {"page": page, "limit": PAGE_SIZE}
            path = keys_path(self._path, organization_id)
            answer, moment = self._exchange.get_dated(path, KeyPage, self._tenant, doing=doing, params=params)
            moments.append(moment)
            return answer.api_keys, answer.pagination

        try:
            found = read_pages(read, doing, self._exchange.clock)
        except Absent:
            raise self._missing(organization_id) from None
        if any(key.organization_id not in {None, organization_id} for key in found):
            raise UnexpectedAnswer(f"AlloMia listed a foreign organization's key for {doing}", "Tell AlloMia.")
        return found, moments[-1]

    def has_key(self, organization_id: str, key_id: str) -> bool:
        """Tell whether the key itself answers; only its own 404 means no."""
        return self.find_key(organization_id, key_id) is not None

    def find_key(self, organization_id: str, key_id: str) -> ListedKey | None:
        """Return the key that answers for itself, or None for its own 404."""
        path = key_path(self._path, organization_id, key_id)
        try:
            found = self._exchange.get(path, ListedKey, self._tenant, doing=f"reading key {key_id}")
        except Absent:
            return None
        if found.id != key_id or found.organization_id not in {None, organization_id}:
            raise UnexpectedAnswer(f"AlloMia answered with another key to reading key {key_id}", "Tell AlloMia.")
        return found

    def mint_key(self, organization_id: str, name: str) -> ShownKey:
        """Send one POST.

        Raises:
            OutcomeUnknown: Nobody knows whether a key was made.
            AllomiaError: No key was made.
        """
        path = keys_path(self._path, organization_id)
        doing = f"making key {name} in organization {organization_id}"
        try:
            made, moment = self._exchange.post_dated(path, {"name": name}, CreatedKey, self._tenant, doing=doing)
        except Absent:
            raise self._missing(organization_id) from None
        return ShownKey(made.id, made.name, made.key, made.created_at, believable(moment), made.organization_id)

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        """Delete a key, and return what AlloMia's answer says of it.

        Raises:
            UnexpectedAnswer: AlloMia says that it deleted another key.
        """
        path = key_path(self._path, organization_id, key_id)
        try:
            status, said = self._exchange.delete(path, DeletedKey, self._tenant, doing=f"revoking key {key_id}")
        except Absent:
            return Revocation.ABSENT
        if said is None or said.api_key_id is None:
            return Revocation.ACCEPTED
        if said.api_key_id != key_id:
            raise UnexpectedAnswer(
                f"AlloMia answered that it deleted key {printable(said.api_key_id)} to revoking key {key_id}: either "
                "may be alive, or gone",
                "Look at both before the next run, and tell AlloMia.",
            )
        is_confirmed = status == HTTPStatus.OK and said.error is None
        return Revocation.CONFIRMED if is_confirmed else Revocation.ACCEPTED

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        """Use an organization's own key once, as `Prover` does."""
        Prover(self._exchange).prove_key(organization_id, key, source)

    def _missing(self, organization_id: str) -> NotFound:
        """Tell an unknown organization from key endpoints that AlloMia does not serve."""
        if self.organization(organization_id) is None:
            return NotFound(
                f"organization {organization_id} does not exist, or the tenant key from {self._tenant.source} "
                "does not see it",
                "Check organizationId, and that the tenant key is of the right tenant.",
            )
        return NotFound(
            f"AlloMia serves no key endpoints at {self._path}: they are assumed, since AlloMia documents none",
            "Use a DashboardApiKey, which works today: make the key in AlloMia's dashboard and keep it in Vault. "
            "If AlloMia has told you another path, set allomia:keysPath.",
        )
