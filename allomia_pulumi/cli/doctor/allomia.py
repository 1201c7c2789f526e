"""Checks of AlloMia: the tenant key, the clock, the organizations, the assumed key endpoints and the slots."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.doctor.clocks import judge_clock
from allomia_pulumi.cli.doctor.steps import Finding, Step, care, failed, ok, shorten, skipped
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import read_again
from allomia_pulumi.cli.state import DeclaredKey, DeclaredOrganization, record_of
from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.contracts.tokens import DASHBOARD_API_KEY
from allomia_pulumi.core.messages import look_command, orphans_command, unusable_organizations
from allomia_pulumi.core.orphans import Knowledge, Listing, Whose
from allomia_pulumi.edges.allomia import ListedKey, Organization, TenantClient
from allomia_pulumi.errors import AllomiaError, NotFound
from allomia_pulumi.ground.cached_property import locked_cached_property
from allomia_pulumi.ground.redaction import printable

__all__ = ["AllomiaChecks"]

LISTS_AT_ONCE = 8
SLOT_SECONDS = 30.0
OTHERS_SECONDS = 30.0
MOST_ORGANIZATIONS = 200
NO_STACK = "whose keys are lost, a stack tells"
NO_ENDPOINTS = "AlloMia serves no key endpoints here"
NO_NEED = "every key of this stack is made by hand, which needs no tenant key"

NO_ORGANIZATION = "Declare an Organization or make one in AlloMia, or use the tenant key of the right tenant."


class AllomiaChecks:
    """Checks of one AlloMia with one tenant key; they share what they have found."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._organizations: Sequence[Organization] = ()
        self._unusable = 0
        self._moments: tuple[datetime | None, datetime] = (None, datetime.now(UTC))
        self._keys: dict[str, Sequence[ListedKey]] = {}
        self._lacks_endpoints = False

    @locked_cached_property
    def _client(self) -> TenantClient:
        return self._subject.container.open(self._subject.access.reference)

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        needs = ("tenantKey.accepted",)
        return [
            Step("tenantKey.present", "tenant key", self._present, needs=self._what_the_key_needs()),
            Step("tenantKey.accepted", "tenant key accepted", self._accepted, needs=("tenantKey.present",)),
            Step("tenantKey.others", "other tenant keys", self._others, ("configuration",), seconds=OTHERS_SECONDS),
            Step("allomia.clock", "AlloMia's clock", lambda: judge_clock(*self._moments), needs=needs),
            Step("organizations", "organizations", self._visible, needs=needs),
            Step("keyEndpoints", "key endpoints", self._endpoints, needs=("organizations",)),
            Step("slots", "slots for keys", self._slots, needs=("keyEndpoints",), seconds=SLOT_SECONDS),
            Step("orphans", "orphaned keys", self._orphans, needs=("slots",), seconds=SLOT_SECONDS),
        ]

    def _what_the_key_needs(self) -> tuple[str, ...]:
        try:
            access = self._subject.access
            is_in_vault = bool(access.reference or self._subject.container.settings.tenant_key_ref)
        except AllomiaError:
            is_in_vault = False
        return ("configuration", "vault.login") if is_in_vault else ("configuration",)

    def _present(self) -> Finding:
        if not self._subject.needs_tenant_key:
            return skipped(NO_NEED)
        self._subject.known["the tenant key"] = self._client.tenant_key()
        return ok(f"from {self._client.source}")

    def _accepted(self) -> Finding:
        began = datetime.now(UTC)
        listed, moment = self._client.list_organizations_dated()
        self._organizations = [one for one in listed if one.is_usable]
        self._unusable = len(listed) - len(self._organizations)
        self._moments = (moment, began)
        return ok(f"at {self._subject.container.settings.api_url}")

    def _others(self) -> Finding:
        accesses = self._subject.other_accesses
        for access in accesses:
            container = self._subject.open(access)
            try:
                container.open(access.reference).list_organizations_dated()
            finally:
                container.close()
        return ok(f"accepted: {len(accesses)}" if accesses else "none")

    def _visible(self) -> Finding:
        seen = {organization.id for organization in self._organizations}
        access = self._subject.access
        needed = {each.organization_id for each in self._subject.minted_keys if _is_reached(each, access)}
        declared = {each.id for each in self._subject.organizations if each.id and _is_reached(each, access)}
        if unseen := sorted((needed | declared) - seen):
            why = "which this stack declares" if declared - seen else "which keys of this stack belong to"
            return care(
                f"{len(seen)} visible, without {shorten([printable(one) for one in unseen])}, {why}",
                "Check that the tenant key is of the right tenant, and in AlloMia that the organizations are there.",
            )
        rest = f", and {unusable_organizations(self._unusable)}" if self._unusable else ""
        if not seen:
            return failed(f"none is visible{rest}", NO_ORGANIZATION)
        if rest:
            return care(f"{len(seen)} visible{rest}", "Look at such ones in AlloMia's dashboard, and tell AlloMia.")
        return ok(f"{len(seen)} visible")

    def _endpoints(self) -> Finding:
        path = self._subject.container.settings.keys_path
        try:
            self._list(self._organizations[0])
        except NotFound as problem:
            self._lacks_endpoints = True
            found = f"none at {path}: DashboardApiKey works today, and OrganizationApiKey does not"
            # A stack of organizations alone needs no key endpoints either.
            kinds = {key.kind for key in self._subject.keys}
            is_enough = kinds == {DASHBOARD_API_KEY} or (not kinds and bool(self._subject.organizations))
            return ok(found) if is_enough else care(found, problem.hint)
        return ok(f"there, at {path}")

    def _slots(self) -> Finding:
        if self._lacks_endpoints:
            return skipped(NO_ENDPOINTS)
        looked = self._organizations[:MOST_ORGANIZATIONS]
        with ThreadPoolExecutor(LISTS_AT_ONCE) as pool:
            unread = sum(not could for could in pool.map(self._could_list, looked))
        counts = {one: len(self._keys[one.id]) for one in looked if one.id in self._keys}
        rest = f"; {unread} could not be read" if unread else ""
        if full := [one for one, count in counts.items() if count >= KEY_LIMIT]:
            look = look_command(full[0].id, self._subject.options)
            return care(
                f"{KEY_LIMIT} of {KEY_LIMIT} used in {shorten([_called(one) for one in full])}{rest}",
                f"A new key and most rotations need a free one: look with {look}.",
            )
        used = f"{sum(counts.values())} of {len(counts) * KEY_LIMIT} used; organizations looked at: {len(counts)}{rest}"
        return care(used, "Run again later.") if unread else ok(used)

    def _orphans(self) -> Finding:
        stack = self._subject.stack
        if stack is None or self._lacks_endpoints:
            return skipped(NO_STACK if stack is None else NO_ENDPOINTS)
        # Read after the keys were listed, so that a key which was just made is not taken for a lost one.
        knowledge = Knowledge([record_of(read_again(stack), self._subject.environ)])
        listings = [Listing(organization_id, keys) for organization_id, keys in self._keys.items()]
        verdicts = [knowledge.judge(key, listing).whose for listing in listings for key in listing.keys]
        lost, unsettled = verdicts.count(Whose.ORPHAN), verdicts.count(Whose.UNSETTLED)
        if not lost and not unsettled:
            return ok(f"none; keys looked at: {len(verdicts)}")
        found = [f"{lost} that no state knows"] * bool(lost) + [f"{unsettled} perhaps being made"] * bool(unsettled)
        return care(" and ".join(found), f"Look with {orphans_command(stack.argument)}.")

    def _could_list(self, organization: Organization) -> bool:
        try:
            self._list(organization)
        except AllomiaError:
            return False
        return True

    def _list(self, organization: Organization) -> None:
        if organization.id not in self._keys:
            self._keys[organization.id] = self._client.list_keys(organization.id)


def _is_reached(declared: DeclaredKey | DeclaredOrganization, access: Access) -> bool:
    """Tell whether a resource is reached on a way."""
    has_own_provider = declared.has_own_provider == bool(access.arguments)
    return declared.tenant_key_ref == access.reference and has_own_provider


def _called(organization: Organization) -> str:
    return f"{printable(organization.name, 40)} ({printable(organization.id)})"
