"""The key endpoints of AlloMia: ASSUMED, not documented.

AlloMia documents that organization keys are made and deleted in the dashboard, five per organization, and shown once
(docs.allomia.com/api-reference/authentication); it documents no endpoint for them. This module is the whole
assumption, in the style of the documented endpoints: if AlloMia publishes another shape, it changes here. The path is
configuration (`allomia:keysPath`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from allomia_pulumi.edges.allomia.bodies import Answer
from allomia_pulumi.edges.allomia.documented import InformingMoment
from allomia_pulumi.edges.allomia.pages import Page
from allomia_pulumi.edges.allomia.paths import segment
from allomia_pulumi.edges.allomia.standins import readable_name, usable_id
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.moments import AllomiaMoment
from allomia_pulumi.ground.redaction import guard

__all__ = ["CreatedKey", "DeletedKey", "KeyPage", "ListedKey", "ShownKey", "key_path", "keys_path"]


def _identifier(value: str) -> str:
    """Accept an id that can stand in a path and on a terminal."""
    if not is_identifier(value):
        raise ValueError("is not an id")
    return value


def _bearer(value: SecretStr) -> SecretStr:
    """Accept a key that fits into a header; anything else is not the key that AlloMia shows once."""
    key = value.get_secret_value()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("is not a bearer key")
    return guard(key)


def _is_null(value: object) -> bool:
    return value is None


Identifier = Annotated[str, AfterValidator(_identifier)]
Bearer = Annotated[SecretStr, AfterValidator(_bearer)]


class ListedKey(Answer):
    """A key in a list or on its own: never with its value.

    Whatever its name or its id is like, it holds a slot, so it stays in the list.
    """

    id: Annotated[str, BeforeValidator(usable_id)]
    name: Annotated[str, BeforeValidator(readable_name)]
    organization_id: str | None = None
    created_at: InformingMoment = None
    last_used_at: InformingMoment = None
    is_never_used: Annotated[bool, BeforeValidator(_is_null)] = Field(default=False, validation_alias="lastUsedAt")

    @property
    def is_use_known(self) -> bool:
        """Tell whether AlloMia says when it was last used, or by a null that it never was: absent is neither."""
        return self.is_never_used or self.last_used_at is not None


class KeyPage(Page):
    """One page of an organization's keys."""

    api_keys: tuple[ListedKey, ...]


class CreatedKey(Answer):
    """The one answer that shows a key's value; a repr shows nothing that may hold it, whatever AlloMia put where."""

    id: Identifier = Field(repr=False)
    name: str = Field(repr=False)
    key: Bearer
    created_at: AllomiaMoment
    organization_id: str | None = Field(default=None, repr=False)


@dataclass(frozen=True)
class ShownKey:
    """That answer, with the moment of AlloMia's own clock; None if it told none that can be believed."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    secret: SecretStr
    created_at: datetime
    answered_at: datetime | None
    organization_id: str | None = field(default=None, repr=False)


class DeletedKey(Answer):
    """The answer to a deletion; one that speaks of an error confirms nothing."""

    api_key_id: str | None = None
    error: object = None


def keys_path(template: str, organization_id: str) -> str:
    """Return the path of an organization's key collection."""
    return template.replace("{organizationId}", segment(organization_id))


def key_path(template: str, organization_id: str, key_id: str) -> str:
    """Return the path of one key."""
    return f"{keys_path(template, organization_id)}/{segment(key_id)}"
