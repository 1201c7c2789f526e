"""What the plugin's face alone has: a provider with settings of its own, and keys that are looked up."""

from typing import assert_type

import pulumi

from allomia_pulumi.native import Organization, OrganizationApiKey, Provider, VaultArgs, VaultAuthArgs, get_organization

auth: VaultAuthArgs = {
    "method": "approle",
    "mount": "approle",
    "role": "pulumi",
    "audience": "vault",
    "token_env": "TOKEN",
    "token_file": "token",
    "role_id": "role",
    "secret_id_env": "SECRET_ID",
    "secret_id_file": "secret-id",
    "jwt_env": "JWT",
    "jwt_file": "jwt",
    "jwt_source": "github-actions",
}
vault: VaultArgs = {
    "address": "https://vault.example",
    "namespace": "clinics",
    "ca_cert_file": "ca.pem",
    "timeout_seconds": 10,
    "allow_plain_http": False,
    "auth": auth,
}
tenant = Provider(
    "second",
    pulumi.ResourceOptions(),
    api_url="https://allomia.example",
    tenant_key_ref="secret/tenant#key",
    vault=vault,
    owner="us",
    keys_path="/api/organization/{organizationId}/api-keys",
)
key = OrganizationApiKey("ehr", pulumi.ResourceOptions(provider=tenant), organization_id="org")
found = OrganizationApiKey.get("found", "org/key-1", pulumi.ResourceOptions(provider=tenant))
assert_type(found, OrganizationApiKey)
clinic = Organization.get("clinic", "org", pulumi.ResourceOptions(provider=tenant))
assert_type(clinic, Organization)
assert_type(get_organization(id="org").name, str)

Provider("secret", tenant_key="alm")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Provider("address", vault="https://vault.example")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
unknown_method: VaultAuthArgs = {"method": "userpass"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
unknown_source: VaultAuthArgs = {"method": "jwt", "jwt_source": "gitlab"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
Provider("method", vault={"auth": {"method": "ldap"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Provider("half a reference", tenant_key_ref={"mount": "secret"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization.get("no id")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OrganizationApiKey.get("no id")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
