"""Onboarding: each row of clinics.csv is a clinic in AlloMia, with a key that goes to Vault and nowhere else."""

from pathlib import Path

import pulumi
from clinics import BadClinics, read_clinics

from allomia_pulumi.native import Organization, OrganizationApiKey

config = pulumi.Config()
quarter = config.get("quarter") or "2026-Q4"
folder = config.get("vaultPath") or "allomia/clinics"

try:
    clinics = read_clinics(Path(__file__).with_name(config.get("clinics") or "clinics.csv"))
except BadClinics as problem:
    # Nothing is declared yet, so a file with a bad row takes nothing away. Pulumi shows this error as it is.
    raise pulumi.RunError(str(problem)) from None

organizations, places = {}, {}
for slug, clinic in clinics.items():
    organization = Organization(slug, **clinic)
    key = OrganizationApiKey(
        slug,
        organization_id=organization.id,
        rotation_triggers={"quarter": quarter},
        overlap="24h",
        vault_secret={"mount": "secret", "path": f"{folder}/{slug}", "field": "api_key"},
        secret_in_state=False,
    )
    organizations[slug] = organization.id
    places[slug] = pulumi.Output.format("secret/{0}/{1}, version {2}", folder, slug, key.vault_secret_version)

pulumi.export("organizations", organizations)
pulumi.export("keys", places)
