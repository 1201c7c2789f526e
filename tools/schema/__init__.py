"""The package schema, generated from the core's models: `python -m tools.schema` writes it, a test holds it to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from allomia_pulumi._version import __version__
from allomia_pulumi.contracts.timezones import Timezone
from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    ORGANIZATION_METADATA,
    plugin_token,
)
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handmade_key.inputs import DashboardInputs
from allomia_pulumi.core.handmade_key.state import DashboardState, OldKey
from allomia_pulumi.core.minted_key.inputs import Adoption, Inputs
from allomia_pulumi.core.minted_key.listing import KeyQuery
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.organization.inputs import OrganizationInputs
from allomia_pulumi.core.organization.listing import OrganizationQuery
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.core.organization_metadata.inputs import MetadataInputs
from allomia_pulumi.core.organization_metadata.state import MetadataState
from allomia_pulumi.core.record import SECRET_OUTPUTS, Owed
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.program.dynamic import DashboardApiKey, Organization, OrganizationApiKey, OrganizationMetadata
from tools.engine.processes import CHECKOUT
from tools.schema import functions, settings
from tools.schema.kinds import ADOPTION, OLD_KEY, OWED, PLACE, REFERENCE, describe_fields
from tools.schema.texts import summary_of

__all__ = ["SCHEMA_FILE", "build_schema"]

TIMEZONE: Final = "allomia:index:Timezone"
SCHEMA_FILE: Final = CHECKOUT / "allomia_pulumi" / "provider" / "plugin" / "schema.json"
# Other changes replace a key too, but only one without `overlap`: their descriptions say so.
REPLACING: Final[Mapping[str, str]] = dict.fromkeys(
    (ORGANIZATION_API_KEY, DASHBOARD_API_KEY, ORGANIZATION_METADATA), "organizationId"
)
DEFAULTED: Final[Mapping[str, str]] = {ORGANIZATION_API_KEY: "name"}
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
IMPORT_DESCRIPTIONS: Final[Mapping[str, str]] = {
    ORGANIZATION_API_KEY: """\
## Import

A key that exists is imported by the ids of its organization and of the key:

```sh
pulumi import allomia:index:OrganizationApiKey NAME ORGANIZATION/KEY
```
""",
    ORGANIZATION: """\
## Import

An organization that exists is imported by its id:

```sh
pulumi import allomia:index:Organization NAME ORGANIZATION
```
""",
}
TYPES: Final[tuple[tuple[str, type[BaseModel], str], ...]] = (
    (REFERENCE, VaultReference, "One field of one secret in Vault; `mount/path#field` says the same in short."),
    (PLACE, VaultLocation, "Where in Vault a key is also written to; `mount/path#field` says the same in short."),
    (OWED, Owed, "One step that a half-finished update still owes."),
    (ADOPTION, Adoption, "A key that exists already, to be taken over instead of making one."),
    (OLD_KEY, OldKey, "An earlier key made by hand, known by its version in Vault only."),
)
Face: TypeAlias = type[DashboardApiKey | Organization | OrganizationApiKey | OrganizationMetadata]
MODELS: Final[Mapping[str, tuple[type[BaseModel], type[BaseModel], Face]]] = {
    DASHBOARD_API_KEY: (DashboardInputs, DashboardState, DashboardApiKey),
    ORGANIZATION: (OrganizationInputs, OrganizationState, Organization),
    ORGANIZATION_API_KEY: (Inputs, KeyState, OrganizationApiKey),
    ORGANIZATION_METADATA: (MetadataInputs, MetadataState, OrganizationMetadata),
}
# Others have no id that an import takes, and a listing is of such ids.
QUERIES: Final[Mapping[str, type[BaseModel]]] = {ORGANIZATION: OrganizationQuery, ORGANIZATION_API_KEY: KeyQuery}


def build_schema() -> dict[str, Any]:
    """Return the package schema."""
    return {
        "name": "allomia",
        "displayName": "AlloMia",
        "version": __version__,
        "description": "AlloMia's organizations, and their API keys: minted and rotated without losing a secret.",
        "keywords": ["pulumi", "allomia", "api-key", "rotation", "vault", "openbao", "category/utility", "kind/native"],
        "license": "Apache-2.0",
        "publisher": "The allomia-pulumi authors",
        "meta": {"supportPack": True},
        "language": LANGUAGES,
        "config": {"variables": settings.describe_variables()},
        "types": {
            **_types(),
            TIMEZONE: {
                "type": "string",
                "description": "A time zone that AlloMia documents.",
                "enum": [{"name": each.name.title().replace("_", ""), "value": each.value} for each in Timezone],
            },
            **settings.describe_types(),
            **functions.describe_types(),
        },
        "provider": {
            "description": "An explicit provider, such as one for a second tenant. Its settings are those of the stack "
            "configuration's namespace `allomia`, which it does not read; what it is not given comes from the "
            "environment of the plugin.",
            "inputProperties": settings.describe_provider(),
        },
        "resources": {plugin_token(kind): _resource(kind, *models) for kind, models in sorted(MODELS.items())},
        "functions": functions.describe_functions(),
    }


def _types() -> dict[str, Any]:
    types = {name: {"type": "object", "description": text, **describe_fields(model)} for name, model, text in TYPES}
    # Only a place in short leaves it to Vault where the mount ends.
    types[PLACE]["required"].insert(0, "mount")
    return types


def _resource(
    kind: str,
    asked: type[BaseModel],
    kept: type[BaseModel],
    face: Face,
) -> dict[str, Any]:
    outputs, inputs = describe_fields(kept, secrets=SECRET_OUTPUTS), describe_fields(asked)
    if kind == ORGANIZATION:
        # Any text may be given; an editor offers the documented ones.
        inputs["properties"]["timezone"] |= {"oneOf": [{"type": "string"}, {"$ref": f"#/types/{TIMEZONE}"}]}
        del inputs["properties"]["timezone"]["type"]
    if kind in REPLACING:
        inputs["properties"][REPLACING[kind]]["willReplaceOnChanges"] = True
    # The state leaves nothing out but what is None.
    always = [
        str(field.alias) for field in kept.model_fields.values() if field.is_required() or field.default is not None
    ]
    return {
        "description": "\n\n".join(filter(None, (summary_of(face), IMPORT_DESCRIPTIONS.get(kind)))),
        "properties": outputs["properties"],
        "required": always,
        "inputProperties": inputs["properties"],
        "requiredInputs": [name for name in inputs["required"] if name != DEFAULTED.get(kind)],
        **_listing(kind),
        # A program that is written anew in another language takes over the resources of the Python one.
        "aliases": [{"type": face.pulumi_type}],
    }


def _listing(kind: str) -> dict[str, Any]:
    """Return what a listing of a kind takes, which is what makes Pulumi's command offer one."""
    query = QUERIES.get(kind)
    return {"listInputs": {"type": "object", "properties": describe_fields(query)["properties"]}} if query else {}
