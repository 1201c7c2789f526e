"""Clinics and a key for each, as a platform engineer declares them."""

import json
from pathlib import Path

from allomia_pulumi import Organization, OrganizationApiKey

for number in json.loads(Path("organizations.json").read_text()):
    clinic = Organization(
        f"clinic-{number}",
        name=f"Clinic {number}",
        email=f"ops-{number}@clinics.example",
        address="123 Main Street",
        city="San Francisco",
        state_province="CA",
        postal_code="94105",
        country="USA",
        phone_number="+14155551234",
        timezone="America/Los_Angeles",
    )
    OrganizationApiKey(f"key-{number}", organization_id=clinic.id)
