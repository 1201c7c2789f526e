"""Connections of a command to its tenants, and the key lists of their organizations."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.exit_codes import warn
from allomia_pulumi.cli.progress import tracked
from allomia_pulumi.container import Container
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.messages import unusable_organizations
from allomia_pulumi.core.orphans import Listing
from allomia_pulumi.edges.allomia import TenantClient
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import AllomiaError, InvalidInput, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import TENANT_KEY_VARIABLE

__all__ = [
    "Connections",
    "Holding",
    "Survey",
    "check_id",
    "check_key_id",
    "connections",
]

CONCURRENT_LISTS = 16
TELL_ALLOMIA = "Look at such organizations in AlloMia's dashboard, and tell AlloMia."


@dataclass(frozen=True)
class Holding:
    """The keys of one organization, and the client that sees them.

    Attributes:
        name: The organization's name; empty if only its id was given.
        listed_at: AlloMia's own clock when it listed them, if it said so.
    """

    organization_id: str
    name: str
    keys: tuple[ApiKey, ...]
    client: TenantClient
    listed_at: datetime | None = None

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
class _Organization:
    """An organization, and the clients that may see it."""

    organization_id: str
    name: str
    clients: list[TenantClient]


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
        visible, failures = self._find_organizations(accesses, organizations)
        with ThreadPoolExecutor(CONCURRENT_LISTS) as pool:
            results = list(tracked(pool.map(_list_keys, visible), len(visible), "organizations"))
        holdings = tuple(each for each in results if isinstance(each, Holding))
        failures += [each for each in results if isinstance(each, AllomiaError)]
        if failures and not holdings:
            raise failures[0]
        return Survey(holdings, tuple(failures))

    def close(self) -> None:
        """Close every container."""
        for container in self._containers.values():
            container.close()

    def _find_organizations(
        self, accesses: Sequence[Access], organizations: Sequence[str]
    ) -> tuple[list[_Organization], list[AllomiaError]]:
        """Find out which organizations there are; one that several tenant keys see is one organization."""
        visible: dict[tuple[str, str], _Organization] = {}
        failures: list[AllomiaError] = []
        for container, reference in self._distinct(accesses):
            try:
                client = container.open(reference)
                found = [(each, "") for each in organizations] or _usable(client, failures)
            except AllomiaError as problem:
                failures.append(problem)
                continue
            for organization_id, name in found:
                key = (container.service.api_url, organization_id)
                visible.setdefault(key, _Organization(organization_id, name, [])).clients.append(client)
        return list(visible.values()), failures

    def _distinct(self, accesses: Sequence[Access]) -> Iterator[tuple[Container, VaultReference | None]]:
        """Leave out what is the same, and a configuration without a tenant key where others have one."""
        seen = set()
        for access in accesses:
            container = self._container(access)
            reference = access.reference
            if len(accesses) > 1 and reference is None and self._has_no_tenant_key(container):
                continue
            if reference is not None and container.settings.tenant_key_ref == reference:
                reference = None
            if (container, reference) not in seen:
                seen.add((container, reference))
                yield container, reference

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


def _usable(client: TenantClient, failures: list[AllomiaError]) -> list[tuple[str, str]]:
    """List the organizations that a request can name; that there are others is one failure for all of them."""
    listed = client.list_organizations()
    found = [(each.id, each.name) for each in listed if each.is_usable]
    if count := len(listed) - len(found):
        failures.append(
            UnexpectedAnswer(
                f"{unusable_organizations(count)}: their keys were not looked at", TELL_ALLOMIA
            ).as_said_by("AlloMia")
        )
    return found


def _list_keys(organization: _Organization) -> Holding | AllomiaError:
    """List an organization's keys through the first tenant key that may; return what is wrong if none may."""
    problems: list[AllomiaError] = []
    for client in organization.clients:
        try:
            keys, listed_at = client.list_keys_dated(organization.organization_id)
        except AllomiaError as problem:
            problems.append(problem)
        else:
            return Holding(organization.organization_id, organization.name, tuple(keys), client, listed_at)
    # That another tenant's key does not see the organization tells least.
    return next((each for each in problems if not isinstance(each, NotFound)), problems[0])
