"""The inputs of an `Organization`: from what a program wrote to values that can be trusted, or to failures."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.input_fields import Failure, Form, require_known
from allomia_pulumi.core.model import UNKNOWN, Model, Unknown
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "FIELDS",
    "SUPPORTED",
    "OrganizationInputs",
    "known_fields",
    "parse_organization_inputs",
    "read_organization_inputs",
    "wire_name",
]

FIELDS: Final = tuple(OrganizationFields.model_fields)
"""The nine fields by their names in Python; AlloMia requires each when an organization is made."""

BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of characters, and separators of lines. Spaces of all kinds are a text's own."""


def wire_name(field: str) -> str:
    """Return the wire name of one of the nine fields."""
    return str(OrganizationFields.model_fields[field].alias)


SUPPORTED: Final = (
    *map(wire_name, FIELDS),
    "externalId",
    "tenantKeyRef",
    "deactivateOnDestroy",
    "adopt",
    "duplicateOf",
)


class OrganizationInputs(Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    name: str | Unknown
    """Name of the organization, as people see it in AlloMia."""

    email: str | Unknown
    """Its e-mail address. Another active organization with the same name and e-mail address is an error."""

    address: str | Unknown
    """Its street address."""

    city: str | Unknown
    """The city of its address."""

    state_province: str | Unknown
    """The state or province of its address."""

    postal_code: str | Unknown
    """The postal or ZIP code of its address."""

    country: str | Unknown
    """The country of its address, such as `USA`; AlloMia documents no format."""

    phone_number: str | Unknown
    """Its phone number, such as `+14155551234`; AlloMia documents no format."""

    timezone: str | Unknown
    """Its time zone by its IANA name: one of the 21 that AlloMia documents; of another one AlloMia decides."""

    external_id: str | Unknown | None = None
    """Your own id for it. AlloMia takes it when the organization is made, and neither shows nor changes it later: a
    change is only recorded."""

    tenant_key_ref: VaultReference | Unknown | None = None
    """Where the tenant key for this organization lies in Vault, instead of `allomia:tenantKeyRef`:
    `mount/path#field`, or an object. A change moves no organization."""

    deactivate_on_destroy: bool | Unknown = False
    """Whether a removal deactivates the organization at AlloMia, which documents no way back. It has to be applied by
    a `pulumi up` before; otherwise the organization is only forgotten."""

    adopt: str | Unknown | None = None
    """AlloMia's id of an organization that exists already: it is taken over instead of making one. Only the creation
    looks at it."""

    duplicate_of: tuple[str, ...] | Unknown = ()
    """AlloMia's ids of organizations with the same name and e-mail address that are meant to stay beside this one. Only
    the creation looks at them."""


def parse_organization_inputs(news: Mapping[str, Any]) -> tuple[OrganizationInputs | None, list[Failure]]:
    """Read wire inputs; return them, or every failure at once."""
    form = Form(news, SUPPORTED)
    fields = {name: form.read(wire_name(name), _text(wire_name(name))) for name in FIELDS}
    inputs = OrganizationInputs(
        **fields,
        external_id=form.read("externalId", _optional_text("externalId")),
        tenant_key_ref=form.read("tenantKeyRef", input_fields.reference("tenantKeyRef")),
        deactivate_on_destroy=form.read("deactivateOnDestroy", input_fields.switch_off("deactivateOnDestroy")),
        adopt=form.read("adopt", _adopted),
        duplicate_of=form.read("duplicateOf", _duplicates),
    )
    return (None, form.failures) if form.failures else (inputs, [])


def read_organization_inputs(news: Mapping[str, Any]) -> OrganizationInputs:
    """Read what an operation was asked for.

    Raises:
        SetupError: An input is still unknown, or not acceptable after all; nothing was done.
    """
    return require_known(parse_organization_inputs(news))


def known_fields(inputs: OrganizationInputs) -> OrganizationFields:
    """Return the nine fields that the program asks for; None for those that a preview does not know."""
    asked = {name: getattr(inputs, name) for name in FIELDS}
    return OrganizationFields(**{name: None if isinstance(value, Unknown) else value for name, value in asked.items()})


def _text(name: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value is None:
            raise InvalidInput(f"{spell(name)} is missing", "AlloMia requires it of every organization.")
        if not isinstance(value, str):
            raise InvalidInput(f"{spell(name)} is not a text", "Write it as a text.")
        if any(unicodedata.category(each) in REFUSED_CATEGORIES or each in BIDI for each in value):
            raise InvalidInput(f"{spell(name)} has control or bidi characters", "Write it in one line of plain text.")
        return value

    return read


def _optional_text(name: str) -> Callable[[object], str | None]:
    read = _text(name)
    return lambda value: None if value is None else read(value)


def _adopted(value: object) -> str | None:
    return None if value is None else input_fields.identifier(value, "adopt")


def _duplicates(value: object) -> tuple[str, ...] | Unknown:
    name = spell("duplicateOf")
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} is not a list", "Write the ids of the organizations that are meant, in a list.")
    if any(isinstance(each, Unknown) for each in value):
        return UNKNOWN
    return tuple(input_fields.identifier(each, f"an id in {name}") for each in value)
