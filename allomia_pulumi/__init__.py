"""Pulumi resources for AlloMia's organizations, and their API keys: minted and rotated without losing a secret."""

import importlib
from typing import TYPE_CHECKING, Any

from allomia_pulumi._version import __version__

if TYPE_CHECKING:
    from allomia_pulumi.contracts.timezones import Timezone
    from allomia_pulumi.program.arguments import AdoptArgs, VaultReferenceArgs, VaultSecretArgs
    from allomia_pulumi.program.dynamic import DashboardApiKey, Organization, OrganizationApiKey
    from allomia_pulumi.program.functions import (
        ApiKeyInfo,
        OrganizationApiKeys,
        OrganizationInfo,
        get_organization,
        get_organization_api_keys,
        get_organization_api_keys_output,
        get_organization_output,
        get_organizations,
        get_organizations_output,
    )

__all__ = [
    "AdoptArgs",
    "ApiKeyInfo",
    "DashboardApiKey",
    "Organization",
    "OrganizationApiKey",
    "OrganizationApiKeys",
    "OrganizationInfo",
    "Timezone",
    "VaultReferenceArgs",
    "VaultSecretArgs",
    "__version__",
    "get_organization",
    "get_organization_api_keys",
    "get_organization_api_keys_output",
    "get_organization_output",
    "get_organizations",
    "get_organizations_output",
]

_CLASSES = "allomia_pulumi.program.dynamic"
_FUNCTIONS = "allomia_pulumi.program.functions"
_ARGUMENTS = "allomia_pulumi.program.arguments"
_PLACES = {
    "AdoptArgs": _ARGUMENTS,
    "ApiKeyInfo": _FUNCTIONS,
    "DashboardApiKey": _CLASSES,
    "Organization": _CLASSES,
    "OrganizationApiKey": _CLASSES,
    "OrganizationApiKeys": _FUNCTIONS,
    "OrganizationInfo": _FUNCTIONS,
    "Timezone": "allomia_pulumi.contracts.timezones",
    "VaultReferenceArgs": _ARGUMENTS,
    "VaultSecretArgs": _ARGUMENTS,
    "get_organization": _FUNCTIONS,
    "get_organization_api_keys": _FUNCTIONS,
    "get_organization_api_keys_output": _FUNCTIONS,
    "get_organization_output": _FUNCTIONS,
    "get_organizations": _FUNCTIONS,
    "get_organizations_output": _FUNCTIONS,
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes and functions
    """Load what a program asks for: the plugin and the command line pass through here too, and need no Pulumi SDK."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
