"""The same resources through a provider that does nothing."""

import json
from pathlib import Path

import pulumi
from nothing import NothingProvider
from pulumi.dynamic import Resource


class Nothing(Resource):
    """One declared resource."""


config = pulumi.Config()
organizations = json.loads(Path("organizations.json").read_text())
for number in range(config.require_int("keysPerOrganization")):
    for clinic, organization_id in enumerate(organizations):
        name = f"clinic-{clinic}-{number}"
        settings = config.get("overlap") or ""
        parts = {"organizationId": organization_id, "quarter": config.require("quarter"), "settings": settings}
        Nothing(NothingProvider(), name, {**parts, "label": name})
