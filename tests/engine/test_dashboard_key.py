"""A key made by hand on the real engine, against an AlloMia that serves what it documents and nothing else."""

from __future__ import annotations

import pytest

from tests.engine.scenes import EXAMPLES, PROJECT, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeKey, Sandbox

METADATA = "secret/metadata/allomia/ehr"
MOVE = """
import pulumi
from pulumi import dynamic
from allomia_pulumi import DashboardApiKey, OrganizationApiKey

config = pulumi.Config()
place = {"mount": "secret", "path": "allomia/ehr", "field": "api_key"}
if config.get("adopt"):
    key = OrganizationApiKey(
        "ehr",
        organization_id=config.require("organizationId"),
        adopt={"key_id": config.require("adopt"), "vault_secret": place},
        rotation_triggers={"quarter": "1"},
        overlap="24h",
    )
else:
    key = DashboardApiKey("ehr", organization_id=config.require("organizationId"), vault_secret=place)
pulumi.export("secret", key.secret)


class Reader(dynamic.ResourceProvider):
    def create(self, props):
        return dynamic.CreateResult("reader", props)

    def diff(self, _id, olds, news):
        return dynamic.DiffResult(changes=olds["breaks"] != news["breaks"])

    def update(self, _id, olds, news):
        if news["breaks"] == "true":
            raise RuntimeError("the reader breaks")
        return dynamic.UpdateResult(news)


class ReaderOf(dynamic.Resource):
    def __init__(self, name, key):
        super().__init__(Reader(), name, {"key": key.id, "breaks": config.get("breaks") or "false"})


ReaderOf("reader", key)
"""


@pytest.fixture
def today(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLES / "dashboard-key"))
    scene.workspace.run("config", "rm", "allomia:tenantKeyRef").check()
    sandbox.settings(key_endpoints=False)
    return scene


def write(scene: Scene, name: str) -> MadeKey:
    """Make a key in the dashboard and write it to Vault, as a person does."""
    made = scene.sandbox.make_key_by_hand(scene.organization, name)
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret("allomia/ehr", {"api_key": made.key}, mount_point="secret")
    scene.canaries.append(made.key)
    return made


def forget_secret(scene: Scene) -> None:
    scene.openbao.client().secrets.kv.v2.delete_metadata_and_all_versions("allomia/ehr", mount_point="secret")


@pytest.mark.long
def test_a_rotation_by_hand_from_the_first_key_to_the_forgetting_of_the_old_one(today: Scene) -> None:
    scene, project = today, today.workspace
    forget_secret(scene)
    missing = project.preview()
    assert missing.code != 0
    assert "has no secret for secret/allomia/ehr#api_key" in missing.text
    first = write(scene, "ehr 2026-08")

    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == [["refused", "verified"]]
    assert calls.vault() == {"preflight": 1, METADATA: 2, "read": 1}
    assert scene.secret() == first.key
    made = project.outputs()
    assert (made["vaultSecretVersion"], made["previousKeys"]) == (1, [])

    with Calls(scene) as calls:
        project.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {"preflight": 1, METADATA: 1})

    scene.jump(hours=91 * 24)
    for result in (project.preview().check(), project.up("--skip-preview", "--expect-no-changes").check()):
        assert f"is due for rotation since {made['rotateAt']}" in result.text
        assert "Settings > API Keys > Add Key" in result.text

    second = write(scene, "ehr 2026-11")
    preview = project.preview().check()
    assert "due for rotation" not in preview.text
    assert project.outputs() == made
    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == [["refused", "verified"]]
    assert scene.secret() == second.key
    rotated = project.outputs()
    assert [old["version"] for old in rotated["previousKeys"]] == [1]
    project.up("--skip-preview", "--expect-no-changes").check()

    scene.jump(hours=25)
    watch_the_old_key(scene, first)

    end = project.destroy("--skip-preview").check()
    assert "no key was revoked" in end.text
    assert "version 2 of Vault secret/allomia/ehr#api_key" in end.text
    assert scene.accepts(second.key) == 200


def watch_the_old_key(scene: Scene, first: MadeKey) -> None:
    """See that an `up` speaks of an old key from the record, and that a refresh looks and forgets."""
    project = scene.workspace
    with Calls(scene) as calls:
        warned = project.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {"preflight": 1, METADATA: 1})
    assert "no refresh has looked yet whether AlloMia still accepts it" in warned.text
    assert "version 1 of Vault secret/allomia/ehr#api_key" in warned.text
    assert "Settings > API Keys, the trash icon" in warned.text
    assert "AlloMia still accepts an old key" in project.refresh().check().text
    with Calls(scene) as calls:
        warned = project.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {"preflight": 1, METADATA: 1})
    seen = project.outputs()["previousKeys"][0]["lookedAt"]
    assert f"as of the last refresh on {seen}; `pulumi refresh` looks again" in warned.text

    project.refresh("--expect-no-changes").check()
    scene.sandbox.revoke_by_hand(scene.organization, first.id)
    forgotten = project.refresh().check()
    assert "still accepts" not in forgotten.text
    # What the program exports follows with the next `up` only.
    project.up("--skip-preview", "--expect-no-changes").check()
    assert project.outputs()["previousKeys"] == []
    assert leaks(scene.canaries, [*state_texts(project), ("console", forgotten.text.encode())]) == []


def test_a_revoked_or_foreign_key_is_an_error_at_up_and_what_was_stays(today: Scene) -> None:
    scene, project = today, today.workspace
    forget_secret(scene)
    first = write(scene, "ehr")
    scene.up().check()
    foreign = scene.sandbox.add_organization(scene.tenant.id, "Hill Health")
    other = scene.sandbox.make_key_by_hand(foreign, "theirs")
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret("allomia/ehr", {"api_key": other.key}, mount_point="secret")
    refused = scene.up()
    assert refused.code != 0
    assert "it is another organization's key" in refused.text
    assert "Traceback" not in refused.text
    assert scene.secret() == first.key

    second = write(scene, "ehr again")
    scene.sandbox.revoke_by_hand(scene.organization, second.id)
    refused = scene.up()
    assert refused.code != 0
    assert "It is revoked, or not an AlloMia key" in refused.text
    assert scene.secret() == first.key

    third = write(scene, "ehr for good")
    scene.up().check()
    assert scene.secret() == third.key
    assert [old["version"] for old in project.outputs()["previousKeys"]] == [1]


@pytest.mark.long
def test_a_key_moves_between_both_resources_without_an_outage(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    scene = set_scene(sandbox, openbao, workspace({"__main__.py": MOVE, "Pulumi.yaml": PROJECT}))
    sandbox.settings(key_endpoints=True)
    forget_secret(scene)
    made = write(scene, "ehr")
    scene.up().check()
    scene.workspace.config_set("adopt", made.id).check()
    with Calls(scene) as calls:
        moved = scene.up().check()
    assert calls.allomia() == [["listed", "refused", "verified", "listed"]]
    assert "was not revoked: an OrganizationApiKey holds it now" in moved.text
    assert "delete it in AlloMia's dashboard" not in moved.text
    assert scene.secret() == made.key
    assert scene.alive() == [made.id]
    again = scene.workspace.up("--skip-preview", "--expect-no-changes").check()
    assert "`adopt` has done its work" in again.text
    # A forced replacement adopts the same key again, and its older record is deleted when the dependent is mended only.
    scene.workspace.config_set("breaks", "true").check()
    forced = scene.up("--replace", "**ehr")
    assert forced.code != 0
    assert "replac" in forced.text
    scene.workspace.config_set("breaks", "false").check()
    settled = scene.up().check()
    assert "was not revoked: it was adopted again" in settled.text
    assert scene.accepts(made.key) == 200
    scene.workspace.up("--skip-preview", "--expect-no-changes").check()
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


def test_without_key_endpoints_the_error_names_the_way_that_works(today: Scene) -> None:
    scene, project = today, today.workspace
    project.write(
        {
            "__main__.py": MOVE.replace('if config.get("adopt")', "if True").replace(
                'config.require("adopt")', '"some-key"'
            )
        }
    )
    project.env["ALLOMIA_TENANT_KEY"] = scene.tenant.key
    result = scene.up()
    assert result.code != 0
    assert "AlloMia serves no key endpoints" in result.text
    assert "Use a DashboardApiKey" in result.text
