"""An allomia provider on a class of the dynamic face ends the program before anything is made, on the real engine."""

from __future__ import annotations

import pytest

from tests.engine.scenes import PROJECTS, Calls, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import pulumi
from allomia_pulumi import OrganizationApiKey
from allomia_pulumi.native import Provider


class Clinic(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("my:index:Clinic", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        OrganizationApiKey("ehr", below, organization_id=config.require("organizationId"))


config = pulumi.Config()
if config.get_bool("provided"):
    north = Provider("north", api_url="https://north.example", tenant_key_ref="secret/allomia/north#api_key")
    Clinic("valley", pulumi.ResourceOptions(providers=[north]))
else:
    Clinic("valley")
"""


@pytest.mark.catalogue(98)
def test_a_component_with_an_allomia_provider_makes_no_key_of_another_tenant(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": PROGRAM})
    scene = set_scene(sandbox, openbao, project, provided="true")
    with Calls(scene) as calls:
        refused = [project.preview(), scene.up()]
    for result in refused:
        assert result.code != 0
        assert "Traceback" not in result.text
        lines = [each for each in result.text.splitlines() if "OrganizationApiKey ehr: " in each]
        assert lines
        for line in lines:
            assert "its parent hands on an allomia provider" in line
            assert "Use allomia_pulumi.native.OrganizationApiKey" in line
    assert (calls.allomia(), scene.alive()) == ([], [])

    project.config_set("provided", "false")
    scene.up().check()
    assert len(scene.alive()) == 1
