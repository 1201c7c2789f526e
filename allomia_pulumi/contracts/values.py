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
        email: Its e-mail address, or None.
        address: Its street address, or None.
        state_province: The state or province of its address, or None.
        postal_code: The postal or ZIP code of its address, or None.
        phone_number: Its phone number, or None.
        tenant_id: AlloMia's id of the tenant that it belongs to, or None.
        created_by: AlloMia's id of the user that made it, or None.
        is_active: Whether it is active. This and what follows is None in a list, where AlloMia does not say it.
        image: Its image, or None.
        owner_id: AlloMia's id of its owner, or None.
        last_modified_by: AlloMia's id of the user that changed it last, or None.
        updated_at: When it was changed last, ISO 8601 in UTC, or None.
        deleted_at: When it was deactivated, ISO 8601 in UTC, or None.
    """

    id: str
    name: str
    city: str | None
    country: str | None
    timezone: str | None
    created_at: str | None
    email: str | None = None
    address: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    phone_number: str | None = None
    tenant_id: str | None = None
    created_by: str | None = None
    is_active: bool | None = None
    image: str | None = None
    owner_id: str | None = None
    last_modified_by: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None


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
