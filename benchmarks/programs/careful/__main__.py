"""The same keys through a dynamic provider that an experienced engineer wrote with care in an afternoon."""

import json
from pathlib import Path

import pulumi
from keys import Key

config = pulumi.Config()
organizations = json.loads(Path("organizations.json").read_text())
for number in range(config.require_int("keysPerOrganization")):
    for clinic, organization_id in enumerate(organizations):
        Key(f"clinic-{clinic}-{number}", organization_id, config.require("quarter"), config.get("overlap"))
