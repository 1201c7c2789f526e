"""The classes and functions of `allomia_pulumi.native`, by the name that Pulumi's tools give this package in Python.

What `pulumi import` and `pulumi convert` print imports `allomia_pulumi_sdk`; it works as it is printed.
"""

from allomia_pulumi.native import (
    AdoptArgs,
    ApiKeyInfo,
    DashboardApiKey,
    Organization,
    OrganizationApiKey,
    OrganizationApiKeys,
    OrganizationInfo,
    Provider,
    Timezone,
    VaultArgs,
    VaultAuthArgs,
    VaultReferenceArgs,
    VaultSecretArgs,
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
    "Provider",
    "Timezone",
    "VaultArgs",
    "VaultAuthArgs",
    "VaultReferenceArgs",
    "VaultSecretArgs",
    "get_organization",
    "get_organization_api_keys",
    "get_organization_api_keys_output",
    "get_organization_output",
    "get_organizations",
    "get_organizations_output",
]
