"""Keys of many clinics, as a platform engineer declares them."""

import json
from pathlib import Path

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
organizations = json.loads(Path("organizations.json").read_text())
for number in range(config.require_int("keysPerOrganization")):
    for clinic, organization_id in enumerate(organizations):
        OrganizationApiKey(
            f"clinic-{clinic}-{number}",
            organization_id=organization_id,
            rotation_triggers={"quarter": config.require("quarter")},
            overlap=config.get("overlap"),
        )
