"""Subject of the checks: one configuration, its clients, and what earlier checks found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from allomia_pulumi.cli.access import Access, accesses
from allomia_pulumi.cli.doctor.backend import Backend
from allomia_pulumi.cli.doctor.steps import FastClock
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import DeclaredKey, DeclaredOrganization, declared_keys, declared_organizations
from allomia_pulumi.cli.target import Target
from allomia_pulumi.container import Container
from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.cached_property import locked_cached_property
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import TENANT_KEY_VARIABLE

__all__ = ["Subject"]


@dataclass
class Subject:
    """One configuration that is examined.

    Attributes:
        stack: The stack; None for the environment alone.
        environ: The environment.
        backend: Where the stack's state lies, once that was asked.
        known: The secrets that earlier checks came across, by what they are called; for the search in the state.
    """

    stack: Stack | None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    backend: Backend = field(default_factory=Backend)
    known: dict[str, SecretStr] = field(default_factory=dict, repr=False)

    @property
    def options(self) -> str:
        """Return the options that point another command at the same configuration."""
        return Target((self.stack.argument,)).options if self.stack else ""

    @locked_cached_property
    def container(self) -> Container:
        """Return the clients that the configuration gives."""
        return self.open(self.access)

    @locked_cached_property
    def access(self) -> Access:
        """Return how keys are reached: as configured, or as the first key says whose tenant key is its own."""
        return next(filter(self._has_tenant_key, self._accesses), self._accesses[0])

    @property
    def other_accesses(self) -> list[Access]:
        """Return the further ways in which the stack's resources are reached: with other tenant keys."""
        return [one for one in self._accesses if one != self.access and self._has_tenant_key(one)]

    def open(self, access: Access) -> Container:
        """Return the clients for one way in which keys are reached; nothing is connected yet."""
        return Container(access.stack, self.environ, FastClock(), access.arguments)

    @locked_cached_property
    def keys(self) -> list[DeclaredKey]:
        """Return the keys that the stack's state declares."""
        return declared_keys(self.stack.deployment) if self.stack else []

    @locked_cached_property
    def organizations(self) -> list[DeclaredOrganization]:
        """Return the organizations that the stack's state declares."""
        return declared_organizations(self.stack.deployment) if self.stack else []

    @property
    def declared(self) -> list[DeclaredKey | DeclaredOrganization]:
        """Return whatever the stack's state declares."""
        return [*self.keys, *self.organizations]

    @property
    def needs_tenant_key(self) -> bool:
        """Tell whether the tenant key is needed: not where there is nothing but keys made by hand."""
        return not self.keys or bool(self.minted_keys or self.organizations)

    @property
    def minted_keys(self) -> list[DeclaredKey]:
        """Return those of them that AlloMia is asked for."""
        return [key for key in self.keys if key.kind == ORGANIZATION_API_KEY]

    @property
    def tenant_references(self) -> list[VaultReference]:
        """Return where the tenant keys lie in Vault: the configured one, and those that resources have of their own."""
        own = [each.tenant_key_ref for each in self.declared if not each.has_own_provider]
        return list(dict.fromkeys(one for one in (self.container.settings.tenant_key_ref, *own) if one is not None))

    @locked_cached_property
    def _accesses(self) -> list[Access]:
        found: list[Access] = []
        for access in accesses(self.stack, {}) if self.stack else [Access({}, {})]:
            found += [access] if access not in found else []
        return found

    def _has_tenant_key(self, access: Access) -> bool:
        try:
            configured = access.reference or self.open(access).settings.tenant_key_ref
        except AllomiaError:
            # What is wrong with it, its own check says.
            return True
        return configured is not None or bool(self.environ.get(TENANT_KEY_VARIABLE))
