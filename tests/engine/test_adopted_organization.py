"""A forced replacement of an organization that is adopted: two records for a while, and nobody is deactivated."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

FIELDS = {
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "state_province": "CA",
    "postal_code": "94105",
    "country": "USA",
    "phone_number": "+14155551234",
    "timezone": "America/Los_Angeles",
}
PROGRAM = """
import pulumi
from {face} import Organization

Organization(
    "valley",
    name="Valley Health Clinic",
    **{fields},
    adopt=pulumi.Config().require("clinic"),
    deactivate_on_destroy=True,
)
"""


@pytest.mark.catalogue(108)
@pytest.mark.parametrize("face", PROJECTS)
def test_it_is_taken_over_again_and_only_the_last_record_ends_it(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, face: str
) -> None:
    program = PROGRAM.format(face=face, fields=FIELDS)
    project = workspace({"Pulumi.yaml": PROJECTS[face], "__main__.py": program})
    scene = set_scene(sandbox, openbao, project)
    clinic = sandbox.add_organization(scene.tenant.id, "Valley Health Clinic", **FIELDS)
    project.config_set("clinic", clinic)

    def is_active() -> bool | None:
        return next(each.is_active for each in sandbox.organizations(scene.tenant.id) if each.id == clinic)

    scene.up().check()
    urn = resource(project.export(), "valley")["urn"]
    replaced = scene.up("--target-replace", urn).check()
    assert "another record of this stack goes on using it" in replaced.text
    assert is_active() is True
    assert resource(project.export(), "valley")["id"] == clinic
    scene.up("--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert is_active() is False
