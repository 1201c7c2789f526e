"""A key that a person made in AlloMia's dashboard: proved, handed to whatever uses it, and watched when it rotates."""

import pulumi

from allomia_pulumi import DashboardApiKey

config = pulumi.Config()

key = DashboardApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    vault_secret={"mount": "secret", "path": config.get("path") or "allomia/ehr", "field": "api_key"},
    rotate_after="90d",
    overlap="24h",
)

pulumi.export("secret", key.secret)
pulumi.export("secretFingerprint", key.secret_fingerprint)
pulumi.export("vaultSecretVersion", key.vault_secret_version)
pulumi.export("since", key.since)
pulumi.export("rotateAt", key.rotate_at)
pulumi.export("previousKeys", key.previous_keys)
