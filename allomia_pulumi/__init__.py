"""Pulumi resources for AlloMia's organization API keys: minted, rotated and revoked without losing a secret."""

from allomia_pulumi._version import __version__
from allomia_pulumi.dynamic import DashboardApiKey, OrganizationApiKey
from allomia_pulumi.functions import (
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
from allomia_pulumi.resources.arguments import AdoptArgs, VaultReferenceArgs, VaultSecretArgs

__all__ = [
    "AdoptArgs",
    "ApiKeyInfo",
    "DashboardApiKey",
    "OrganizationApiKey",
    "OrganizationApiKeys",
    "OrganizationInfo",
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
