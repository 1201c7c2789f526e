"""Rotation by age: the first `pulumi up` after 90 days makes a new key, and the old one stays valid for a day."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()

key = OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    rotate_after="90d",
    overlap="24h",
)

pulumi.export("keyId", key.key_id)
pulumi.export("secret", key.secret)
pulumi.export("rotateAt", key.rotate_at)
pulumi.export("nextActionAt", key.next_action_at)
