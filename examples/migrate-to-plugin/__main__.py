"""The program before the move; README.md shows the one line that changes."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()

key = OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.get("quarter") or "2026-Q4"},
    overlap="24h",
)

pulumi.export("keyId", key.key_id)
pulumi.export("secret", key.secret)
