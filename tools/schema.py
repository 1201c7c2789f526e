"""Generate `schema.json` from the core's models: `python -m tools.schema` writes it, a test holds it to them."""

from __future__ import annotations

import json
import types
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from allomia_pulumi._version import __version__
from allomia_pulumi.config import DEFAULT_API_URL, DEFAULT_KEYS_PATH
from allomia_pulumi.keys.dashboard_models import DashboardInputs, DashboardRecord, DashboardState, OldKey
from allomia_pulumi.keys.models import (
    SECRET_OUTPUTS,
    Adoption,
    Inputs,
    KeyState,
    Owed,
    OwedStep,
    Place,
    Reason,
    Record,
    Unknown,
)
from allomia_pulumi.references import VaultReference

SCHEMA_FILE: Final = Path(__file__).parent.parent / "schema.json"
REFERENCE: Final = "allomia:index:VaultReference"
PLACE: Final = "allomia:index:VaultSecret"
OWED: Final = "allomia:index:Owed"
ADOPTION: Final = "allomia:index:Adoption"
OLD_KEY: Final = "allomia:index:OldKey"
ORGANIZATION_KEY: Final = "allomia:index:OrganizationApiKey"
DASHBOARD_KEY: Final = "allomia:index:DashboardApiKey"
REPLACING: Final = frozenset({"organizationId", "name", "rotationTriggers"})
DEFAULTED: Final = frozenset({"name"})
# No SDK is published. The Go path has no host, so that Go takes it from a `replace` only; the Python name is not ours,
# because this package offers its own classes to Python programs.
LANGUAGES: Final[Mapping[str, dict[str, Any]]] = {
    "csharp": {
        "namespaces": {"allomia": "AlloMia"},
        "packageReferences": {"Pulumi": "3.*"},
        "respectSchemaVersion": True,
    },
    "go": {
        "importBasePath": "allomia-pulumi/sdk/go/allomia",
        "generateResourceContainerTypes": True,
        "respectSchemaVersion": True,
    },
    "java": {"buildFiles": "gradle"},
    "nodejs": {"packageName": "@allomia/pulumi", "respectSchemaVersion": True},
    "python": {"packageName": "allomia_pulumi_sdk", "pyproject": {"enabled": True}, "respectSchemaVersion": True},
}

KINDS: Final[Mapping[Any, dict[str, Any]]] = {
    VaultReference: {"oneOf": [{"type": "string"}, {"$ref": f"#/types/{REFERENCE}"}]},
    **{
        kind: {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
        for kind in (Record, DashboardRecord)
    },
    Adoption: {"$ref": f"#/types/{ADOPTION}"},
    OldKey: {"$ref": f"#/types/{OLD_KEY}"},
    Place: {"$ref": f"#/types/{PLACE}"},
    Owed: {"$ref": f"#/types/{OWED}"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    **{kind: {"type": "string"} for kind in (str, SecretStr, Reason, OwedStep, timedelta)},
}


def build_schema() -> dict[str, Any]:
    """Return the package schema."""
    return {
        "name": "allomia",
        "displayName": "AlloMia",
        "version": __version__,
        "description": "Organization API keys of AlloMia: minted, rotated and revoked without losing a secret.",
        "keywords": ["pulumi", "allomia", "category/utility", "kind/native"],
        "license": "Apache-2.0",
        "meta": {"supportPack": True},
        "language": LANGUAGES,
        "config": {"variables": _configuration()},
        "types": {
            name: {"type": "object", "description": description, **_object(model, secrets=frozenset())}
            for name, model, description in TYPES
        },
        "provider": {"description": "Its settings are the stack configuration of the namespace `allomia`."},
        "resources": {
            DASHBOARD_KEY: _resource(DashboardInputs, DashboardState, DASHBOARD_DESCRIPTION, {"organizationId"}),
            ORGANIZATION_KEY: _resource(Inputs, KeyState, ORGANIZATION_DESCRIPTION, REPLACING),
        },
    }


def _configuration() -> dict[str, Any]:
    return {
        "apiUrl": {
            "type": "string",
            "description": "AlloMia's base URL; http only on loopback.",
            "default": DEFAULT_API_URL,
            "defaultInfo": {"environment": ["ALLOMIA_API_URL"]},
        },
        "tenantKeyRef": {
            "oneOf": [{"type": "string"}, {"$ref": f"#/types/{REFERENCE}"}],
            "description": "Where the tenant key lies in Vault: `mount/path#field`, or an object.",
            "defaultInfo": {"environment": ["ALLOMIA_TENANT_KEY_REF"]},
        },
        "vault": {
            "$ref": "pulumi.json#/Any",
            "description": (
                "Object: address, namespace, caCertFile, timeoutSeconds, auth {method, …}; also BAO_* and VAULT_*."
            ),
        },
        "owner": {
            "type": "string",
            "description": "Tells apart people who use the same project and stack names on one tenant.",
            "defaultInfo": {"environment": ["ALLOMIA_OWNER"]},
        },
        "keysPath": {
            "type": "string",
            "description": "Path of the key collection, which AlloMia does not document.",
            "default": DEFAULT_KEYS_PATH,
            "defaultInfo": {"environment": ["ALLOMIA_KEYS_PATH"]},
        },
    }


def _resource(
    asked: type[BaseModel], kept: type[BaseModel], description: str, replacing: Collection[str]
) -> dict[str, Any]:
    outputs = _object(kept, secrets=SECRET_OUTPUTS)
    inputs = _object(asked, secrets=frozenset())
    for name, declared in inputs["properties"].items():
        if name in replacing:
            declared["willReplaceOnChanges"] = True
    return {
        "description": description,
        "properties": outputs["properties"],
        "required": outputs["required"],
        "inputProperties": inputs["properties"],
        "requiredInputs": [name for name in inputs["required"] if name not in DEFAULTED],
    }


ORGANIZATION_DESCRIPTION: Final = (
    "An API key of one AlloMia organization: minted on create, rotated by triggers or age, and revoked on delete. "
    "Without `overlap`, rotation is a replacement; with it, an update in place that keeps the predecessor valid."
)
DASHBOARD_DESCRIPTION: Final = (
    "An API key of one AlloMia organization that a person made in the dashboard and put into Vault: proved, handed on, "
    "and watched until its predecessors are deleted. It needs nothing of AlloMia but what is documented."
)
TYPES: Final[tuple[tuple[str, type[BaseModel], str], ...]] = (
    (REFERENCE, VaultReference, "One field of one secret in Vault; `mount/path#field` says the same in short."),
    (PLACE, Place, "Where in Vault a key is also written to."),
    (OWED, Owed, "One step that a half-finished update still owes."),
    (ADOPTION, Adoption, "A key that exists already, to be taken over instead of making one."),
    (OLD_KEY, OldKey, "An earlier key made by hand, known by its version in Vault only."),
)


def _object(model: type[BaseModel], *, secrets: frozenset[str]) -> dict[str, Any]:
    """Describe a model's fields by their wire names."""
    fields = {str(field.alias): field for field in model.model_fields.values()}
    properties = {name: _property(field, is_secret=name in secrets) for name, field in fields.items()}
    return {"properties": properties, "required": [name for name, field in fields.items() if field.is_required()]}


def _property(field: FieldInfo, *, is_secret: bool) -> dict[str, Any]:
    kinds = _alternatives(field.annotation)
    declared = _kind(kinds[0])
    if field.description:
        declared["description"] = field.description
    if is_secret:
        declared["secret"] = True
    if isinstance(field.default, bool):
        declared["default"] = field.default
    return declared


def _alternatives(annotation: Any) -> list[Any]:  # noqa: ANN401 - an annotation is anything
    """Return a union's members without those that only stand for absence."""
    members = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return [member for member in members if member not in {type(None), Unknown}]


def _kind(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - an annotation is anything
    if kind in KINDS:
        return dict(KINDS[kind])
    arguments = get_args(kind)
    if get_origin(kind) is Mapping:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _kind(arguments[0])}
    if arguments and {type(argument) for argument in arguments} == {int}:
        return {"type": "integer"}
    if arguments:
        return _kind(arguments[0])
    raise TypeError(f"no schema for {kind!r}")


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(build_schema(), indent=2) + "\n")
    print(f"wrote {SCHEMA_FILE.name}")
