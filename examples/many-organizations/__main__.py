"""A key for every clinic; one trigger rotates them all, and no organization waits for the slots of another."""

import pulumi

from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
clinics: dict[str, str] = config.require_object("clinics")
quarter = config.get("quarter") or "2026-Q4"


class Clinic(pulumi.ComponentResource):
    """What one clinic needs: here, its key."""

    def __init__(self, name: str, organization_id: str) -> None:
        super().__init__("example:index:Clinic", name)
        self.key = OrganizationApiKey(
            name,
            pulumi.ResourceOptions(parent=self),
            organization_id=organization_id,
            rotation_triggers={"quarter": quarter},
        )
        self.register_outputs({"keyId": self.key.key_id})


keys = {name: Clinic(name, organization_id).key for name, organization_id in clinics.items()}

pulumi.export("keyIds", {name: key.key_id for name, key in keys.items()})
pulumi.export("secrets", {name: key.secret for name, key in keys.items()})
