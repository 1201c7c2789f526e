"""Search in Vault: the keys at the places that a state names, by metadata, never by a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from allomia_pulumi.cli.access import access_of
from allomia_pulumi.cli.clients import Connections
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import DeclaredKey, declared_keys
from allomia_pulumi.contracts.tokens import DASHBOARD_API_KEY
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.orphans import Trace
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import AllomiaError, NotFound
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = ["vault_traces"]

HIDDEN_PLACE = "has a place in Vault that the state does not show"
UNREADABLE = "does not let its metadata be read"
UNMARKED = "does not say which key it holds"
OLD_KEYS = "has old keys that nothing but their versions tells apart"

P = TypeVar("P", VaultLocation, VaultReference)


def vault_traces(opened: Connections, stacks: Sequence[Stack], arguments: Mapping[str, str]) -> list[Trace]:
    """Return what each place of the states tells; one that does not tell is a trace of its own."""
    return [
        trace
        for stack in stacks
        for key in sorted(declared_keys(stack.deployment), key=lambda key: key.kind == DASHBOARD_API_KEY)
        for trace in _traces_of(key, partial(_open_vault, opened, stack, key, arguments))
    ]


def _open_vault(opened: Connections, stack: Stack, key: DeclaredKey, arguments: Mapping[str, str]) -> Vault:
    return opened.vault(access_of(stack, key, arguments))


def _traces_of(key: DeclaredKey, open_vault: Callable[[], Vault]) -> Iterator[Trace]:
    # The place of a key that a person made may hold any key of its organization.
    organization_id = (key.organization_id or None) if key.kind == DASHBOARD_API_KEY else None
    name = printable(key.name)
    if key.has_old_keys:
        yield Trace(name, unread=OLD_KEYS, organization_id=organization_id)
    if key.has_hidden_place:
        yield Trace(name, unread=HIDDEN_PLACE, organization_id=organization_id)
    elif key.delivery is not None:
        yield _trace_of(key.delivery, lambda place: _delivered_key(open_vault(), place))
    elif key.reference is not None:
        found = _trace_of(key.reference, lambda place: _handmade_key(open_vault(), place))
        yield replace(found, organization_id=organization_id)


def _trace_of(place: P, look: Callable[[P], tuple[str | None, bool]]) -> Trace:
    """Look at a place; the look returns the key that is there, if any, and whether that is certain."""
    where = printable(f"Vault {place}")
    try:
        key_id, is_certain = look(place)
    except AllomiaError:
        return Trace(where, unread=UNREADABLE)
    return Trace(where, frozenset(filter(None, [key_id])), "" if is_certain else UNMARKED)


def _delivered_key(vault: Vault, place: VaultLocation) -> tuple[str | None, bool]:
    stored = vault.inspect_secret(place)
    is_marked = stored.key_id is not None and stored.written == stored.version
    return stored.key_id, is_marked or not stored.is_live


def _handmade_key(vault: Vault, reference: VaultReference) -> tuple[str | None, bool]:
    try:
        key_id = vault.read_versions(reference).key_id
    except NotFound:
        key_id = None
    return key_id, key_id is not None
