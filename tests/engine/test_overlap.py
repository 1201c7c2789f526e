"""Rotation by age and with overlap on the real engine: in place, one after another, and refused where it must be."""

from __future__ import annotations

import pytest

from tests.engine.scenes import EXAMPLES, PROJECT, SEVERAL, Calls, Scene, leaks, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

OVERLAPPING = SEVERAL.replace(
    'rotation_triggers={"quarter": config.require("quarter")},',
    'rotation_triggers={"quarter": config.require("quarter")},\n        overlap=config.get("overlap"),',
)


@pytest.fixture
def by_age(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    return set_scene(sandbox, openbao, workspace(EXAMPLES / "rotation-by-age"))


@pytest.mark.long
def test_a_key_rotates_by_age_and_its_predecessor_ends_after_the_overlap(by_age: Scene) -> None:
    scene, project = by_age, by_age.workspace
    scene.up().check()
    first = scene.secret()
    made = project.outputs()
    assert made["rotateAt"] == made["nextActionAt"]
    scene.jump(hours=90 * 24 - 1)
    with Calls(scene) as calls:
        project.up("--skip-preview", "--expect-no-changes").check()
    assert calls.allomia() == []

    scene.jump(hours=2)
    preview = project.preview().check()
    assert f"is due for rotation since {made['rotateAt']} (reason: schedule)" in preview.text
    assert scene.accepts(first) == 200
    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == [["listed", "minted", "verified"]]
    second = scene.secret()
    assert (scene.accepts(first), scene.accepts(second)) == (200, 200)
    assert resource(project.export(), "ehr-sync")["outputs"]["previousKeyId"] == made["keyId"]
    project.up("--skip-preview", "--expect-no-changes").check()

    scene.jump(hours=25)
    with Calls(scene) as calls:
        scene.up().check()
    assert [(sorted(each[:2]), each[2:]) for each in calls.allomia()] == [(["listed", "read"], ["revoked"])]
    assert (scene.accepts(first), scene.accepts(second)) == (401, 200)
    assert "previousKeyId" not in resource(project.export(), "ehr-sync")["outputs"]
    with Calls(scene) as calls:
        project.up("--skip-preview", "--expect-no-changes").check()
    assert calls.allomia() == []
    assert leaks(scene.canaries, state_texts(project)) == []
    project.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_a_refresh_reports_no_time(by_age: Scene) -> None:
    by_age.up().check()
    by_age.jump(hours=91 * 24)
    by_age.workspace.refresh("--skip-preview", "--expect-no-changes").check()
    assert len(by_age.alive()) == 1


@pytest.mark.long
def test_a_trigger_during_an_overlap_is_refused_with_the_way_out(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": OVERLAPPING})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="1", overlap="24h")
    scene.up().check()
    first = scene.secret("key-0")
    project.config_set("quarter", "2")
    scene.up().check()
    second = scene.secret("key-0")
    project.config_set("quarter", "3")
    refused = scene.up()
    assert refused.code != 0
    assert "stays valid until" in refused.text
    assert "remove overlap" in refused.text
    assert (scene.accepts(first), scene.accepts(second)) == (200, 200)
    project.run("config", "rm", "overlap").check()
    scene.up().check()
    third = scene.secret("key-0")
    assert [scene.accepts(secret) for secret in (first, second, third)] == [401, 401, 200]
    project.up("--skip-preview", "--expect-no-changes").check()


@pytest.mark.long
def test_a_nearly_full_organization_rotates_one_key_after_another(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": OVERLAPPING})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="3", overlap="1h")
    scene.up().check()
    old = project.outputs(show_secrets=True)
    project.config_set("quarter", "2")
    first = scene.up().check()
    assert "waits for a free slot" in first.text
    assert len(scene.alive()) == 5
    for _ in range(3):
        scene.jump(hours=2)
        scene.up().check()
    project.up("--skip-preview", "--expect-no-changes").check()
    new = project.outputs(show_secrets=True)
    assert [scene.accepts(secret) for secret in old.values()] == [401] * 3
    assert [scene.accepts(secret) for secret in new.values()] == [200] * 3


@pytest.mark.long
def test_a_key_revoked_outside_is_replaced_while_its_predecessor_works(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": OVERLAPPING})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="1", overlap="24h")
    scene.up().check()
    first = scene.secret("key-0")
    project.config_set("quarter", "2")
    scene.up().check()
    sandbox.revoke_by_hand(scene.organization, scene.alive()[-1])
    refreshed = project.refresh("--skip-preview").check()
    assert "its predecessor" in refreshed.text
    scene.up().check()
    third = scene.secret("key-0")
    assert (scene.accepts(first), scene.accepts(third)) == (200, 200)
    project.up("--skip-preview", "--expect-no-changes").check()


@pytest.mark.long
def test_two_tenants_in_one_program(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> None:
    project = workspace(EXAMPLES / "two-tenants")
    values = {}
    organizations = {}
    for name in ("north", "south"):
        tenant = sandbox.add_tenant(name)
        organizations[name] = sandbox.add_organization(tenant.id, name)
        kv = openbao.client().secrets.kv.v2
        kv.create_or_update_secret(f"allomia/{tenant.id}", {"api_key": tenant.key}, mount_point="secret")
        values[f"{name}Organization"] = organizations[name]
        values[f"{name}TenantKeyRef"] = f"secret/allomia/{tenant.id}#api_key"
    scene = set_scene(sandbox, openbao, project, **values)
    scene.up().check()
    secrets = project.outputs(show_secrets=True)
    for name, organization in organizations.items():
        assert sandbox.key_status(organization, secrets[f"{name}Secret"]) == 200
    project.refresh("--skip-preview", "--expect-no-changes").check()
    project.destroy("--skip-preview").check()
    assert [sandbox.alive(organization) for organization in organizations.values()] == [[], []]
