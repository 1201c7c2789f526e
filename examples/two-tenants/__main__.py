"""Two tenants in one program: each key says where its tenant's key lies."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()

for tenant in ("north", "south"):
    key = OrganizationApiKey(
        f"{tenant}-ehr-sync",
        organization_id=config.require(f"{tenant}Organization"),
        tenant_key_ref=config.require(f"{tenant}TenantKeyRef"),
    )
    pulumi.export(f"{tenant}KeyId", key.key_id)
    pulumi.export(f"{tenant}Secret", key.secret)
