"""An organization and its key on the real engine, of both faces: from the first preview to the end of both."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.engine.scenes import PROJECTS, Calls, Scene, leaks, migrate, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeOrganization, Sandbox
from tools.engine.sdks import ensure_sdkgen

TOKEN = "allomia:index:Organization"
PROGRAM = """
import pulumi
from {face} import Organization, OrganizationApiKey

config = pulumi.Config()
clinic = Organization(
    "valley",
    name="Valley Health Clinic",
    email="ops@valley.example",
    address="123 Main Street",
    city=config.get("city") or "San Francisco",
    state_province="CA",
    postal_code="94105",
    country="USA",
    phone_number="+14155551234",
    timezone="America/Los_Angeles",
    external_id="emr-4711",
    deactivate_on_destroy=config.get_bool("deactivate"),
)
key = OrganizationApiKey("ehr-sync", organization_id=clinic.id)
pulumi.export("id", clinic.id)
pulumi.export("city", clinic.city)
pulumi.export("secret", key.secret)
"""
PASTED = """\
import pulumi
import allomia_pulumi_sdk as allomia

valley = allomia.Organization("valley",
    address="123 Main Street",
    city="San Francisco",
    country="USA",
    email="ops@valley.example",
    name="Valley Health Clinic",
    phone_number="+14155551234",
    postal_code="94105",
    state_province="CA",
    timezone=allomia.Timezone.LOS_ANGELES,
    opts = pulumi.ResourceOptions(protect=True))
"""
IMPORTED = {
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "state_province": "CA",
    "postal_code": "94105",
    "country": "USA",
    "phone_number": "+14155551234",
    "timezone": "America/Los_Angeles",
}
HINT = "with allomia_pulumi.Organization, `pulumi up` would take the organization for one that is still to be made"


@pytest.fixture(params=PROJECTS)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    program = PROGRAM.format(face=request.param)
    return set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECTS[request.param], "__main__.py": program}))


def there(scene: Scene) -> list[MadeOrganization]:
    """Return the tenant's organizations without the one that every scene has."""
    return [each for each in scene.sandbox.organizations(scene.tenant.id) if each.id != scene.organization]


def steps(scene: Scene, *arguments: str) -> dict[str, str]:
    """Return what a preview plans, by the resources' names."""
    shown = json.loads(scene.workspace.preview("--json", *arguments).check().stdout)
    return {step["urn"].rpartition("::")[2]: step["op"] for step in shown["steps"]}


def outputs_of(scene: Scene, name: str = "valley") -> dict[str, Any]:
    found: dict[str, Any] = resource(scene.workspace.export(), name)["outputs"]
    return found


def counted(calls: Calls, kind: str) -> int:
    return [each for process in calls.allomia() for each in process].count(kind)


def test_one_up_makes_an_organization_and_its_key_and_they_are_kept_as_declared(scene: Scene) -> None:
    project = scene.workspace
    with Calls(scene) as calls:
        assert {steps(scene)[name] for name in ("valley", "ehr-sync")} == {"create"}
    assert there(scene) == []
    assert counted(calls, "organization_created") == counted(calls, "minted") == 0

    with Calls(scene) as calls:
        made = scene.up().check()
    assert "warning" not in made.text
    assert counted(calls, "organization_created") == counted(calls, "minted") == 1
    (clinic,) = there(scene)
    assert project.outputs()["id"] == clinic.id == resource(project.export(), "valley")["id"]
    assert scene.sandbox.key_status(clinic.id, scene.secret()) == 200
    assert clinic.external_id == "emr-4711"

    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        scene.up("--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {})

    project.config_set("city", "Oakland")
    with Calls(scene) as calls:
        # The id stays known though outputs do not: the key waits for nothing.
        assert (steps(scene)["valley"], steps(scene).get("ehr-sync", "same")) == ("update", "same")
    assert counted(calls, "organization_updated") == 0
    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == [["organization_read", "organization_updated"]]
    assert project.outputs()["city"] == there(scene)[0].fields["city"] == "Oakland"
    assert leaks(scene.canaries, state_texts(project)) == []


@pytest.mark.catalogue(109)
def test_a_refresh_shows_drift_and_an_up_leaves_it(scene: Scene) -> None:
    scene.up().check()
    (clinic,) = there(scene)
    scene.sandbox.change_organization(clinic.id, city="Oslo")
    refreshed = scene.workspace.refresh("--skip-preview", "--diff").check()
    assert "1 updated" in refreshed.text
    assert re.search(r'city *: "San Francisco" *=> "Oslo"', refreshed.text)
    assert outputs_of(scene)["city"] == "Oslo"
    scene.up().check()
    assert scene.workspace.outputs()["city"] == there(scene)[0].fields["city"] == "Oslo"
    scene.sandbox.deactivate_organization(clinic.id)
    refreshed = scene.workspace.refresh("--skip-preview").check()
    assert "deactivated outside of Pulumi" in refreshed.text
    assert outputs_of(scene)["isActive"] is False
    scene.sandbox.change_organization(clinic.id, address="Karl Johans gate 1")
    with Calls(scene) as calls:
        scene.up("--refresh").check()
    assert counted(calls, "organization_updated") == counted(calls, "organization_created") == 0
    assert outputs_of(scene)["address"] == "Karl Johans gate 1"
    assert [each.id for each in there(scene)] == [clinic.id]


@pytest.mark.catalogue(103)
def test_a_forced_replacement_ends_at_the_duplicate_and_nothing_is_deactivated(scene: Scene) -> None:
    scene.workspace.config_set("deactivate", "true")
    scene.up().check()
    (clinic,) = there(scene)
    urn = resource(scene.workspace.export(), "valley")["urn"]
    for way in ("--replace", "--target-replace"):
        with Calls(scene) as calls:
            forced = scene.up(f"{way}={urn}")
        assert forced.code != 0
        assert clinic.id in forced.text
        assert "Traceback" not in forced.text
        assert counted(calls, "organization_created") == counted(calls, "organization_deactivated") == 0
    assert [(each.id, each.is_active) for each in there(scene)] == [(clinic.id, True)]
    scene.up("--expect-no-changes").check()


@pytest.mark.catalogue(105)
def test_a_destroy_revokes_the_key_and_leaves_the_organization(scene: Scene) -> None:
    scene.up().check()
    (clinic,) = there(scene)
    scene.workspace.config_set("deactivate", "true")
    ended = scene.workspace.destroy("--skip-preview").check()
    assert clinic.id in ended.text
    assert "lives on" in ended.text
    assert [(each.id, each.is_active) for each in there(scene)] == [(clinic.id, True)]
    assert scene.sandbox.alive(clinic.id) == []
    # What was forgotten is taken for a duplicate, and no second one is made.
    again = scene.up()
    assert again.code != 0
    assert clinic.id in again.text
    assert len(there(scene)) == 1


@pytest.mark.catalogue(106)
def test_a_destroy_with_the_applied_switch_revokes_the_key_and_then_deactivates(scene: Scene) -> None:
    scene.workspace.config_set("deactivate", "true")
    scene.up().check()
    (clinic,) = there(scene)
    by_hand = scene.sandbox.make_key_by_hand(clinic.id, "by hand")
    refused = scene.workspace.destroy("--skip-preview")
    assert refused.code != 0
    assert by_hand.id in refused.text
    assert there(scene)[0].is_active
    assert resource(scene.workspace.export(), "valley")["id"] == clinic.id
    scene.sandbox.revoke_by_hand(clinic.id, by_hand.id)
    with Calls(scene) as calls:
        scene.workspace.destroy("--skip-preview").check()
    assert counted(calls, "organization_deactivated") == 1
    assert [(each.id, each.is_active) for each in there(scene)] == [(clinic.id, False)]
    assert "valley" not in str(scene.workspace.export()["deployment"].get("resources", []))


def test_what_an_import_prints_is_pasted_and_plans_nothing(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": ""})
    scene = set_scene(sandbox, openbao, project)
    clinic = sandbox.add_organization(scene.tenant.id, "Valley Health Clinic", **IMPORTED)
    env = {"ALLOMIA_ENGINE_PROGRAM_GENERATOR": str(ensure_sdkgen())}
    with Calls(scene) as calls:
        imported = project.run("import", TOKEN, "valley", clinic, "--yes", "--skip-preview", env=env).check()
    assert not {"organization_created", "organization_updated"} & {each for run in calls.allomia() for each in run}
    printed = imported.stdout[imported.stdout.index("import pulumi\n") :].rstrip() + "\n"
    assert printed == PASTED
    assert HINT in imported.text
    project.write({"__main__.py": printed})
    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
        scene.up("--expect-no-changes").check()
    assert calls.allomia() == []
    project.write({"__main__.py": printed.replace("San Francisco", "Oakland")})
    scene.up().check()
    assert there(scene)[0].fields["city"] == "Oakland"


def test_a_program_looks_an_organization_up_and_imports_it_by_an_option(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    program = (
        "import pulumi\nimport allomia_pulumi.native as allomia\n"
        'found = allomia.Organization.get("found", pulumi.Config().require("clinic"))\n'
        'pulumi.export("zone", found.timezone)\n'
    )
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": program})
    scene = set_scene(sandbox, openbao, project)
    clinic = sandbox.add_organization(scene.tenant.id, "Valley Health Clinic", **IMPORTED)
    project.config_set("clinic", clinic)
    scene.up().check()
    assert project.outputs()["zone"] == "America/Los_Angeles"
    taken = PASTED.replace(
        "opts = pulumi.ResourceOptions(protect=True)", f'opts=pulumi.ResourceOptions(import_="{clinic}")'
    )
    project.write({"__main__.py": taken})
    scene.up().check()
    project.write({"__main__.py": PASTED.replace("protect=True", "")})
    with Calls(scene) as calls:
        scene.up("--expect-no-changes").check()
    assert calls.allomia() == []
    project.destroy("--skip-preview").check()
    assert [(each.id, each.is_active) for each in there(scene)] == [(clinic, True)]


def test_the_dynamic_face_adopts_and_follows_the_program_with_the_next_up(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    program = PROGRAM.format(face="allomia_pulumi").replace(
        "    external_id=", '    adopt=config.require("clinic"),\n    external_id='
    )
    scene = set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi"], "__main__.py": program}))
    clinic = sandbox.add_organization(scene.tenant.id, "Valley Health Clinic", **{**IMPORTED, "city": "Oslo"})
    scene.workspace.config_set("clinic", clinic)
    with Calls(scene) as calls:
        scene.up().check()
    assert counted(calls, "organization_created") == counted(calls, "organization_updated") == 0
    assert scene.workspace.outputs()["id"] == clinic
    scene.up().check()
    assert [each.fields["city"] for each in there(scene)] == ["San Francisco"]
    scene.up("--expect-no-changes").check()


@pytest.mark.catalogue(54)
def test_a_stack_of_the_dynamic_face_moves_to_the_plugin_in_place(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    program = PROGRAM.format(face="allomia_pulumi")
    scene = set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi"], "__main__.py": program}))
    scene.up().check()
    (clinic,), before = there(scene), outputs_of(scene)
    migrate(scene.workspace)
    with Calls(scene) as calls:
        scene.workspace.preview("--expect-no-changes").check()
        scene.up("--expect-no-changes").check()
    assert calls.allomia() == []
    moved = resource(scene.workspace.export(), "valley")
    assert (moved["type"], moved["id"]) == (TOKEN, clinic.id)
    # A secret is encrypted anew at each write.
    assert all("ciphertext" in each.pop("applied") for each in (moved["outputs"], before))
    assert moved["outputs"] == before
    scene.workspace.config_set("city", "Oakland")
    scene.up().check()
    assert there(scene)[0].fields["city"] == "Oakland"
    scene.workspace.destroy("--skip-preview").check()
    assert [(each.id, each.is_active) for each in there(scene)] == [(clinic.id, True)]
