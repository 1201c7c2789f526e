"""Delivery to Vault: the key is where its readers look, and nowhere in Pulumi's state."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()

key = OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.get("quarter") or "2026-Q4"},
    overlap="24h",
    vault_secret={"mount": "secret", "path": config.get("path") or "allomia/ehr-sync", "field": "api_key"},
    secret_in_state=False,
)

pulumi.export("keyId", key.key_id)
pulumi.export("vaultSecretVersion", key.vault_secret_version)
pulumi.export("secretFingerprint", key.secret_fingerprint)
