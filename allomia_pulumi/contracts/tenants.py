"""Sources of connections: a tenant's AlloMia, Vault, and the keys that other resources of the process manage."""

from __future__ import annotations

from typing import Final, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import KeyApi, Prover
from allomia_pulumi.contracts.managed_organizations import OrganizationApi
from allomia_pulumi.contracts.vault_delivery import SecretStore
from allomia_pulumi.contracts.vault_versions import SecretReader
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.references import VaultReference

__all__ = ["OrganizationTenants", "Service", "Sources", "Tenants", "normal_service"]

DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Service(WireModel):
    """One AlloMia: its address, and the path of its assumed key collection."""

    api_url: str
    keys_path: str


def normal_service(api_url: str, keys_path: str) -> Service:
    """Return a service in the one form that compares: host in lower case, no default port, no closing slash."""
    parts = urlsplit(api_url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return Service(api_url=f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}", keys_path=keys_path.rstrip("/"))


class Tenants(Protocol):
    """The source of a tenant's AlloMia, and of Vault."""

    @property
    def owner(self) -> str:
        """Return the configured `allomia:owner`, part of every new mark."""
        ...

    @property
    def service(self) -> Service:
        """Return the AlloMia that is asked; nothing is loaded or asked for that."""
        ...

    @property
    def cancellation(self) -> Cancellation:
        """Return the token that tells whether the run is being stopped."""
        ...

    def require(self, reference: VaultReference | None) -> None:
        """See that there is a tenant key to open a client with; nothing is loaded or asked for that.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        ...

    def open(self, reference: VaultReference | None) -> KeyApi:
        """Return the client for a tenant key reference, or for the configured one; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured.
        """
        ...

    def store(self) -> SecretStore:
        """Return Vault; nothing is connected yet."""
        ...

    def keeps_tenant_key(self, location: str, reference: VaultReference | None) -> bool:
        """Tell whether the latest version of a secret holds the tenant key of a reference, or the configured one."""
        ...

    def record_managed(self, mark: str) -> None:
        """Record the fingerprint of a key that an OrganizationApiKey manages: nobody has to delete it by hand."""
        ...

    def has_made_organization(self, organization_id: str) -> bool:
        """Tell whether this process made an organization: what AlloMia showed before it existed says nothing of it."""
        ...

    def imported_secret(self, organization_id: str, key_id: str) -> tuple[SecretStr, str] | None:
        """Return the secret of a key that is being imported and its place, or None if the user names none.

        Raises:
            AllomiaError: It was named, and cannot be had.
        """
        ...


class OrganizationTenants(Protocol):
    """The source of a tenant's AlloMia for what manages organizations."""

    @property
    def service(self) -> Service:
        """Return the AlloMia that is asked; nothing is loaded or asked for that."""
        ...

    @property
    def cancellation(self) -> Cancellation:
        """Return the token that tells whether the run is being stopped."""
        ...

    def require(self, reference: VaultReference | None) -> None:
        """See that there is a tenant key to open a client with; nothing is loaded or asked for that.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        ...

    def organizations(self, reference: VaultReference | None) -> OrganizationApi:
        """Return the client for a tenant key reference, or for the configured one; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured.
        """
        ...

    def record_made_organization(self, organization_id: str) -> None:
        """Record an organization that this process made: what AlloMia showed before it existed says nothing of it."""
        ...


class Sources(Protocol):
    """The source of keys that are made by hand, and of their proof."""

    def store(self) -> SecretReader:
        """Return Vault; nothing is connected yet."""
        ...

    def prover(self) -> Prover:
        """Return what proves keys; no tenant key is needed."""
        ...

    def is_tenant_key(self, reference: VaultReference) -> bool:
        """Tell whether the configured tenant key lies there."""
        ...

    def is_tenant_secret(self, secret: SecretStr) -> bool:
        """Tell whether this is the tenant key, as far as this process has it already."""
        ...

    def is_managed(self, mark: str) -> bool:
        """Tell by its fingerprint whether an OrganizationApiKey manages a key, as far as this process met it."""
        ...
