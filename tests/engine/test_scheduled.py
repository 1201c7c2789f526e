"""The scheduled example's script on the real engine: it rotates, ends what is certain, and tells what needs care."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.engine.scenes import EXAMPLES, PROJECT, set_scene
from tests.fakes import LINEAGE
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import pulumi
from allomia_pulumi import OrganizationApiKey

key = OrganizationApiKey("ehr", organization_id=pulumi.Config().require("organizationId"), rotate_after="1s")
pulumi.export("keyId", key.key_id)
pulumi.export("nextActionAt", key.next_action_at)
"""


@pytest.mark.long
def test_a_scheduled_run_rotates_and_what_it_keeps_afterwards_does_not_fail_it(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    scene = set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM}))
    project = scene.workspace
    project.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{project.env['PATH']}"
    scene.up().check()
    name = make_mark(Identity(project="clinic", stack="test", name="ehr"), "", LINEAGE).name("ehr")
    left = scene.sandbox.make_key_by_hand(scene.organization, name)
    rotate = EXAMPLES / "scheduled" / "rotate.sh"

    refused = project.call(rotate)
    assert refused.code == 2
    assert "has no allomia:owner" in refused.text

    project.config_set("allomia:owner", "the tests")
    before = project.outputs()["keyId"]
    told = project.call(rotate).check()
    assert "needs care" in told.text
    assert left.id in told.text
    after = project.outputs()["keyId"]
    assert after != before
    assert sorted(scene.alive()) == sorted([after, left.id])
