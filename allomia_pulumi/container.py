"""The container of one process: settings read once, clients built when first needed and shared by all keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from pydantic import SecretStr

from allomia_pulumi.contracts.tenants import Service, normal_service
from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.config import load_settings
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.settings import (
    IMPORT_REFERENCE_VARIABLE,
    IMPORT_SECRET_VARIABLE,
    TENANT_KEY_VARIABLE,
    Settings,
)
from allomia_pulumi.ground.singleflight import SingleFlight
from allomia_pulumi.ground.spelling import spell_argument

if TYPE_CHECKING:
    from allomia_pulumi.edges.allomia import Credential, HttpClient, OrganizationClient, Prover, TenantClient
    from allomia_pulumi.edges.vault import Vault

__all__ = ["Container"]

T = TypeVar("T")
Key = TypeVarTuple("Key")


class Registry:
    """Services of one process: each is made at its first use, kept, and closed with the registry; thread-safe.

    One lock is held while something is made, so that two threads never make the same; what raises is tried again by
    the next caller.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._closers: list[Callable[[], None]] = []

    def register(self, factory: Callable[[*Key], T], close: Callable[[T], None] | None = None) -> Callable[[*Key], T]:
        """Return the getter of a service, one for each key.

        Args:
            factory: Makes the service from its key, which may be empty.
            close: Ends it.
        """
        made: dict[tuple[object, ...], T] = {}

        def get(*key: *Key) -> T:
            with self._lock:
                if key not in made:
                    service = made[key] = factory(*key)
                    if close is not None:
                        self._closers.append(partial(close, service))
                return made[key]

        return get

    def close(self) -> None:
        """Close what was made, the latest first; one that fails keeps no other from its end."""
        with self._lock, ExitStack() as stack:
            for close in self._closers:
                stack.callback(close)


class Container:
    """Clients of one process, built from configuration; nothing is connected or read before it is needed.

    Args:
        stack: Stack configuration of the namespace `allomia`, by name.
        environ: The process environment.
        clock: Where time comes from.
        arguments: What a command was given, by the same names as `stack`; it wins over everything.
        cancellation: Tells whether the run is being stopped; by default nobody stops it.
    """

    def __init__(
        self,
        stack: Mapping[str, str],
        environ: Mapping[str, str],
        clock: Clock,
        arguments: Mapping[str, str] | None = None,
        cancellation: Cancellation | None = None,
    ) -> None:
        self._environ = environ
        self._clock = clock
        self.cancellation = cancellation or Cancellation()
        self._services = Registry()
        self._settings = self._services.register(lambda: load_settings(stack, environ, arguments))
        self._http = self._services.register(self._make_http, close=lambda http: http.close())
        self._vault = self._services.register(self._make_vault, close=lambda vault: vault.close())
        self._prover = self._services.register(self._make_prover)
        self._credential = self._services.register(self._find_credential)
        self._tenant = self._services.register(self._make_tenant)
        self._organizations = self._services.register(self._make_organizations)
        self._managed: set[str] = set()
        self._made: set[str] = set()

    @property
    def settings(self) -> Settings:
        """Return the settings.

        Raises:
            InvalidConfiguration: A value is not acceptable.
        """
        return self._settings()

    @property
    def warning(self) -> str:
        """Say what the settings allow and is dangerous; empty if nothing is, or if they are not acceptable."""
        try:
            return self.settings.vault.warning
        except InvalidConfiguration:
            return ""

    @property
    def owner(self) -> str:
        """Return what tells apart two people with the same project and stack names on one tenant."""
        return self.settings.owner

    @property
    def service(self) -> Service:
        """Return the AlloMia that is configured, in the form that records compare."""
        return normal_service(self.settings.api_url, self.settings.keys_path)

    def require(self, reference: VaultReference | None) -> None:
        """Check that a client can be opened for a tenant key reference; no edge is loaded for that.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        self._credential(reference)

    def open(self, reference: VaultReference | None) -> TenantClient:
        """Return the client for a tenant key reference, or for the configured one; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        return self._tenant(reference)

    def organizations(self, reference: VaultReference | None) -> OrganizationClient:
        """Return the client that manages organizations, as `open` returns that of keys; no request is made yet.

        Raises:
            InvalidConfiguration: No tenant key is configured, or a setting is not acceptable.
        """
        return self._organizations(reference)

    def store(self) -> Vault:
        """Return Vault, where keys are delivered; nothing is connected yet."""
        return self._vault()

    def prover(self) -> Prover:
        """Return what proves organization keys; it needs no tenant key."""
        return self._prover()

    def is_tenant_key(self, reference: VaultReference) -> bool:
        """Tell whether a reference is the place that the tenant key is configured to lie at."""
        configured = self.settings.tenant_key_ref
        return configured is not None and configured.is_same_field(reference)

    def keeps_tenant_key(self, location: str, reference: VaultReference | None) -> bool:
        """Tell whether the latest version of a secret holds the tenant key of a reference, or the configured one."""
        latest = (each for each in (reference, self.settings.tenant_key_ref) if each and each.version is None)
        return any(each.location == location for each in latest)

    def is_tenant_secret(self, secret: SecretStr) -> bool:
        """Tell whether this is the tenant key of the environment; the one in Vault is told by its place."""
        return self._environ.get(TENANT_KEY_VARIABLE, "").strip() == secret.get_secret_value()

    def record_managed(self, mark: str) -> None:
        """Record the fingerprint of a key that an `OrganizationApiKey` of this process holds."""
        self._managed.add(mark)

    def is_managed(self, mark: str) -> bool:
        """Tell by its fingerprint whether an `OrganizationApiKey` of this process holds a key."""
        return mark in self._managed

    def record_made_organization(self, organization_id: str) -> None:
        """Record an organization that this process made: what AlloMia showed before it existed says nothing of it."""
        self._made.add(organization_id)

    def has_made_organization(self, organization_id: str) -> bool:
        """Tell whether this process made an organization."""
        return organization_id in self._made

    def imported_secret(self, organization_id: str, key_id: str) -> tuple[SecretStr, str] | None:
        """Return the secret of a key that is being imported, and its place: from Vault, or from the environment.

        `{organizationId}` and `{keyId}` in the reference stand for the key's own, so that one serves many imports.

        Raises:
            InvalidConfiguration: The reference is none, or the variable holds no key.
            AllomiaError: Vault does not give the secret.
        """
        if written := self._environ.get(IMPORT_REFERENCE_VARIABLE, "").strip():
            written = written.replace("{organizationId}", organization_id).replace("{keyId}", key_id)
            try:
                reference = parse_reference(written, f"environment variable {IMPORT_REFERENCE_VARIABLE}")
            except InvalidInput as problem:
                raise InvalidConfiguration(problem.message, problem.hint) from None
            return self._vault().read_secret(reference), f"Vault {reference}"
        if secret := self._environ.get(IMPORT_SECRET_VARIABLE, "").strip():
            source = f"environment variable {IMPORT_SECRET_VARIABLE}"
            return _accept_key(secret, source, "the key"), source
        return None

    def close(self) -> None:
        """Close what was opened: connections, and a Vault token that a login of ours obtained."""
        self._services.close()

    def _make_http(self) -> HttpClient:
        # httpx takes a while to load, and an `up` without changes makes no request.
        with loading():
            from allomia_pulumi.edges.allomia import HttpClient  # noqa: PLC0415 - see above

        source = self.settings.sources.get("apiUrl", "default")
        return HttpClient(self.settings.api_url, self._clock, self.cancellation, source=source)

    def _make_prover(self) -> Prover:
        with loading():
            from allomia_pulumi.edges.allomia import Prover  # noqa: PLC0415 - see `_make_http`

        return Prover(self._http())

    def _make_vault(self) -> Vault:
        # hvac and requests take a while to load, and not every process needs them.
        with loading():
            from allomia_pulumi.edges.vault import Vault  # noqa: PLC0415 - see above

        return Vault(self.settings.vault, self._environ, self._clock, self.settings.sources)

    def _make_tenant(self, reference: VaultReference | None) -> TenantClient:
        credential = self._credential(reference)
        with loading():
            from allomia_pulumi.edges.allomia import TenantClient  # noqa: PLC0415 - see `_make_http`

        return TenantClient(self._http(), credential, self.settings.keys_path)

    def _make_organizations(self, reference: VaultReference | None) -> OrganizationClient:
        tenant, credential = self._tenant(reference), self._credential(reference)
        with loading():
            from allomia_pulumi.edges.allomia import OrganizationClient  # noqa: PLC0415 - see `_make_http`

        return OrganizationClient(self._http(), credential, tenant)

    def _find_credential(self, reference: VaultReference | None) -> Credential:
        settings = self.settings  # wrong ones are an error before anything is read
        if reference is not None:
            return _VaultKey(self.store, reference, spell_argument("tenantKeyRef"))
        if configured := settings.tenant_key_ref:
            return _VaultKey(self.store, configured, settings.sources["tenantKeyRef"])
        if key := self._environ.get(TENANT_KEY_VARIABLE, "").strip():
            return _EnvironmentKey(key)
        raise InvalidConfiguration(
            "no tenant key is configured",
            "Put AlloMia's tenant key into Vault and say where: `pulumi config set allomia:tenantKeyRef "
            "secret/allomia/tenant#api_key`; an explicit provider has a reference of its own. For a first try without "
            f"Vault, set {TENANT_KEY_VARIABLE}.",
        )


class _VaultKey:
    """The tenant key as Vault has it: read once per process, and once more when AlloMia refuses it."""

    def __init__(self, vault: Callable[[], Vault], reference: VaultReference, configured: str) -> None:
        self._vault = vault
        self._reference = reference
        self.source = f"Vault {reference} ({configured})"
        self._reads: SingleFlight[int, SecretStr] = SingleFlight()
        self._generation = 0
        self._refused: set[SecretStr] = set()
        self._lock = threading.Lock()

    def current(self) -> SecretStr:
        return self._reads.get(self._generation, lambda: self._vault().read_secret(self._reference))

    def renew(self, refused: SecretStr) -> bool:
        with self._lock:
            if self.current() == refused and refused not in self._refused:
                self._refused.add(refused)
                self._generation += 1
        return self.current() != refused


class _EnvironmentKey:
    """The tenant key from the environment: there is no newer one to read."""

    source = f"environment variable {TENANT_KEY_VARIABLE}"

    def __init__(self, key: str) -> None:
        self._key = _accept_key(key, self.source, "the tenant key")

    def current(self) -> SecretStr:
        return self._key

    def renew(self, refused: SecretStr) -> bool:
        return self._key != refused


def _accept_key(text: str, source: str, what: str) -> SecretStr:
    """Accept a key that fits into a header.

    Raises:
        InvalidConfiguration: It is none; the message does not repeat it.
    """
    guarded = guard(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidConfiguration(
            f"{source} is not a key: it has spaces, control or non-ASCII characters",
            f"Set it to {what} as AlloMia gave it, and nothing else.",
        )
    return guarded
