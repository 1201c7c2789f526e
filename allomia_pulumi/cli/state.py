"""Parser of a stack's exported state: keys and organizations that it declares, operations without an end, owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    KEY_KINDS,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    is_of_package,
    kind_of,
    plugin_token,
)
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handmade_key.state import OldKey
from allomia_pulumi.core.identity import Origin, recorded_identity
from allomia_pulumi.core.minted_key.inputs import lineage_of
from allomia_pulumi.core.orphans import Declared, Pending, StackRecord
from allomia_pulumi.core.record import OwedStep, is_newer_version, is_readable_version
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.identifiers import is_lineage
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.settings import NAMESPACE
from allomia_pulumi.provider.urn import identity_of, is_default_provider

__all__ = [
    "PROVIDER_TYPE",
    "DeclaredKey",
    "DeclaredOrganization",
    "PendingOrganization",
    "declared_keys",
    "declared_organizations",
    "has_secret_owner",
    "is_key",
    "is_of_plugin",
    "newer_records",
    "object_of",
    "pending_organizations",
    "record_of",
    "resource_name",
    "resources_of",
]

CREATING = "creating"
PROVIDER_TYPE = "pulumi:providers:allomia"
DYNAMIC_PROVIDER_TYPE = "pulumi:providers:pulumi-python"
OWNER_VARIABLE = "ALLOMIA_OWNER"

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class DeclaredKey:
    """A key that a state declares, also one that waits for its deletion; what is not readable is left out.

    Attributes:
        kind: `OrganizationApiKey` or `DashboardApiKey`.
        provider: The URN of its provider; empty if the state names none.
        organization_id: Its organization; empty if that does not show.
        tenant_key_ref: Where its own tenant key lies, if it has one of its own.
        delivery: Where it is delivered to, if it is.
        reference: Where it is read from, if a person puts it there.
        has_hidden_place: Whether it has a place in Vault that does not show.
        owed: What it still owes, as the outputs say.
        is_replaced: Whether it waits for its deletion.
        fingerprint: That of the current key.
        old_keys: Keys from before that a person made.
        has_old_keys: Whether there are such keys, readable or not.
    """

    urn: str
    kind: str
    provider: str
    organization_id: str
    tenant_key_ref: VaultReference | None
    delivery: VaultLocation | None
    reference: VaultReference | None
    has_hidden_place: bool
    owed: tuple[str, ...]
    is_replaced: bool
    fingerprint: str
    old_keys: tuple[OldKey, ...]
    has_old_keys: bool

    @property
    def name(self) -> str:
        """Return its logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def has_own_provider(self) -> bool:
        """Tell whether an explicit provider says how it is reached, and not the stack configuration."""
        return _is_explicit(self.provider)


@dataclass(frozen=True)
class DeclaredOrganization:
    """An organization that a state declares.

    Attributes:
        id: AlloMia's id of it; empty if the state has none.
        provider: The URN of its provider; empty if the state names none.
        tenant_key_ref: Where its own tenant key lies, if it has one of its own.
        owed: What it still owes, as the outputs say.
        is_looked_up: Whether the program only reads it, with `get`, and manages nothing.
    """

    urn: str
    id: str
    provider: str
    tenant_key_ref: VaultReference | None
    owed: tuple[str, ...]
    is_looked_up: bool

    @property
    def name(self) -> str:
        """Return its logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def has_own_provider(self) -> bool:
        """Tell whether an explicit provider says how it is reached, and not the stack configuration."""
        return _is_explicit(self.provider)


@dataclass(frozen=True)
class PendingOrganization:
    """An organization whose creation has no recorded end: AlloMia may have it.

    Attributes:
        title: What it is to be called in AlloMia; empty if that does not show.
        email: Its e-mail address, the same.
    """

    urn: str
    title: str
    email: str


def declared_keys(deployment: Mapping[str, Any]) -> list[DeclaredKey]:
    """Return the keys that a state declares."""
    return [_read_key(resource) for resource in resources_of(deployment) if is_key(resource)]


def declared_organizations(deployment: Mapping[str, Any]) -> list[DeclaredOrganization]:
    """Return the organizations that a state declares."""
    return [_read_organization(each) for each in resources_of(deployment) if kind_of(each.get("type")) == ORGANIZATION]


def pending_organizations(deployment: Mapping[str, Any]) -> list[PendingOrganization]:
    """Return the organizations whose creation has no recorded end."""
    operations = map(object_of, deployment.get("pending_operations") or ())
    created = [object_of(each.get("resource")) for each in operations if each.get("type") == CREATING]
    return [
        _pending_organization(each) for each in created if "urn" in each and kind_of(each.get("type")) == ORGANIZATION
    ]


def record_of(stack: Stack, environ: Mapping[str, str]) -> StackRecord:
    """Return what the stack knows of keys, and every owner under which it may have made some."""
    # Keys that were made before there was an owner carry the mark without one, so that one counts always.
    owners = {"", stack.settings.get("owner", ""), environ.get(OWNER_VARIABLE, "")}
    owners |= {owner for owner in _provider_owners(stack) if isinstance(owner, str)}
    resources = resources_of(stack.deployment)
    return StackRecord(
        label=stack.label,
        project=stack.project,
        stack=stack.name,
        owners=frozenset(owners),
        declared=tuple(_record_of_key(each) for each in resources if is_key(each, ORGANIZATION_API_KEY)),
        pending=tuple(_pending(operation) for operation in _operations(stack)),
        is_newer=bool(newer_records(stack)),
    )


def newer_records(stack: Stack) -> list[str]:
    """Return the names of the resources whose records, or whose kinds, only a newer version of this package reads."""
    return [resource_name(each) for each in resources_of(stack.deployment) if _is_newer(each)]


def has_secret_owner(stack: Stack) -> bool:
    """Tell whether a provider of the state has an owner that is encrypted there, so that its marks are not known."""
    return any(owner is not None and not isinstance(owner, str) for owner in _provider_owners(stack))


def resources_of(deployment: Mapping[str, Any]) -> list[Resource]:
    """Return the resources of a state."""
    return [each for each in deployment.get("resources") or () if isinstance(each, Mapping) and "urn" in each]


def is_key(resource: Resource, kind: str | None = None) -> bool:
    """Tell whether a resource is a key of this provider, of one kind or of any."""
    found = kind_of(resource.get("type"))
    return found in KEY_KINDS and kind in {None, found}


def is_of_plugin(resource: Resource) -> bool:
    """Tell whether a resource belongs to the plugin."""
    return str(resource.get("type", "")).startswith(plugin_token(""))


def resource_name(resource: Resource) -> str:
    """Return the logical name of a resource."""
    return str(resource.get("urn", "")).rpartition("::")[2]


def object_of(value: object) -> Mapping[str, Any]:
    """Return an object of a state; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _is_newer(resource: Resource) -> bool:
    if kind_of(resource.get("type")) is None:
        # A component is the program's own, whatever it is called.
        return is_of_package(resource.get("type")) and bool(resource.get("custom"))
    return is_newer_version(_record(resource).get("stateVersion"))


def _is_explicit(provider: str) -> bool:
    return bool(provider) and not is_default_provider(provider)


def _recorded_settings(resource: Resource) -> Mapping[str, Any] | None:
    """Return the settings that a resource recorded; None if they do not show."""
    recorded = _record(resource).get("settings")
    # An encrypted value is an object, too.
    return recorded if isinstance(recorded, Mapping) and "ciphertext" not in recorded else None


def _record(resource: Resource) -> Mapping[str, Any]:
    return object_of(object_of(resource.get("outputs")).get("record"))


def _read_organization(resource: Resource) -> DeclaredOrganization:
    settings = _recorded_settings(resource) or {}
    return DeclaredOrganization(
        urn=str(resource["urn"]),
        id=_text(resource.get("id")) or "",
        provider=_provider_urn(resource),
        tenant_key_ref=_reference(settings.get("tenantKeyRef")),
        owed=tuple(_owed(object_of(resource.get("outputs")).get("pending"))),
        is_looked_up=bool(resource.get("external")),
    )


def _pending_organization(resource: Resource) -> PendingOrganization:
    inputs = object_of(resource.get("inputs"))
    return PendingOrganization(str(resource["urn"]), _text(inputs.get("name")) or "", _text(inputs.get("email")) or "")


def _provider_urn(resource: Resource) -> str:
    """Return the URN in a provider reference, which has the provider's own id behind it."""
    return str(resource.get("provider", "")).rpartition("::")[0]


def _read_key(resource: Resource) -> DeclaredKey:
    outputs = object_of(resource.get("outputs"))
    recorded = _recorded_settings(resource)
    is_shown, settings = recorded is not None, recorded or {}
    is_handmade = is_key(resource, DASHBOARD_API_KEY)
    place = settings.get("vaultSecret")
    delivery = None if is_handmade else _location(place)
    reference = _reference(place) if is_handmade else None
    is_newer = _is_newer(resource)
    has_place = is_handmade or not is_shown or is_newer or place is not None
    return DeclaredKey(
        urn=str(resource["urn"]),
        kind=DASHBOARD_API_KEY if is_handmade else ORGANIZATION_API_KEY,
        provider=_provider_urn(resource),
        organization_id=_text(settings.get("organizationId")) or "",
        tenant_key_ref=_reference(settings.get("tenantKeyRef")),
        delivery=delivery,
        reference=reference,
        # Beside a place that shows, a newer version's record may have others that this version does not read.
        has_hidden_place=has_place and (is_newer or (delivery is None and reference is None)),
        owed=tuple(_owed(outputs.get("pending"))),
        is_replaced=bool(resource.get("delete")),
        fingerprint=str(outputs.get("secretFingerprint", "")),
        old_keys=tuple(_old_keys(outputs.get("previousKeys"))) if is_handmade else (),
        has_old_keys=is_handmade and bool(outputs.get("previousKeys")),
    )


def _record_of_key(resource: Resource) -> Declared:
    """Return what the record of a minted key tells of whose each key is."""
    outputs = object_of(resource.get("outputs"))
    urn = resource["urn"]
    record = outputs.get("record")
    owner = record.get("owner", "") if isinstance(record, Mapping) else None
    record = object_of(record)
    pending = outputs.get("pending", [])
    steps = [object_of(each) for each in pending] if isinstance(pending, list) else [{}]
    current, previous = outputs.get("keyId"), outputs.get("previousKeyId")
    owed = [each.get("keyId") for each in steps if each.get("step") == OwedStep.REVOKE]
    # An encrypted value is an object: somebody made the output secret, and which key it is does not show.
    shown = (current, *(each.get("step") for each in steps), *filter(None, (previous, *owed)))
    foreign, version = record.get("foreignKeys") or [], record.get("stateVersion")
    is_readable = all(isinstance(each, str) for each in shown) and isinstance(foreign, list)
    identity = recorded_identity(outputs)
    is_readable = is_readable and is_readable_version(version) and identity is not None
    lineage = record.get("lineage")
    return Declared(
        resource=urn,
        identities=tuple(dict.fromkeys(filter(None, (identity_of(urn), identity)))),
        owner=_text(owner),
        key_id=_text(current),
        previous_key_id=_text(previous),
        owed=frozenset(filter(None, map(_text, owed))),
        foreign=frozenset(filter(None, map(_text, foreign))) if isinstance(foreign, list) else frozenset(),
        former=tuple(_former(record)),
        lineage=lineage if is_lineage(lineage) else None,
        is_replaced=bool(resource.get("delete")),
        is_readable=is_readable,
        is_unfinished=bool(pending or resource.get("initErrors") or resource.get("pendingReplacement")),
        is_retained=bool(resource.get("retainOnDelete")),
    )


def _former(record: Mapping[str, Any]) -> Iterator[Origin]:
    """Return what a resource was known as before; what is not readable is left out, and its keys stay doubtful."""
    former = record.get("former")
    for each in former if isinstance(former, list) else ():
        with suppress(ValidationError):
            yield Origin.model_validate(each)


def _operations(stack: Stack) -> Iterator[Resource]:
    """Return the operations on declared organization keys that have no recorded end."""
    for operation in stack.deployment.get("pending_operations") or ():
        resource = object_of(object_of(operation).get("resource"))
        if "urn" in resource and is_key(resource, ORGANIZATION_API_KEY):
            yield operation


def _pending(operation: Resource) -> Pending:
    """Read an operation; the inputs of a creation witness the lineage that its key was to have."""
    resource = operation["resource"]
    lineage = lineage_of(resource.get("inputs") or {})
    return Pending(resource["urn"], identity_of(resource["urn"]), operation.get("type") == CREATING, lineage)


def _provider_owners(stack: Stack) -> Iterator[object]:
    for resource in resources_of(stack.deployment):
        inputs = object_of(resource.get("inputs"))
        if resource.get("type") == PROVIDER_TYPE:
            yield inputs.get("owner")
        elif resource.get("type") == DYNAMIC_PROVIDER_TYPE:
            yield inputs.get(f"{NAMESPACE}:owner")


def _owed(pending: object) -> Iterator[str]:
    for entry in map(object_of, pending if isinstance(pending, list) else ()):
        step, key_id = entry.get("step", "something"), entry.get("keyId")
        yield f"{step} key {key_id}" if key_id else str(step)


def _old_keys(previous: object) -> Iterator[OldKey]:
    for entry in previous if isinstance(previous, list) else ():
        with suppress(ValidationError):
            old = OldKey.model_validate(entry)
            if _reference(old.vault_secret):
                yield old


def _location(value: object) -> VaultLocation | None:
    parts = {name: object_of(value).get(name) for name in ("mount", "path", "field")}
    try:
        return VaultLocation.model_validate(parts)
    except ValidationError:
        return None


def _reference(value: object) -> VaultReference | None:
    try:
        return parse_reference(value, "the recorded reference") if value else None
    except InvalidInput:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
