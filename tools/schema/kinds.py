"""How the fields of a model, and the annotations of Python, stand in a schema."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationInfo
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handmade_key.state import DashboardRecord, OldKey
from allomia_pulumi.core.minted_key.inputs import Adoption
from allomia_pulumi.core.minted_key.state import Reason, Record
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.state import OrganizationRecord
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import TokenAuth
from tools.schema.texts import field_texts

__all__ = [
    "ADOPTION",
    "API_KEY_INFO",
    "AUTH",
    "OLD_KEY",
    "ORGANIZATION_INFO",
    "OWED",
    "PLACE",
    "REFERENCE",
    "alternatives",
    "describe_fields",
    "describe_kind",
]

REFERENCE: Final = "allomia:index:VaultReference"
PLACE: Final = "allomia:index:VaultSecret"
OWED: Final = "allomia:index:Owed"
ADOPTION: Final = "allomia:index:Adoption"
OLD_KEY: Final = "allomia:index:OldKey"
AUTH: Final = "allomia:index:VaultAuth"
ORGANIZATION_INFO: Final = "allomia:index:OrganizationInfo"
API_KEY_INFO: Final = "allomia:index:ApiKeyInfo"

NAMED: Final[Mapping[Any, str]] = {
    Adoption: ADOPTION,
    OldKey: OLD_KEY,
    Owed: OWED,
    # The first of the methods stands for all.
    TokenAuth: AUTH,
    OrganizationInfo: ORGANIZATION_INFO,
    ApiKeyInfo: API_KEY_INFO,
}
KINDS: Final[Mapping[Any, dict[str, Any]]] = {
    VaultReference: {"oneOf": [{"type": "string"}, {"$ref": f"#/types/{REFERENCE}"}]},
    VaultLocation: {"oneOf": [{"type": "string"}, {"$ref": f"#/types/{PLACE}"}]},
    **{
        kind: {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
        for kind in (Record, DashboardRecord, OrganizationRecord)
    },
    **{kind: {"$ref": f"#/types/{name}"} for kind, name in NAMED.items()},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    **{kind: {"type": "string"} for kind in (str, SecretStr, Reason, OwedStep, timedelta)},
}


def describe_fields(model: type[BaseModel], *, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return `properties` and `required` of a model, by the wire names of its fields."""
    texts = field_texts(model)
    properties, required = {}, []
    for name, field in model.model_fields.items():
        wire_name = str(field.alias)
        properties[wire_name] = _property(field, texts.get(name), is_secret=wire_name in secrets)
        if field.is_required():
            required.append(wire_name)
    return {"properties": properties, "required": required}


def describe_kind(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - an annotation is anything
    """Return the type reference of an annotation without alternatives.

    Raises:
        TypeError: The schema has no such thing yet.
    """
    if kind in KINDS:
        return dict(KINDS[kind])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Mapping:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if origin is tuple:
        return {"type": "array", "items": describe_kind(arguments[0])}
    if origin is Annotated:
        return describe_kind(arguments[0])
    if origin is Literal:
        return describe_kind(type(arguments[0]))
    raise TypeError(f"no schema for {kind!r}")


def alternatives(annotation: Any) -> list[Any]:  # noqa: ANN401 - an annotation is anything
    """Return a union's members without those that only stand for absence."""
    members = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return [member for member in members if member not in {type(None), Unknown}]


def _property(field: FieldInfo, text: str | None, *, is_secret: bool) -> dict[str, Any]:
    declared = describe_kind(alternatives(field.annotation)[0])
    if text:
        declared["description"] = text
    if is_secret:
        declared["secret"] = True
    if isinstance(field.default, bool):
        declared["default"] = field.default
    return declared
