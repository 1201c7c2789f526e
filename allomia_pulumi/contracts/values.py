"""Values of the functions: plain and frozen, so that a program can pass them on and export them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ApiKeyInfo", "OrganizationApiKeys", "OrganizationInfo"]


# Without slots: `pulumi.export` shows an object by its `__dict__`.
@dataclass(frozen=True)
class OrganizationInfo:
    """An organization as AlloMia had it when the program asked.

    Attributes:
        id: AlloMia's id of it, what `organization_id` takes.
        name: Its name.
        city: The city of its address, or None.
        country: The country of its address, or None.
        timezone: Its time zone by its IANA name, or None.
        created_at: When it was made, ISO 8601 in UTC, or None.
    """

    id: str
    name: str
    city: str | None
    country: str | None
    timezone: str | None
    created_at: str | None


@dataclass(frozen=True)
class ApiKeyInfo:
    """An organization's key as AlloMia lists it: never its secret.

    Attributes:
        id: AlloMia's id of it.
        name: Its full name, with the mark if it has one.
        label: The name without the mark.
        created_at: When it was made, ISO 8601 in UTC; None when AlloMia does not say.
        last_used_at: When it was last used, ISO 8601 in UTC; None when never, or when AlloMia does not say.
        age_seconds: How long ago it was made; differs on every run, so an export of it is never unchanged.
        mark: Which stack and resource made it, as `allomia keys` shows it; None for a key made by hand.
    """

    id: str
    name: str
    label: str
    created_at: str | None
    last_used_at: str | None
    age_seconds: int | None
    mark: str | None


@dataclass(frozen=True)
class OrganizationApiKeys:
    """The living keys of an organization, and the slots that they hold.

    Attributes:
        organization_id: The organization.
        keys: Its keys, as AlloMia orders them.
        slots_used: How many of its slots are taken.
        slots: How many keys an organization can have at once.
    """

    organization_id: str
    keys: tuple[ApiKeyInfo, ...]
    slots_used: int
    slots: int
