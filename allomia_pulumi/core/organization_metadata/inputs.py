"""The inputs of an `OrganizationMetadata`: from what a program wrote to values that can be trusted, or to failures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from allomia_pulumi.contracts.nulls import NULL
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.input_fields import Failure, Form
from allomia_pulumi.core.model import UNKNOWN, Model, Unknown
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = ["SUPPORTED", "MetadataInputs", "parse_metadata_inputs"]

SUPPORTED: Final = ("organizationId", "metadata", "tenantKeyRef")
FIRST_INEXACT: Final = 2**53
"""On their way every number is a float: from here on several whole numbers are the same one."""


class MetadataInputs(Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    organization_id: str | Unknown
    """Id of the AlloMia organization that the metadata are about. A change replaces the resource: the metadata are
    written to the other organization, and those of the former one stay."""

    metadata: Mapping[str, Any] | Unknown
    """The whole metadata object; its keys travel unaltered. AlloMia validates it against your tenant's own schema, and
    it replaces what was there before."""

    tenant_key_ref: VaultReference | Unknown | None = None
    """Where the tenant key for these metadata lies in Vault, instead of `allomia:tenantKeyRef`: `mount/path#field`, or
    an object. A change writes nothing."""


def parse_metadata_inputs(news: Mapping[str, Any]) -> tuple[MetadataInputs | None, list[Failure]]:
    """Read wire inputs; return them, or every failure at once."""
    form = Form(news, SUPPORTED)
    inputs = MetadataInputs(
        organization_id=form.read("organizationId", input_fields.organization_id),
        metadata=form.read("metadata", _metadata),
        tenant_key_ref=form.read("tenantKeyRef", input_fields.reference("tenantKeyRef")),
    )
    return (None, form.failures) if form.failures else (inputs, [])


def _metadata(value: object) -> Mapping[str, Any] | Unknown:
    if value is None:
        raise InvalidInput("metadata is missing", "Give the whole object, as your tenant's schema has it.")
    if not isinstance(value, Mapping):
        raise InvalidInput("metadata is not an object", 'Write it like {"emrSystem": "Epic"}.')
    leaves = list(_leaves(value, "metadata"))
    if any(isinstance(leaf, Unknown) for _, leaf in leaves):
        return UNKNOWN
    for place, leaf in leaves:
        if isinstance(leaf, float) and not math.isfinite(leaf):
            raise InvalidInput(f"{place} is no number that JSON has", "Leave it out, or write it as a text.")
        if isinstance(leaf, int | float) and float(leaf).is_integer() and abs(leaf) >= FIRST_INEXACT:
            raise InvalidInput(
                f"{place} is a number of more digits than Pulumi carries, and would be written as another one",
                "Write it as a text.",
            )
        if leaf is not None and not isinstance(leaf, str | int | float):
            raise InvalidInput(f"{place} is nothing that JSON has", "Write a text, a number, a list or an object.")
    return {name: _whole(item) for name, item in value.items()}


def _leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield everything in a value that holds nothing else, with its place."""
    if value == NULL:
        yield place, None
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{place}.{printable(str(name))}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{place}[{number}]")
    else:
        yield place, value


def _whole(value: Any) -> Any:  # noqa: ANN401 - metadata are of any shape
    """Return a value with its nulls, and with whole numbers as such: on their way every number is a float."""
    if value == NULL:
        return None
    if isinstance(value, Mapping):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
