"""Organizations of a tenant, as AlloMia shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["Organization", "OrganizationDetails"]


class Organization(Protocol):
    """An organization of the tenant."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def is_usable(self) -> bool:
        """Tell whether a request can name it: the id of one that is listed with another is a stand-in."""
        ...


class OrganizationDetails(Organization, Protocol):
    """An organization with what AlloMia says of it; None where it says nothing."""

    @property
    def city(self) -> str | None:
        """Return the city of its address."""
        ...

    @property
    def country(self) -> str | None:
        """Return the country of its address."""
        ...

    @property
    def timezone(self) -> str | None:
        """Return its time zone by its IANA name."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when it was made."""
        ...

    @property
    def email(self) -> str | None:
        """Return its e-mail address."""
        ...

    @property
    def address(self) -> str | None:
        """Return its street address."""
        ...

    @property
    def state_province(self) -> str | None:
        """Return the state or province of its address."""
        ...

    @property
    def postal_code(self) -> str | None:
        """Return the postal or ZIP code of its address."""
        ...

    @property
    def phone_number(self) -> str | None:
        """Return its phone number."""
        ...

    @property
    def tenant_id(self) -> str | None:
        """Return AlloMia's id of its tenant."""
        ...

    @property
    def created_by(self) -> str | None:
        """Return AlloMia's id of the user that made it."""
        ...

    @property
    def is_active(self) -> bool | None:
        """Tell whether it is active."""
        ...

    @property
    def image(self) -> str | None:
        """Return its image."""
        ...

    @property
    def owner_id(self) -> str | None:
        """Return AlloMia's id of its owner."""
        ...

    @property
    def last_modified_by(self) -> str | None:
        """Return AlloMia's id of the user that changed it last."""
        ...

    @property
    def updated_at(self) -> datetime | None:
        """Return when it was changed last."""
        ...

    @property
    def deleted_at(self) -> datetime | None:
        """Return when it was deactivated."""
        ...
