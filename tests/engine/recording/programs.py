"""The programs whose states are recorded: a key of each kind, and a run that was killed."""

from __future__ import annotations

from datetime import timedelta

from tests.engine.moves import MODULES

DELIVERED, OVERLAPPING, BY_HAND, TAKEN_OVER = "delivered", "overlapping", "by-hand", "taken-over"
KEPT, LATE = "kept", "late"
AGE = timedelta(days=90)
"""The programs' `rotate_after`."""
TAKING_OVER = {
    "dynamic": """taken_over = OrganizationApiKey(
    "taken-over",
    organization_id=organizations["taken-over"],
    adopt={"key_id": config.require("takenOver"), "vault_secret": "secret/recorded/taken-over#api_key"},
    rotation_triggers=quarter,
    overlap="24h",
)
""",
    "plugin": """taken_over = OrganizationApiKey(
    "taken-over",
    pulumi.ResourceOptions(import_=f"{organizations['taken-over']}/{config.require('takenOver')}"),
    organization_id=organizations["taken-over"],
    rotation_triggers=quarter,
    overlap="24h",
)
""",
}
KEYS = """import pulumi

from MODULE import DashboardApiKey, OrganizationApiKey

config = pulumi.Config()
organizations = config.require_object("organizations")
quarter = {"quarter": config.require("quarter"), "clinic": "Zürich"}

delivered = OrganizationApiKey(
    "delivered",
    organization_id=organizations["delivered"],
    rotation_triggers=quarter,
    vault_secret={"mount": "secret", "path": "recorded/delivered", "field": "api_key"},
)
overlapping = OrganizationApiKey(
    "overlapping",
    pulumi.ResourceOptions(aliases=[pulumi.Alias(name="reader")]),
    organization_id=organizations["overlapping"],
    name="sync",
    rotation_triggers={"overlapping": config.require("overlapping")},
    rotate_after="90d",
    overlap="24h",
    vault_secret={"mount": "secret", "path": "recorded/overlapping", "field": "api_key"},
)
by_hand = DashboardApiKey(
    "by-hand",
    organization_id=organizations["by-hand"],
    vault_secret="secret/recorded/by-hand#api_key",
    rotate_after="90d",
    overlap="24h",
)
TAKING_OVER
for name, key in {
    "delivered": delivered,
    "overlapping": overlapping,
    "by-hand": by_hand,
    "taken-over": taken_over,
}.items():
    pulumi.export(name, key.secret)
"""
INTERRUPTED = """import pulumi

from MODULE import OrganizationApiKey

config = pulumi.Config()
organizations = config.require_object("organizations")
for name in config.require_object("names"):
    key = OrganizationApiKey(name, organization_id=organizations[name])
    pulumi.export(name, key.secret)
"""


def program(text: str, face: str) -> str:
    """Return the program as it reads on one face."""
    return text.replace("MODULE", MODULES[face]).replace("TAKING_OVER\n", TAKING_OVER[face])


def vault_path(name: str) -> str:
    """Return where in the mount `secret` the key of that name lies, if it lies in Vault at all."""
    return f"recorded/{name}"
