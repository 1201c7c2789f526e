"""The keys that a stack's state declares, as far as the checks need them; what is not readable is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handmade_key.state import OldKey
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.provider.urn import is_default_provider

__all__ = ["DASHBOARD", "MINTED", "Declared", "declared_keys", "is_ours", "is_plugins", "name_of"]

MINTED = "OrganizationApiKey"
DASHBOARD = "DashboardApiKey"
PLUGIN_PREFIX = "allomia:index:"
PREFIXES = ("pulumi-python:dynamic/allomia:", PLUGIN_PREFIX)


@dataclass(frozen=True)
class Declared:
    """A key in a state.

    Attributes:
        kind: `OrganizationApiKey` or `DashboardApiKey`.
        tenant_key_ref: Where its own tenant key lies, if it has one of its own.
        has_own_provider: Whether an explicit provider says how it is reached, and not the stack configuration.
        spot: Where it is delivered to, if it is.
        reference: Where it is read from, if a person puts it there.
        owed: What it still owes, as the outputs say.
        is_leaving: Whether it is replaced already and only waits for its deletion.
        fingerprint: That of the current key.
        old_keys: Keys from before that a person made, as far as the outputs can be read.
    """

    name: str
    kind: str
    organization_id: str
    tenant_key_ref: VaultReference | None
    has_own_provider: bool
    spot: VaultLocation | None
    reference: VaultReference | None
    owed: tuple[str, ...]
    is_leaving: bool
    fingerprint: str
    old_keys: tuple[OldKey, ...]


def declared_keys(deployment: Mapping[str, Any]) -> list[Declared]:
    """Return the keys of a state."""
    return list(_read(deployment))


def is_ours(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource of a state is a key of this provider."""
    kind = str(resource.get("type", ""))
    return kind.startswith(PREFIXES) and kind.rpartition(":")[2] in {MINTED, DASHBOARD}


def is_plugins(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource of a state belongs to the plugin."""
    return str(resource.get("type", "")).startswith(PLUGIN_PREFIX)


def name_of(resource: Mapping[str, Any]) -> str:
    """Return the logical name of a resource."""
    return str(resource.get("urn", "")).rpartition("::")[2]


def _read(deployment: Mapping[str, Any]) -> Iterator[Declared]:
    for resource in deployment.get("resources") or ():
        if not isinstance(resource, dict) or not is_ours(resource):
            continue
        outputs = _object(resource.get("outputs"))
        settings = _object(_object(outputs.get("record")).get("settings"))
        kind = str(resource["type"]).rpartition(":")[2]
        place = settings.get("vaultSecret")
        provider = str(resource.get("provider", "")).rpartition("::")[0]
        yield Declared(
            name=name_of(resource),
            kind=kind,
            organization_id=str(settings.get("organizationId", "")),
            has_own_provider=bool(provider) and not is_default_provider(provider),
            tenant_key_ref=_reference(settings.get("tenantKeyRef")),
            spot=_spot(place) if kind == MINTED else None,
            reference=_reference(place) if kind == DASHBOARD else None,
            owed=tuple(_owed(outputs.get("pending"))),
            is_leaving=resource.get("delete") is True,
            fingerprint=str(outputs.get("secretFingerprint", "")),
            old_keys=tuple(_old_keys(outputs.get("previousKeys"))) if kind == DASHBOARD else (),
        )


def _owed(pending: object) -> Iterator[str]:
    for entry in pending if isinstance(pending, list) else ():
        step, key_id = _object(entry).get("step", "something"), _object(entry).get("keyId")
        yield f"{step} key {key_id}" if key_id else str(step)


def _old_keys(previous: object) -> Iterator[OldKey]:
    for entry in previous if isinstance(previous, list) else ():
        with suppress(ValidationError):
            old = OldKey.model_validate(entry)
            if _reference(old.vault_secret):
                yield old


def _spot(value: object) -> VaultLocation | None:
    place = _object(value)
    parts = {name: place.get(name) for name in ("mount", "path", "field")}
    return VaultLocation.model_validate(parts) if all(isinstance(part, str) for part in parts.values()) else None


def _reference(value: object) -> VaultReference | None:
    try:
        return parse_reference(value, "the recorded reference") if value else None
    except InvalidInput:
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
