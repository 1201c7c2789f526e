"""One key: minted by the first `pulumi up`, rotated when the quarter changes, revoked by `pulumi destroy`."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()

key = OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.get("quarter") or "2026-Q4"},
)

pulumi.export("keyId", key.key_id)
pulumi.export("secret", key.secret)
