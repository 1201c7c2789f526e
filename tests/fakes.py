"""Stand-ins for unit tests: a clock that jumps, a reporter that listens, an AlloMia in memory. Never the proof."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.contracts.vault_delivery import Delivery, VaultLocation
from allomia_pulumi.errors import AllomiaError, CredentialRejected, NotFound, RequestRefused
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.references import VaultReference

TENANT_KEY = "alm_tenant_" + "0" * 40
LINEAGE = "7q2w9x"
SERVICE = Service(api_url="https://allomia.com", keys_path="/api/organization/{organizationId}/api-keys")


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        self.moment += timedelta(seconds=seconds)


class Listener:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def info(self, message: str) -> None:
        self.infos.append(message)

    def warn_unfinished(self, message: str) -> None:
        self.warnings.append(message)


@dataclass(frozen=True)
class FakeKey:
    id: str
    name: str
    key: SecretStr
    created_at: datetime
    last_used_at: datetime | None = None
    answered_at: datetime | None = None
    is_use_known: bool = True
    organization_id: str | None = None

    @property
    def secret(self) -> SecretStr:
        return self.key


@dataclass(frozen=True)
class FakeOrganization:
    id: str
    name: str
    is_usable: bool = True


@dataclass
class FakeAllomia:
    """An AlloMia in memory; `faults` maps an operation to errors or functions that its next calls meet."""

    clock: FakeClock
    keys: dict[str, dict[str, FakeKey]] = field(default_factory=lambda: {"org": {}})
    limit: int = 5
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[Callable[[], None] | AllomiaError]] = field(default_factory=dict)
    minted: int = 0
    tenant_keys: set[str] = field(default_factory=lambda: {TENANT_KEY}, repr=False)
    skew: timedelta = timedelta()
    source: str = "Vault secret/allomia/tenant#api_key"
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def is_tenant_key(self, secret: SecretStr) -> bool:
        return secret.get_secret_value() == TENANT_KEY

    def shows_tenant_key(self, text: str) -> bool:
        return TENANT_KEY in text

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:  # noqa: ARG002
        self._enter("tenant")
        return key.get_secret_value() in self.tenant_keys

    def reads_calls(self, organization_id: str) -> bool:
        self._enter("calls")
        return organization_id in self.keys

    def list_organizations(self) -> list[FakeOrganization]:
        self._enter("organizations")
        return [FakeOrganization(name, name) for name in self.keys]

    def list_keys(self, organization_id: str) -> list[FakeKey]:
        self._enter("list")
        return list(self._organization(organization_id).values())

    def list_keys_dated(self, organization_id: str) -> tuple[list[FakeKey], datetime | None]:
        return self.list_keys(organization_id), self.clock.now() + self.skew

    def has_key(self, organization_id: str, key_id: str) -> bool:
        return self.find_key(organization_id, key_id) is not None

    def find_key(self, organization_id: str, key_id: str) -> FakeKey | None:
        self._enter("get")
        return self._organization(organization_id).get(key_id)

    def has_organization(self, organization_id: str) -> bool:
        self._enter("organization")
        return organization_id in self.keys

    def mint_key(self, organization_id: str, name: str) -> FakeKey:
        self._enter("mint")
        alive = self._organization(organization_id)
        if len(alive) >= self.limit:
            raise RequestRefused("refused", status=418)
        key = self.make(organization_id, name)
        if after := self.faults.get("after mint"):
            raise_or_call(after.pop(0))
        return key

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        self._enter("revoke")
        was_there = self._organization(organization_id).pop(key_id, None) is not None
        return Revocation.CONFIRMED if was_there else Revocation.ABSENT

    def prove_key(self, organization_id: str, key: SecretStr, source: str = "") -> None:  # noqa: ARG002
        self._enter("prove")
        for alive in self._organization(organization_id).values():
            if alive.key == key:
                self.keys[organization_id][alive.id] = replace(alive, last_used_at=self.clock.now())
                return
        raise CredentialRejected("rejected")

    def make(self, organization_id: str, name: str) -> FakeKey:
        """Make a key without a call, as a late request or a person in the dashboard does."""
        number = next(self._ids)
        self.minted += 1
        made_at = (self.clock.now() + self.skew).replace(microsecond=0)
        key = FakeKey(f"key-{number}", name, SecretStr(f"alm_org_{number:040d}"), made_at)
        self.keys[organization_id][key.id] = key
        return key

    def _organization(self, organization_id: str) -> dict[str, FakeKey]:
        if organization_id not in self.keys:
            raise NotFound(f"organization {organization_id} answered 404").as_said_by("AlloMia")
        return self.keys[organization_id]

    def _enter(self, operation: str) -> None:
        self.calls.append(operation)
        if self.faults.get(operation):
            raise_or_call(self.faults[operation].pop(0))


def raise_or_call(fault: Callable[[], None] | AllomiaError) -> None:
    if isinstance(fault, AllomiaError):
        raise fault
    fault()


@dataclass(frozen=True)
class FakeStored:
    version: int = 0
    mark: str | None = None
    key_id: str | None = None
    written: int | None = None
    is_ours: bool = False
    is_live: bool = False
    exists: bool = False
    is_free: bool = True


@dataclass
class FakeSecret:
    versions: dict[int, str | None] = field(default_factory=dict)
    stored: FakeStored = FakeStored()


@dataclass
class FakeVault:
    """A KV v2 in memory; `faults` maps an operation to errors that its next calls meet."""

    secrets: dict[str, FakeSecret] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[AllomiaError]] = field(default_factory=dict)

    def inspect_secret(self, place: VaultLocation) -> FakeStored:
        self._enter("inspect")
        return self._look(place)

    def preflight_delivery(self, place: VaultLocation) -> FakeStored:
        self._enter("preflight")
        return self._look(place)

    def deliver_secret(self, place: VaultLocation, delivery: Delivery) -> int:
        self._enter("deliver")
        secret = self._at(place)
        assert secret.stored.version == delivery.expected
        version = delivery.expected + 1
        secret.versions[version] = delivery.secret.get_secret_value()
        marks = {"mark": delivery.mark, "key_id": delivery.key_id, "written": version, "is_ours": True}
        secret.stored = replace(secret.stored, version=version, is_live=True, exists=True, **marks)
        return version

    def read_secret(self, reference: VaultReference) -> SecretStr:
        self._enter("read")
        secret = self.secrets.get(reference.location, FakeSecret())
        value = secret.versions.get(reference.version or secret.stored.version)
        if value is None:
            raise NotFound(f"Vault has no secret for {reference}")
        return SecretStr(value)

    def fetch_secret(self, place: VaultLocation, version: int) -> SecretStr:
        self._enter("fetch")
        value = self._at(place).versions.get(version)
        if value is None:
            raise NotFound("the version is gone")
        return SecretStr(value)

    def withdraw_secret(
        self, place: VaultLocation, versions: Collection[int], *, key_id: str, has_made_place: bool = False
    ) -> None:
        self._enter("withdraw")
        secret = self._at(place)
        secret.versions |= {version: None for version in versions if version in secret.versions}
        if secret.stored.key_id != key_id:
            return
        if has_made_place and not any(secret.versions.values()):
            del self.secrets[self._name(place)]
        else:
            secret.stored = replace(secret.stored, is_ours=False, mark=None, key_id=None, written=None)

    def remark_secret(self, place: VaultLocation, key_id: str, mark: str) -> bool:
        self._enter("remark")
        secret = self._at(place)
        if secret.stored.key_id != key_id:
            return False
        secret.stored = replace(secret.stored, mark=mark)
        return True

    def prepare(self, place: VaultLocation) -> None:
        """Make a secret without versions, as somebody does who gives it settings first."""
        self._at(place).stored = FakeStored(exists=True)

    def write(self, place: VaultLocation, value: str) -> None:
        """Write as somebody else does, who leaves our metadata as it is."""
        secret = self._at(place)
        version = secret.stored.version + 1
        secret.versions[version] = value
        secret.stored = replace(secret.stored, version=version, is_live=True, exists=True)

    def value(self, place: VaultLocation) -> str | None:
        secret = self._at(place)
        return secret.versions.get(secret.stored.version)

    def _look(self, place: VaultLocation) -> FakeStored:
        secret = self._at(place)
        is_claimed = secret.stored.is_ours and secret.stored.version > 0
        is_live = secret.stored.is_live and self.value(place) is not None
        return replace(secret.stored, is_live=is_live, is_free=not any(secret.versions.values()) and not is_claimed)

    def _at(self, place: VaultLocation) -> FakeSecret:
        return self.secrets.setdefault(self._name(place), FakeSecret())

    def _name(self, place: VaultLocation) -> str:
        return place.location

    def _enter(self, operation: str) -> None:
        self.calls.append(operation)
        if self.faults.get(operation):
            raise self.faults[operation].pop(0)


@dataclass
class FakeTenants:
    """One AlloMia and one Vault for every reference."""

    api: FakeAllomia
    owner: str = ""
    opened: list[VaultReference | None] = field(default_factory=list)
    fault: AllomiaError | None = None
    vault: FakeVault = field(default_factory=FakeVault)
    tenant_key: str = "secret/allomia/tenant"
    service: Service = SERVICE
    imported: SecretStr | None = None
    held: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    cancellation: Cancellation = field(default_factory=Cancellation)

    def require(self, reference: VaultReference | None) -> None:
        self.open(reference)

    def open(self, reference: VaultReference | None) -> FakeAllomia:
        self.opened.append(reference)
        if self.fault:
            raise self.fault
        return self.api

    def store(self) -> FakeVault:
        return self.vault

    def keeps_tenant_key(self, location: str, reference: VaultReference | None) -> bool:
        return location in {self.tenant_key, reference.location if reference else ""}

    def record_managed(self, mark: str) -> None:
        self.held.add(mark)

    def has_made_organization(self, organization_id: str) -> bool:
        return organization_id in self.made

    def imported_secret(self, organization_id: str, key_id: str) -> tuple[SecretStr, str] | None:
        self.asked_for = (organization_id, key_id)
        return (self.imported, "Vault secret/by/hand#key") if self.imported else None


@dataclass(frozen=True)
class FakeShelved:
    version: int | None
    written: Mapping[int, datetime]

    @property
    def is_live(self) -> bool:
        return self.version is None or self.version in self.written


@dataclass
class FakeVersions:
    """What Vault has of one field; a version without a moment was deleted or destroyed."""

    values: dict[int, str] = field(default_factory=dict)
    written: dict[int, datetime] = field(default_factory=dict)


@dataclass
class FakeShelf:
    """A Vault that a person writes to; `faults` maps an operation to errors that its next calls meet, `broken` to all.

    KV v1 keeps one value, tells nothing of it, and is not asked before it is read.
    """

    clock: FakeClock
    kv_version: int = 2
    secrets: dict[str, FakeVersions] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[AllomiaError]] = field(default_factory=dict)
    broken: dict[str, AllomiaError] = field(default_factory=dict)

    def read_versions(self, reference: VaultReference) -> FakeShelved:
        if self.kv_version == 1:
            return FakeShelved(None, {})
        self._enter("look")
        secret = self.secrets.get(_field_of(reference))
        if secret is None or not secret.values:
            raise NotFound(f"Vault has no secret for {reference}")
        return FakeShelved(max(secret.values), dict(secret.written))

    def read_secret(self, reference: VaultReference) -> SecretStr:
        self._enter(f"read {reference.version or 'latest'}")
        secret = self.secrets.get(_field_of(reference), FakeVersions())
        version = reference.version or max(secret.values, default=0)
        if version not in secret.written:
            raise NotFound(f"Vault has no secret for {reference}")
        return SecretStr(secret.values[version])

    def write(self, where: str, value: str) -> None:
        """Write as a person does, without a call."""
        secret = self.secrets.setdefault(where, FakeVersions())
        version = max(secret.values, default=0) + 1 if self.kv_version == 2 else 1
        secret.values[version] = value
        secret.written[version] = self.clock.now()

    def delete_version(self, where: str, version: int) -> None:
        """Delete or destroy one version: metadata still counts it."""
        del self.secrets[where].written[version]

    def delete_metadata(self, where: str) -> None:
        """Delete a secret with its history: its next version is the first again."""
        del self.secrets[where]

    def _enter(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.broken:
            raise self.broken[operation]
        if faults := self.faults.get(operation.partition(" ")[0]):
            raise faults.pop(0)


@dataclass
class FakeProver:
    """What AlloMia says of keys; `organizations` maps each key that it accepts to its organization."""

    organizations: dict[str, str] = field(default_factory=dict)
    proved: list[str] = field(default_factory=list)
    faults: list[AllomiaError] = field(default_factory=list)
    tenant_keys: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    tenant_faults: list[AllomiaError] = field(default_factory=list)
    trouble: dict[str, AllomiaError] = field(default_factory=dict)

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        secret = key.get_secret_value()
        self.proved.append(secret)
        if self.faults:
            raise self.faults.pop(0)
        if secret in self.trouble:
            raise self.trouble[secret]
        if secret not in self.organizations:
            raise CredentialRejected(f"AlloMia does not accept the key from {source}").as_said_by("AlloMia")
        if self.organizations[secret] != organization_id:
            problem = NotFound(f"AlloMia accepts the key from {source}, and it does not see {organization_id} (404)")
            raise problem.as_said_by("AlloMia")

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:  # noqa: ARG002
        self.asked.append(key.get_secret_value())
        if self.tenant_faults:
            raise self.tenant_faults.pop(0)
        return key.get_secret_value() in self.tenant_keys


@dataclass
class FakeSources:
    """One Vault and one AlloMia for keys that are made by hand; `tenant_key` is where the tenant key lies."""

    shelf: FakeShelf
    api: FakeProver = field(default_factory=FakeProver)
    tenant_key: str = "secret/allomia/tenant#api_key"
    tenant_secret: str = "alm_tenant"
    held: set[str] = field(default_factory=set)

    def store(self) -> FakeShelf:
        return self.shelf

    def prover(self) -> FakeProver:
        return self.api

    def is_tenant_key(self, reference: VaultReference) -> bool:
        return _field_of(reference) == self.tenant_key

    def is_tenant_secret(self, secret: SecretStr) -> bool:
        return secret.get_secret_value() == self.tenant_secret

    def is_managed(self, mark: str) -> bool:
        return mark in self.held


def _field_of(reference: VaultReference) -> str:
    return f"{reference.location}#{reference.field}"


class Owing(Listener):
    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []

    def warn_unfinished(self, message: str) -> None:
        self.left.append(message)
