"""The recordings of organizations and their metadata: made, taken over, changed, about to end, and killed half-way."""

from __future__ import annotations

from tests.engine.recording.capturing import Known, record
from tests.engine.recording.files import Recording
from tests.engine.scenes import Scene, kill_once

FRESH, ADOPTED, UPDATED, ENDING, KNOWN, LATE = "fresh", "adopted", "updated", "ending", "known", "late"
PROFILE = ("name", "email", "address", "city", "stateProvince", "postalCode", "country", "phoneNumber", "timezone")
OTHERS = ("externalId", "createdBy", "createdAt")
FIELDS = """import pulumi

from MODULE import Organization, OrganizationApiKey, OrganizationMetadata

config = pulumi.Config()


def fields(name, city="San Francisco"):
    return {
        "name": name,
        "email": f"{name}@valley.example",
        "address": "123 Main Street",
        "city": city,
        "state_province": "CA",
        "postal_code": "94105",
        "country": "USA",
        "phone_number": "+14155551234",
        "timezone": "America/Los_Angeles",
    }


"""
CLINICS = (
    FIELDS
    + """fresh = Organization("fresh", external_id="emr-4711", **fields("fresh"))
adopted = Organization("adopted", adopt=config.require("adopted"), **fields("adopted"))
updated = Organization(
    "updated",
    tenant_key_ref="secret/allomia/recorded#api_key",
    **fields("updated", config.require("city")),
)
ending = Organization("ending", deactivate_on_destroy=True, **fields("ending"))
about = OrganizationMetadata(
    "about",
    organization_id=config.require("known"),
    metadata={"emrSystem": config.require("emr"), "beds": 12, "departments": ["cardiology", None]},
)
key = OrganizationApiKey(
    "key",
    organization_id=fresh.id,
    rotation_triggers={"city": config.require("city")},
    overlap="24h",
)
pulumi.export("key", key.secret)
pulumi.export("fresh", fresh.id)
"""
)
CLINIC_KILLED = (
    FIELDS
    + """kept = Organization("kept", **fields("kept"))
if config.get_bool("late"):
    late = Organization("late", **fields("late"))
"""
)


def clinics(scene: Scene, recording: Recording) -> None:
    """Make organizations and metadata of each kind, with a key beside them; change one of each."""
    workspace, profile = scene.workspace, _profile(ADOPTED)
    taken = scene.sandbox.add_organization(scene.tenant.id, ADOPTED, **profile)
    known = scene.sandbox.add_organization(scene.tenant.id, KNOWN)
    scene.sandbox.put_metadata(known, {"made": "by AlloMia"})
    values = {ADOPTED: taken, KNOWN: known, "city": "San Francisco", "emr": "Epic"}
    for name, value in values.items():
        workspace.config_set(f"clinic:{name}", value)
    scene.up().check()
    workspace.config_set("city", "Oakland")
    workspace.config_set("emr", "Cerner")
    scene.up().check()
    scene.up("--expect-no-changes").check()
    _record(scene, recording)


def clinic_killed(scene: Scene, recording: Recording) -> None:
    """Kill the run that makes the second organization, after AlloMia has made it."""
    scene.up().check()
    scene.workspace.config_set("late", "true")
    scene.sandbox.add_fault("delay_after", seconds=600.0, times=None, method="POST", path="*/organization*")
    kill_once(scene, lambda: LATE in {each.name for each in scene.sandbox.organizations()})
    _record(scene, recording)


def _record(scene: Scene, recording: Recording) -> None:
    made = scene.sandbox.organizations(scene.tenant.id)
    shown: dict[str, Known] = {}
    for each in made:
        about = {**each.fields, "externalId": each.external_id}
        fields = {name: "${tenant}" if about[name] == scene.tenant.id else about[name] for name in (*PROFILE, *OTHERS)}
        metadata = scene.sandbox.metadata(each.id)
        shown[each.id] = (fields, metadata and metadata["metadata"])
    record(scene, {each.name: each.id for each in made}, recording, shown)


def _profile(name: str) -> dict[str, str]:
    return {
        "email": f"{name}@valley.example",
        "address": "123 Main Street",
        "city": "San Francisco",
        "state_province": "CA",
        "postal_code": "94105",
        "country": "USA",
        "phone_number": "+14155551234",
        "timezone": "America/Los_Angeles",
    }
