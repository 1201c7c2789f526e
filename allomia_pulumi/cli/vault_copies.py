"""Which keys the places in Vault hold that a stack's state names: by their metadata, never by a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from allomia_pulumi.cli.clients import Connections
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import access_of, dashboard_resources, key_resources
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.orphans import Trace
from allomia_pulumi.errors import AllomiaError, NotFound
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.provider.urn import name_of

__all__ = ["vault_traces"]

HIDDEN_PLACE = "has a place in Vault that the state does not show"
UNREADABLE = "does not let its metadata be read"
UNMARKED = "does not say which key it holds"
OLD_KEYS = "has old keys that nothing but their versions tells apart"

Resource = Mapping[str, Any]


def vault_traces(opened: Connections, stacks: Sequence[Stack], arguments: Mapping[str, str]) -> list[Trace]:
    """Return what each place of the states says; one that does not tell is a trace of its own."""
    return [
        trace
        for stack in stacks
        for resource, look in (
            *((each, _declared_place) for each in key_resources(stack)),
            *((each, _dashboard_place) for each in dashboard_resources(stack)),
        )
        for trace in look(opened, stack, resource, arguments)
    ]


def _declared_place(
    opened: Connections, stack: Stack, resource: Resource, arguments: Mapping[str, str]
) -> Iterator[Trace]:
    """Look at the place that a key is delivered to."""
    settings = _settings(resource)
    written = settings.get("vaultSecret") if settings is not None else None
    if settings is not None and written is None:
        return
    try:
        place = VaultLocation.model_validate(written)
    except ValidationError:
        yield Trace(_called(resource), unread=HIDDEN_PLACE)
        return
    where = printable(f"Vault {place}")
    try:
        stored = opened.vault(access_of(stack, resource, arguments)).inspect_secret(place)
    except AllomiaError:
        yield Trace(where, unread=UNREADABLE)
        return
    tells = not stored.is_live or (stored.key_id is not None and stored.written == stored.version)
    yield Trace(where, frozenset(filter(None, [stored.key_id])), "" if tells else UNMARKED)


def _dashboard_place(
    opened: Connections, stack: Stack, resource: Resource, arguments: Mapping[str, str]
) -> Iterator[Trace]:
    """Look at the place of a key that a person made: it may hold any key of its organization."""
    settings = _settings(resource) or {}
    found = settings.get("organizationId")
    organization_id = found if isinstance(found, str) else None
    if (resource.get("outputs") or {}).get("previousKeys"):
        yield Trace(_called(resource), unread=OLD_KEYS, organization_id=organization_id)
    try:
        reference = parse_reference(settings.get("vaultSecret"), "the recorded vaultSecret")
    except AllomiaError:
        yield Trace(_called(resource), unread=HIDDEN_PLACE, organization_id=organization_id)
        return
    where = printable(f"Vault {reference}")
    try:
        key_id = opened.vault(access_of(stack, resource, arguments)).read_versions(reference).key_id
    except NotFound:
        key_id = None
    except AllomiaError:
        yield Trace(where, unread=UNREADABLE, organization_id=organization_id)
        return
    yield Trace(where, frozenset(filter(None, [key_id])), "" if key_id else UNMARKED, organization_id)


def _settings(resource: Resource) -> Mapping[str, Any] | None:
    """Return the applied inputs, or None when the state does not show them."""
    record = (resource.get("outputs") or {}).get("record")
    settings = record.get("settings") if isinstance(record, Mapping) else None
    return settings if isinstance(settings, Mapping) and "ciphertext" not in settings else None


def _called(resource: Resource) -> str:
    return printable(name_of(resource["urn"]))
