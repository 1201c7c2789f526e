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
