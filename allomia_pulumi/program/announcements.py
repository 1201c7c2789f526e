"""Announcements: the provider is told early which organizations a program declares keys for.

The engine comes to one resource after another, and a program has declared all of them before the first is sent. So the
first one carries the ids of all, and the provider reads ahead the lists that it will need.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_monitor

__all__ = ["announcement", "declare"]

_Group: TypeAlias = tuple[str, int]

_runs: WeakKeyDictionary[Any, dict[_Group, dict[str, bool]]] = WeakKeyDictionary()
"""By the engine's monitor, since several runs may share a process, and by provider: the ids, and which were sent."""


def declare(resource: pulumi.CustomResource, organization_id: object, tenant_key_ref: object) -> None:
    """Note the organization of a registered resource, if it is known and the provider's own tenant key is used."""
    if isinstance(organization_id, str) and tenant_key_ref is None:
        groups = _runs.setdefault(get_monitor(), {})
        groups.setdefault(_group(resource), {}).setdefault(organization_id, False)


def announcement(resource: pulumi.CustomResource) -> Awaitable[list[str] | None]:
    """Return, once it is waited for, the organizations that nobody has announced yet; None if there are none.

    A single organization is not worth it: the resource itself names it.
    """

    async def coming() -> list[str] | None:
        declared = _runs.get(get_monitor(), {}).get(_group(resource), {})
        if len(declared) == 1:
            return None
        new = [organization_id for organization_id, is_sent in declared.items() if not is_sent]
        declared.update(dict.fromkeys(new, True))
        return new or None

    return coming()


def _group(resource: pulumi.CustomResource) -> _Group:
    """Tell the provider that a resource has, which is settled once it is registered."""
    provider = resource._provider  # noqa: SLF001 - Pulumi has no public way to ask
    return resource.pulumi_resource_type, id(provider) if provider is not None else 0
