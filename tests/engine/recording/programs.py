"""The programs whose states are recorded: a key of each kind, and runs that were killed or failed half-way."""

from __future__ import annotations

from datetime import timedelta

from tests.engine.moves import MODULES

DELIVERED, OVERLAPPING, BY_HAND, TAKEN_OVER = "delivered", "overlapping", "by-hand", "taken-over"
KEPT, LATE = "kept", "late"
OWING, CREATED, REPLACING, LOST = "owing", "created", "replacing", "lost"
UNSEEN, UNPROVED, OWN_KEY, NESTED, PROVIDED = "unseen", "unproved", "own-tenant-key", "nested", "provided"
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
HALF_DONE = """import pulumi

from MODULE import OrganizationApiKey

config = pulumi.Config()
organizations = config.require_object("organizations")
ASKED = {
    "owing": {
        "overlap": "24h",
        "vault_secret": {"mount": "secret", "path": "recorded/owing", "field": "api_key"},
    },
    "created": {"vault_secret": {"mount": "secret", "path": "recorded/created", "field": "api_key"}},
    "replacing": {},
    "lost": {"overlap": "24h"},
}
for name in config.require_object("names"):
    key = OrganizationApiKey(
        name,
        organization_id=organizations[name],
        rotation_triggers={"quarter": config.require(name)},
        **ASKED[name],
    )
    pulumi.export(name, key.secret)
"""
OPTIONS = """import pulumi

from MODULE import OrganizationApiKey

config = pulumi.Config()
organizations = config.require_object("organizations")
quarter = {"quarter": config.require("quarter")}


class Clinic(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("my:index:Clinic", name)


below = pulumi.ResourceOptions(
    parent=Clinic("clinic"), aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
)
unseen = OrganizationApiKey(
    "unseen",
    organization_id=organizations["unseen"],
    rotation_triggers=quarter,
    vault_secret={"mount": "secret", "path": "recorded/unseen", "field": "api_key"},
    secret_in_state=False,
)
unproved = OrganizationApiKey(
    "unproved",
    organization_id=organizations["unproved"],
    rotation_triggers=quarter,
    verify=False,
)
own_tenant_key = OrganizationApiKey(
    "own-tenant-key",
    organization_id=organizations["own-tenant-key"],
    rotation_triggers=quarter,
    rotate_after="30d",
    tenant_key_ref="secret/allomia/recorded#api_key",
)
nested = OrganizationApiKey(
    "nested",
    below,
    organization_id=organizations["nested"],
    rotation_triggers=quarter,
)
PROVIDED
for name, key in {"unproved": unproved, "own-tenant-key": own_tenant_key, "nested": nested}.items():
    pulumi.export(name, key.secret)
"""
PROVIDING = {
    "dynamic": "",
    "plugin": """from MODULE import Provider

settings = pulumi.Config("allomia")
own = Provider(
    "own",
    api_url=settings.require("apiUrl"),
    tenant_key_ref=settings.require("tenantKeyRef"),
    owner="the tests",
)
provided = OrganizationApiKey(
    "provided",
    pulumi.ResourceOptions(provider=own),
    organization_id=organizations["provided"],
    rotation_triggers=quarter,
)
pulumi.export("provided", provided.secret)
""",
}


def program(text: str, face: str) -> str:
    """Return the program as it reads on one face."""
    text = text.replace("TAKING_OVER\n", TAKING_OVER[face]).replace("PROVIDED\n", PROVIDING[face])
    return text.replace("MODULE", MODULES[face])


def vault_path(name: str) -> str:
    """Return where in the mount `secret` the key of that name lies, if it lies in Vault at all."""
    return f"recorded/{name}"
