"""Rotation on the real engine: slots, replacements that the provider cannot foresee, and renamed resources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.scenes import EXAMPLES, PROJECT, SEVERAL, Scene, resource, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

SINGLE = """
import pulumi
from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
key = OrganizationApiKey(
    "ehr-sync",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.require("quarter")},
)
pulumi.export("secret", key.secret)
"""

CONSUMER = """
class Consumer(pulumi.dynamic.ResourceProvider):
    def check(self, olds, news):
        return pulumi.dynamic.CheckResult(news, [])

    def diff(self, id_, olds, news):
        return pulumi.dynamic.DiffResult(changes=olds["secret"] != news["secret"])

    def create(self, props):
        return pulumi.dynamic.CreateResult("consumer", props)

    def update(self, id_, olds, news):
        import os

        if os.path.exists("broken"):
            raise Exception("the consumer does not take the new key")
        return pulumi.dynamic.UpdateResult(news)


class ConsumerResource(pulumi.dynamic.Resource, name="Consumer"):
    def __init__(self, name, secret):
        super().__init__(Consumer(), name, {"secret": secret})


ConsumerResource("consumer", key.secret)
"""


@pytest.fixture
def single(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": SINGLE})
    return set_scene(sandbox, openbao, project, quarter="1")


@pytest.mark.catalogue(35)
@pytest.mark.long
def test_g1_four_keys_of_one_organization_and_one_trigger_take_four_runs(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": SEVERAL})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="4")
    scene.up().check()
    old = project.outputs(show_secrets=True)
    project.config_set("quarter", "2")
    for run in range(1, 5):
        before = sandbox.last_event()
        said = scene.up().check().text
        minted = [event for event in sandbox.events(before) if event.type == "minted"]
        assert len(minted) == 1
        assert said.count("waits for a free slot") >= 4 - run
        assert ("waits for a free slot" in said) == (run < 4)
        assert len(scene.alive()) == 4
    new = project.outputs(show_secrets=True)
    assert [scene.accepts(secret) for secret in old.values()] == [401] * 4
    assert [scene.accepts(secret) for secret in new.values()] == [200] * 4
    project.up("--skip-preview", "--expect-no-changes").check()


@pytest.mark.long
def test_two_keys_of_one_organization_rotate_together(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": SEVERAL})
    scene = set_scene(sandbox, openbao, project, quarter="1", count="2")
    scene.up().check()
    project.config_set("quarter", "2")
    assert "waits" not in scene.up().check().text
    project.up("--skip-preview", "--expect-no-changes").check()
    counts = [event.type for event in sandbox.events() if event.organization_id == scene.organization]
    assert (counts.count("minted"), counts.count("revoked")) == (4, 2)


@pytest.mark.long
def test_many_organizations_rotate_with_one_trigger(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace(EXAMPLES / "many-organizations")
    scene = set_scene(sandbox, openbao, project)
    clinics = {f"clinic-{n}": sandbox.add_organization(scene.tenant.id, f"Clinic {n}") for n in range(3)}
    project.config_set("clinics", json.dumps(clinics))
    scene.up().check()
    old = project.outputs(show_secrets=True)["secrets"]
    project.config_set("quarter", "2027-Q1")
    scene.up().check()
    new = project.outputs(show_secrets=True)["secrets"]
    for name, organization in clinics.items():
        assert sandbox.key_status(organization, old[name]) == 401
        assert sandbox.key_status(organization, new[name]) == 200
    outputs = [entry.get("outputs", {}) for entry in project.export()["deployment"]["resources"]]
    parents = [entry["record"]["identity"]["parents"] for entry in outputs if "record" in entry]
    assert parents == ["example:index:Clinic"] * 3
    project.destroy("--skip-preview").check()
    assert [sandbox.alive(organization) for organization in clinics.values()] == [[], [], []]


@pytest.mark.long
def test_an_old_key_stays_until_its_consumers_have_the_new_one(single: Scene) -> None:
    project = single.workspace
    project.write({"__main__.py": SINGLE + CONSUMER})
    single.up().check()
    old = single.secret()
    project.config_set("quarter", "2")
    project.write({"broken": ""})
    failed = single.up()
    assert failed.code != 0
    new = single.secret()
    assert (single.accepts(old), single.accepts(new)) == (200, 200)
    (project.folder / "broken").unlink()
    single.up().check()
    assert single.secret() == new
    assert (single.accepts(old), single.accepts(new)) == (401, 200)


@pytest.mark.long
@pytest.mark.parametrize("way", ["target", "taint"])
def test_a_replacement_that_the_engine_decides_alone_works_and_is_spoken_of(single: Scene, way: str) -> None:
    project = single.workspace
    single.up().check()
    old, old_id = single.secret(), single.alive()[0]
    urn = resource(project.export(), "ehr-sync")["urn"]
    if way == "taint":
        project.run("state", "taint", urn, "--yes").check()
    result = single.up(*(["--target-replace", urn] if way == "target" else [])).check()
    assert (single.accepts(single.secret()), single.accepts(old)) == (200, 401)
    assert old_id in result.text
    assert "already has a key with this resource's mark" in result.text


@pytest.mark.catalogue(54)
@pytest.mark.long
def test_a_renamed_resource_with_an_alias_keeps_its_key(single: Scene) -> None:
    project = single.workspace
    single.up().check()
    secret = single.secret()
    renamed = SINGLE.replace(
        '    "ehr-sync",\n', '    "renamed",\n    pulumi.ResourceOptions(aliases=[pulumi.Alias("ehr-sync")]),\n'
    )
    assert "renamed" in renamed
    project.write({"__main__.py": renamed})
    single.up().check()
    assert single.secret() == secret
    project.refresh("--skip-preview", "--expect-no-changes").check()
    project.config_set("quarter", "2")
    single.up().check()
    assert (single.accepts(single.secret()), single.accepts(secret)) == (200, 401)


@pytest.mark.long
def test_triggers_that_come_and_go_are_recorded_and_move_no_key(single: Scene) -> None:
    project = single.workspace
    without = SINGLE.replace('    rotation_triggers={"quarter": config.require("quarter")},\n', "")
    project.write({"__main__.py": without})
    single.up().check()
    secret = single.secret()
    for program in (SINGLE, without):
        project.write({"__main__.py": program})
        single.up().check()
    assert single.secret() == secret
    project.up("--skip-preview", "--expect-no-changes").check()


@pytest.mark.long
def test_a_moved_project_and_edited_code_change_nothing(single: Scene, tmp_path: Path) -> None:
    single.up().check()
    project = single.workspace
    elsewhere = tmp_path / "elsewhere"
    project.folder.rename(elsewhere)
    project.folder = elsewhere
    project.write({"__main__.py": "# a comment\n" + SINGLE})
    project.run("stack", "select", "test").check()
    project.up("--skip-preview", "--expect-no-changes").check()
