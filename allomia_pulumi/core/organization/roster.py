"""The roster of a tenant: its organizations from one complete list, read once a process, and those made since."""

from __future__ import annotations

import threading

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi, OrganizationFields
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.words import fold
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.clock import Clock

__all__ = ["Roster", "Rosters", "is_namesake"]

SHARED_FAILURE_SECONDS = 5.0
"""A failure that took longer is shared for as long as it took: whoever queued behind it does not wait as well."""


class Roster:
    """The organizations of one tenant; the lock is held while the list is read, so it is read once; thread-safe."""

    def __init__(self, api: OrganizationApi, clock: Clock, made: dict[str, ManagedOrganization]) -> None:
        self._api = api
        self._clock = clock
        self._made = made
        self._lock = threading.RLock()
        self._is_read = False
        self._ids: set[str] = set()
        self._tenant_ids: set[str] = set()
        self._by_name: dict[str, dict[str, ManagedOrganization]] = {}
        self._reserved: dict[tuple[str, str], Identity] = {}
        self._failure: AllomiaError | None = None
        self._shared_until = 0.0

    def ids(self) -> frozenset[str]:
        """Return the ids of all organizations, those of the one list and those that were made since.

        Raises:
            AllomiaError: The list could not be read to its end; whoever comes next tries again.
        """
        with self._lock:
            self._read_once()
            return frozenset(self._ids)

    def namesakes(self, fields: OrganizationFields) -> tuple[ManagedOrganization, ...]:
        """Return the organizations whose name and e-mail address are these, or may be, for all that people see.

        Raises:
            AllomiaError: The list could not be read to its end; whoever comes next tries again.
        """
        with self._lock:
            self._read_once()
            named = {**self._made_for_this_tenant(), **self._by_name.get(fold(fields.name), {})}
        return tuple(each for each in named.values() if is_namesake(each.fields, fields) is not False)

    def _made_for_this_tenant(self) -> dict[str, ManagedOrganization]:
        """Return what this process made for this tenant, also on another way to its key, after the list was read."""
        own = self.tenant_id
        return {key: each for key, each in tuple(self._made.items()) if own is not None and each.tenant_id == own}

    @property
    def tenant_id(self) -> str | None:
        """Return the one tenant that all of them name, as far as the list was read; None for none, or for several."""
        with self._lock:
            return next(iter(self._tenant_ids)) if len(self._tenant_ids) == 1 else None

    def read_again(self) -> tuple[ManagedOrganization, ...]:
        """Read the list now, past the shared one, which stays: it is what was there before."""
        return tuple(self._api.list_organizations())

    def reserve(self, fields: OrganizationFields, identity: Identity) -> Identity | None:
        """Reserve a name and an e-mail address for a new declaration; return the one that has reserved them before."""
        with self._lock:
            for key in [key for key, holder in self._reserved.items() if holder == identity]:
                del self._reserved[key]
            holder = self._reserved.setdefault(_who(fields), identity)
            return None if holder == identity else holder

    def add(self, organization: ManagedOrganization) -> None:
        """Add an organization."""
        with self._lock:
            self._ids.add(organization.id)
            self._by_name.setdefault(fold(organization.fields.name), {})[organization.id] = organization
            if organization.tenant_id:
                self._tenant_ids.add(organization.tenant_id)

    def add_made(self, organization: ManagedOrganization) -> None:
        """Add an organization that this process made, for all rosters of its tenant; it needs no reservation now."""
        self.add(organization)
        with self._lock:
            self._reserved.pop(_who(organization.fields), None)
        self._made[organization.id] = organization

    def _read_once(self) -> None:
        if self._is_read:
            return
        started = self._clock.monotonic()
        if self._failure is not None and started < self._shared_until:
            raise self._failure.copy()
        try:
            listed = self._api.list_organizations()
        except AllomiaError as problem:
            now = self._clock.monotonic()
            if now - started > SHARED_FAILURE_SECONDS:
                self._failure, self._shared_until = problem, now + (now - started)
            raise
        for each in listed:
            self.add(each)
        self._is_read = True


class Rosters:
    """The rosters of one process, one for each client; thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rosters: dict[int, tuple[OrganizationApi, Roster]] = {}
        self._made: dict[str, ManagedOrganization] = {}

    def of(self, api: OrganizationApi) -> Roster:
        """Return the roster of the tenant that a client asks for."""
        with self._lock:
            # The client is kept beside its roster, so that its identity is no other's meanwhile.
            return self._rosters.setdefault(id(api), (api, Roster(api, self._clock, self._made)))[1]


def _who(fields: OrganizationFields) -> tuple[str, str]:
    return fold(fields.name), fold(fields.email)


def is_namesake(some: OrganizationFields, others: OrganizationFields) -> bool | None:
    """Tell whether name and e-mail address are the same for people; None if one has no e-mail address to tell by."""
    if fold(some.name) != fold(others.name):
        return False
    if not some.email or not others.email:
        return None
    return fold(some.email) == fold(others.email)
