"""Replacements that a program or a command forces, on the real engine: what they end, and in which order."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, Scene, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

FIELDS = {
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "state_province": "CA",
    "postal_code": "94105",
    "country": "USA",
    "phone_number": "+14155551234",
    "timezone": "America/Los_Angeles",
}
CLINIC = """
import pulumi
from {face} import Organization

config = pulumi.Config()
Organization(
    "valley",
    name=config.get("name") or "Valley Health Clinic",
    city="San Francisco",
    **{fields},
    adopt=config.get("clinic"),
    deactivate_on_destroy=True,
    opts=pulumi.ResourceOptions(
        delete_before_replace=config.get_bool("before"),
        replace_on_changes=["name"] if config.get_bool("on_changes") else None,
    ),
)
"""
KEY = """
import pulumi
from {face} import OrganizationApiKey

config = pulumi.Config()
OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    vault_secret=config.get("place"),
    opts=pulumi.ResourceOptions(delete_before_replace=True),
)
"""


@pytest.fixture(params=PROJECTS)
def clinic(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    program = CLINIC.format(face=request.param, fields=FIELDS)
    return set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECTS[request.param], "__main__.py": program}))


def there(scene: Scene) -> list[tuple[str, bool | None]]:
    """Return the tenant's organizations, without the one that every scene has, and whether they are active."""
    found = scene.sandbox.organizations(scene.tenant.id)
    return [(each.id, each.is_active) for each in found if each.id != scene.organization]


@pytest.mark.catalogue(137)
def test_an_adopted_one_that_is_deleted_before_it_is_replaced_is_not_deactivated(clinic: Scene) -> None:
    project = clinic.workspace
    made = clinic.sandbox.add_organization(
        clinic.tenant.id, "Valley Health Clinic", **{**FIELDS, "city": "San Francisco"}
    )
    project.config_set("clinic", made)
    project.config_set("before", "true")
    clinic.up().check()
    urn = resource(project.export(), "valley")["urn"]
    forced = clinic.up("--target-replace", urn).check()
    assert "another record of this stack goes on using it" in forced.text
    assert there(clinic) == [(made, True)]
    clinic.up("--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert there(clinic) == [(made, False)]


@pytest.mark.catalogue(137)
@pytest.mark.parametrize("before", ["true", "false"])
def test_a_change_that_is_to_replace_one_is_refused_before_anything_is_done(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, before: str
) -> None:
    """Only the plugin tells the engine which inputs changed; with the other face the change is an update in place."""
    face = "allomia_pulumi.native"
    program = CLINIC.format(face=face, fields=FIELDS)
    project = workspace({"Pulumi.yaml": PROJECTS[face], "__main__.py": program})
    clinic = set_scene(sandbox, openbao, project)
    project.config_set("before", before)
    project.config_set("on_changes", "true")
    clinic.up().check()
    ((made, _),) = there(clinic)
    project.config_set("name", "Valley Health and Sons")
    for result in (project.preview(), clinic.up()):
        assert result.code != 0
        assert "an organization is never replaced" in result.text
    assert there(clinic) == [(made, True)]
    project.config_set("on_changes", "false")
    clinic.up().check()
    assert there(clinic) == [(made, True)]
    assert resource(project.export(), "valley")["outputs"]["name"] == "Valley Health and Sons"


@pytest.mark.catalogue(137)
def test_one_that_is_deleted_before_it_is_renamed_by_force_stays(clinic: Scene) -> None:
    project = clinic.workspace
    project.config_set("before", "true")
    clinic.up().check()
    ((made, _),) = there(clinic)
    project.config_set("name", "Valley Health and Sons")
    urn = resource(project.export(), "valley")["urn"]
    forced = clinic.up("--target-replace", urn)
    assert forced.code != 0
    assert "an organization is never replaced" in forced.text
    assert there(clinic) == [(made, True)]
    clinic.up().check()
    assert there(clinic) == [(made, True)]


@pytest.mark.catalogue(138)
@pytest.mark.parametrize("face", PROJECTS)
def test_g1_a_key_is_not_revoked_before_one_that_may_not_be_delivered(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, face: str
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS[face], "__main__.py": KEY.format(face=face)})
    scene = set_scene(sandbox, openbao, project)
    scene.up().check()
    (key,) = scene.alive()
    path = f"others/{scene.organization}"
    openbao.client().secrets.kv.v2.create_or_update_secret(path, {"api_key": "theirs"}, mount_point="secret")
    project.config_set("place", f"secret/{path}#api_key")
    urn = resource(project.export(), "ehr-sync")["urn"]
    forced = scene.up("--target-replace", urn)
    assert forced.code != 0
    assert "Traceback" not in forced.text
    assert scene.alive() == [key]
