"""The roster of a tenant: its organizations from one complete list, read once a process, and those made since."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi, OrganizationFields
from allomia_pulumi.core.organization.words import fold
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.clock import Clock

__all__ = ["Roster", "Rosters", "is_namesake"]

SHARED_FAILURE_SECONDS = 5.0
"""A failure that took longer is shared for as long as it took: whoever queued behind it does not wait as well."""


class Roster:
    """The organizations of one tenant; the lock is held while the list is read, so it is read once; thread-safe."""

    def __init__(self, api: OrganizationApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._lock = threading.RLock()
        self._listed: dict[str, ManagedOrganization] | None = None
        self._made: dict[str, ManagedOrganization] = {}
        self._failure: AllomiaError | None = None
        self._shared_until = 0.0

    def organizations(self) -> tuple[ManagedOrganization, ...]:
        """Return every organization of the tenant, from the one list and what was made since.

        Raises:
            AllomiaError: The list could not be read to its end; whoever comes next tries again.
        """
        with self._lock:
            if self._listed is None:
                self._listed = self._read()
            return tuple({**self._listed, **self._made}.values())

    def read_again(self) -> tuple[ManagedOrganization, ...]:
        """Read the list now, past the shared one, which stays: it is what was there before."""
        return tuple(self._api.list_organizations())

    def add(self, organization: ManagedOrganization) -> None:
        """Add an organization that this process made."""
        with self._lock:
            self._made[organization.id] = organization

    def namesakes(self, fields: OrganizationFields) -> tuple[ManagedOrganization, ...]:
        """Return the organizations whose name and e-mail address are these, or may be, for all that people see."""
        return tuple(each for each in self.organizations() if is_namesake(each.fields, fields) is not False)

    @property
    def tenant_id(self) -> str | None:
        """Return the one tenant that all of them name; None if they name none, or several."""
        named = {each.tenant_id for each in self.organizations()} - {None}
        return named.pop() if len(named) == 1 else None

    def _read(self) -> dict[str, ManagedOrganization]:
        started = self._clock.monotonic()
        if self._failure is not None and started < self._shared_until:
            raise self._failure.copy()
        try:
            listed: Sequence[ManagedOrganization] = self._api.list_organizations()
        except AllomiaError as problem:
            now = self._clock.monotonic()
            if now - started > SHARED_FAILURE_SECONDS:
                self._failure, self._shared_until = problem, now + (now - started)
            raise
        return {each.id: each for each in listed}


class Rosters:
    """The rosters of one process, one for each client; thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rosters: dict[int, tuple[OrganizationApi, Roster]] = {}

    def of(self, api: OrganizationApi) -> Roster:
        """Return the roster of the tenant that a client asks for."""
        with self._lock:
            # The client is kept beside its roster, so that its identity is no other's meanwhile.
            return self._rosters.setdefault(id(api), (api, Roster(api, self._clock)))[1]


def is_namesake(some: OrganizationFields, others: OrganizationFields) -> bool | None:
    """Tell whether name and e-mail address are the same for people; None if one has no e-mail address to tell by."""
    if fold(some.name) != fold(others.name):
        return False
    if not some.email or not others.email:
        return None
    return fold(some.email) == fold(others.email)
