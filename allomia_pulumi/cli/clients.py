"""Connections of a command to its tenants, their organizations, and the key lists of those."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.exit_codes import warn
from allomia_pulumi.cli.progress import tracked
from allomia_pulumi.container import Container
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.messages import unusable_organizations
from allomia_pulumi.core.orphans import Listing
from allomia_pulumi.edges.allomia import Organization, TenantClient
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import AllomiaError, InvalidInput, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import TENANT_KEY_VARIABLE

__all__ = [
    "CONCURRENT_REQUESTS",
    "Connections",
    "Holding",
    "Sight",
    "Survey",
    "Visible",
    "check_id",
    "check_key_id",
    "connections",
]

CONCURRENT_REQUESTS = 16
TELL_ALLOMIA = "Look at such organizations in AlloMia's dashboard, and tell AlloMia."


@dataclass(frozen=True)
class Holding:
    """The keys of one organization, and the client that sees them.

    Attributes:
        name: The organization's name; empty if only its id was given.
        listed_at: AlloMia's own clock when it listed them, if it said so.
        access: The way on which they were listed.
    """

    organization_id: str
    name: str
    keys: tuple[ApiKey, ...]
    client: TenantClient
    listed_at: datetime | None = None
    access: Access | None = None

    @property
    def listing(self) -> Listing:
        """Return the list in the core's words."""
        return Listing(self.organization_id, self.keys, self.listed_at)


@dataclass(frozen=True)
class Survey:
    """Key lists that could be read, and the errors of the others."""

    holdings: tuple[Holding, ...]
    failures: tuple[AllomiaError, ...]


@dataclass(frozen=True)
class Sight:
    """A client that may see an organization, and the way that led to it."""

    client: TenantClient
    access: Access


@dataclass(frozen=True)
class Visible:
    """An organization, and who may see it.

    Attributes:
        name: The organization's name; empty if only its id was given.
        listed: It as AlloMia listed it; None if only its id was given.
    """

    organization_id: str
    name: str
    listed: Organization | None
    sights: list[Sight]


class Connections:
    """One container per configuration, however many organizations and tenant keys there are."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._containers: dict[tuple[object, ...], Container] = {}

    def open(self, access: Access) -> TenantClient:
        """Return the client of one access; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        return self._container(access).open(access.reference)

    def vault(self, access: Access) -> Vault:
        """Return the Vault of one access; no request is made yet.

        Raises:
            InvalidConfiguration: A setting is not acceptable.
        """
        return self._container(access).store()

    def survey(self, accesses: Sequence[Access], organizations: Sequence[str]) -> Survey:
        """List the keys of these organizations, or of all that the tenant keys see.

        Raises:
            AllomiaError: Nothing at all could be read.
        """
        visible, failures = self.find_organizations(accesses, organizations)
        with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
            results = list(tracked(pool.map(_list_keys, visible), len(visible), "organizations"))
        holdings = tuple(each for each in results if isinstance(each, Holding))
        failures += [each for each in results if isinstance(each, AllomiaError)]
        if failures and not holdings:
            raise failures[0]
        return Survey(holdings, tuple(failures))

    def find_organizations(
        self, accesses: Sequence[Access], organizations: Sequence[str], search: str | None = None
    ) -> tuple[list[Visible], list[AllomiaError]]:
        """Find out which organizations there are; one that several tenant keys see is one organization.

        Args:
            accesses: The ways to look.
            organizations: The ids; nobody is asked for them. Without any, all that the tenant keys see are listed.
            search: A part of the name, which AlloMia compares.
        """
        visible: dict[tuple[str, str], Visible] = {}
        failures: list[AllomiaError] = []
        for container, access in self._distinct(accesses):
            try:
                client = container.open(access.reference)
                found = [Visible(each, "", None, []) for each in organizations] or _usable(client, search, failures)
            except AllomiaError as problem:
                failures.append(problem)
                continue
            for each in found:
                key = (container.service.api_url, each.organization_id)
                visible.setdefault(key, each).sights.append(Sight(client, access))
        return list(visible.values()), failures

    def close(self) -> None:
        """Close every container."""
        for container in self._containers.values():
            container.close()

    def _distinct(self, accesses: Sequence[Access]) -> Iterator[tuple[Container, Access]]:
        """Leave out what is the same, and a configuration without a tenant key where others have one."""
        seen: set[tuple[Container, VaultReference | None]] = set()
        for access in accesses:
            container = self._container(access)
            reference = access.reference
            if len(accesses) > 1 and reference is None and self._has_no_tenant_key(container):
                continue
            if reference is not None and container.settings.tenant_key_ref == reference:
                reference = None
            if (container, reference) not in seen:
                seen.add((container, reference))
                yield container, replace(access, reference=reference)

    def _has_no_tenant_key(self, container: Container) -> bool:
        return container.settings.tenant_key_ref is None and not self._environ.get(TENANT_KEY_VARIABLE, "").strip()

    def _container(self, access: Access) -> Container:
        key = (tuple(sorted(access.stack.items())), tuple(sorted(access.arguments.items())))
        if key not in self._containers:
            container = self._containers[key] = Container(access.stack, self._environ, SystemClock(), access.arguments)
            if container.warning:
                warn(container.warning)
        return self._containers[key]


@contextmanager
def connections() -> Iterator[Connections]:
    """Open connections as the environment says, and close them again."""
    opened = Connections(os.environ)
    try:
        yield opened
    finally:
        opened.close()


def check_id(value: str, what: str) -> None:
    """Refuse what cannot be an id.

    Raises:
        InvalidInput: It is empty or has characters that no id has.
    """
    if not is_identifier(value):
        raise InvalidInput(f"{what} is empty or has characters that no id has", "Copy it from AlloMia.")


def check_key_id(value: str) -> None:
    """Refuse what cannot be a key's id, and say what to do about a key that AlloMia lists with one.

    Raises:
        InvalidInput: No request can name such a key.
    """
    if not is_identifier(value):
        raise InvalidInput(
            "the key's id is empty or has characters that no id has, so no request can name it; nothing was revoked",
            "Copy it from AlloMia; a key that AlloMia lists with such an id is deleted in its dashboard.",
        )


def _usable(client: TenantClient, search: str | None, failures: list[AllomiaError]) -> list[Visible]:
    """List the organizations that a request can name; that there are others is one failure for all of them."""
    listed = client.list_organizations(search)
    found = [Visible(each.id, each.name, each, []) for each in listed if each.is_usable]
    if count := len(listed) - len(found):
        failures.append(
            UnexpectedAnswer(f"{unusable_organizations(count)}: left out", TELL_ALLOMIA).as_said_by("AlloMia")
        )
    return found


def _list_keys(organization: Visible) -> Holding | AllomiaError:
    """List an organization's keys through the first tenant key that may; return what is wrong if none may."""
    problems: list[AllomiaError] = []
    for sight in organization.sights:
        try:
            keys, listed_at = sight.client.list_keys_dated(organization.organization_id)
        except AllomiaError as problem:
            problems.append(problem)
        else:
            return Holding(
                organization.organization_id, organization.name, tuple(keys), sight.client, listed_at, sight.access
            )
    # That another tenant's key does not see the organization tells least.
    return next((each for each in problems if not isinstance(each, NotFound)), problems[0])
