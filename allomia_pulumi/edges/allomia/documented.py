"""The endpoints that AlloMia documents: organizations and calls (docs.allomia.com/api-reference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.edges.allomia.bodies import Answer
from allomia_pulumi.edges.allomia.pages import Page
from allomia_pulumi.edges.allomia.paths import segment
from allomia_pulumi.edges.allomia.standins import readable_name, usable_id
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.moments import AllomiaMoment

__all__ = [
    "CALLS_PATH",
    "EMPTY_WINDOW",
    "ORGANIZATIONS_PATH",
    "CallPage",
    "InformingMoment",
    "InformingText",
    "Organization",
    "OrganizationAnswer",
    "OrganizationPage",
    "calls_of",
    "organization_path",
]

ORGANIZATIONS_PATH = "/api/organization"
CALLS_PATH = "/api/calls"

FIELDS: Final = OrganizationFields.model_fields
UNSHOWN: Final = object()
"""Stands for what an answer leaves out."""

EMPTY_WINDOW: Final[dict[str, str | int]] = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z", "limit": 1}
"""A window in which no call was made: the answer proves a key and carries no call record."""


def _or_none(value: object, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - what the field is
    """Do without a value that is not of its documented type: what only informs may not spoil a list that proves."""
    try:
        return validate(value)
    except ValidationError:
        return None


def _organization_id(value: object) -> object:
    """Return an id, or a stand-in also for one that is no text: an organization holds up none beside it."""
    return usable_id(value) if isinstance(value, str) else "(unusable id / no text)"


def _whole_characters(value: str | None) -> str | None:
    """Refuse a text with half a character, which nothing can write: no state, no terminal and no request."""
    if value is not None:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("has half a character") from None
    return value


InformingText = Annotated[str | None, AfterValidator(_whole_characters), WrapValidator(_or_none)]
InformingSwitch = Annotated[StrictBool | None, WrapValidator(_or_none)]
InformingMoment = Annotated[AllomiaMoment | None, WrapValidator(_or_none)]


class Organization(Answer):
    """An organization, as far as we read it; which fields may be null is not documented."""

    id: Annotated[str, BeforeValidator(_organization_id)]
    name: Annotated[str, BeforeValidator(readable_name)]
    plain_name: InformingText = Field(default=None, validation_alias="name")
    city: InformingText = None
    country: InformingText = None
    timezone: InformingText = None
    created_at: InformingMoment = None
    email: InformingText = None
    address: InformingText = None
    state_province: InformingText = None
    postal_code: InformingText = None
    phone_number: InformingText = None
    tenant_id: InformingText = None
    created_by: InformingText = None
    # The rest is in the answer for one organization only.
    is_active: InformingSwitch = None
    image: InformingText = None
    owner_id: InformingText = None
    last_modified_by: InformingText = None
    updated_at: InformingMoment = None
    deleted_at: InformingMoment = None
    _unshown: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="wrap")
    @classmethod
    def _note_unshown(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - any answer
        found = validate(data)
        if isinstance(data, Mapping):
            given = {name: data.get(str(field.alias), UNSHOWN) for name, field in FIELDS.items()}
            shown = found.fields
            found._unshown = frozenset(  # noqa: SLF001 - it is the model's own
                name for name, value in given.items() if value is not None and getattr(shown, name) is None
            )
        return found

    @property
    def is_usable(self) -> bool:
        """Tell whether a request can name it."""
        return is_identifier(self.id)

    @property
    def fields(self) -> OrganizationFields:
        """Return its nine fields, None for what is no text: no stand-in may ever be sent back."""
        given = {name: getattr(self, name) for name in OrganizationFields.model_fields}
        return OrganizationFields(**{**given, "name": self.plain_name})

    @property
    def unshown(self) -> frozenset[str]:
        """Name the fields that the answer leaves out, or has something else for than a text or null."""
        return self._unshown

    def at(self, page: int, position: int) -> Organization:
        """Return it with the place in the list in its stand-in, since several may have none that tells them apart."""
        if self.is_usable:
            return self
        return self.model_copy(update={"id": f"{self.id} {page}.{position}"})


class OrganizationAnswer(Answer):
    """`GET /api/organization/{id}`: wrapped, unlike the other organization endpoints."""

    current_org: Organization


class OrganizationPage(Page):
    """`GET /api/organization`: one page."""

    organizations: tuple[Organization, ...]

    def items(self, number: int) -> tuple[Organization, ...]:
        """Return the organizations of page `number`, each with an id that tells it from the others."""
        return tuple(each.at(number, position) for position, each in enumerate(self.organizations, 1))


class CallPage(Answer):
    """`GET /api/calls`: read for its status only, so that no call record is looked at."""

    calls: tuple[Any, ...]


def calls_of(organization_id: str) -> dict[str, str | int]:
    """Return the query for the calls of an organization in the empty window."""
    return {"organizationId": organization_id, **EMPTY_WINDOW}


def organization_path(organization_id: str) -> str:
    """Return the path of one organization."""
    return f"{ORGANIZATIONS_PATH}/{segment(organization_id)}"
