"""An organization's API keys: as AlloMia lists them, and in the one answer that shows a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from pydantic import SecretStr

__all__ = ["KEY_LIMIT", "ApiKey", "IssuedKey", "MintAnswer"]

KEY_LIMIT: Final = 5
"""Keys that AlloMia allows per organization (docs.allomia.com/api-reference/authentication)."""


class ApiKey(Protocol):
    """A key as AlloMia lists it: never with its secret."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its full name, with the mark if it has one."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """Return when it was made."""
        ...

    @property
    def last_used_at(self) -> datetime | None:
        """Return when it was last used, if AlloMia says so."""
        ...

    @property
    def is_use_known(self) -> bool:
        """Tell whether AlloMia says when it was last used, or that it never was."""
        ...


class IssuedKey(Protocol):
    """A key in the one answer that shows its secret."""

    @property
    def id(self) -> str:
        """Return AlloMia's id of it."""
        ...

    @property
    def name(self) -> str:
        """Return its full name, with the mark if it has one."""
        ...

    @property
    def secret(self) -> SecretStr:
        """Return its secret, shown only here."""
        ...

    @property
    def created_at(self) -> datetime:
        """Return when it was made."""
        ...

    @property
    def answered_at(self) -> datetime | None:
        """Return the moment of AlloMia's own clock, if the answer has one that can be believed."""
        ...


class MintAnswer(IssuedKey, Protocol):
    """The answer to a mint; nothing of it is checked yet."""

    @property
    def organization_id(self) -> str | None:
        """Return the organization that it belongs to, if the answer says so."""
        ...
