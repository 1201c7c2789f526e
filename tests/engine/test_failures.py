"""What a person reads when something is wrong: one line, the next step, and no secret, on the real console."""

from __future__ import annotations

import re

import pytest

from tests.engine.scenes import PROJECT, SEVERAL, Scene, set_scene
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

UNSUPPORTED = SEVERAL.replace('"quarter": config.require("quarter")}', '"quarter": "1"}, keepers={}')


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": SEVERAL})
    return set_scene(sandbox, openbao, project, quarter="1", count="1")


def assert_clean(scene: Scene, result: Result, text: str) -> None:
    assert text in result.text
    assert "Traceback" not in result.text
    assert not re.search(r"site-packages|allomia_pulumi/|\.py\"", result.text)
    assert not any(canary in result.text for canary in scene.canaries)


def test_g5_an_error_of_the_provider_is_one_line(scene: Scene) -> None:
    scene.workspace.config_set("organizationId", "nope")
    for run in (scene.workspace.preview, scene.up):
        result = run()
        assert result.code != 0
        assert_clean(
            scene, result, "has a problem: organization nope does not exist, or the tenant key from Vault secret/"
        )
        assert "Check organization_id" in result.text


def test_g5_a_full_organization_fails_the_preview_by_the_names_of_its_keys(scene: Scene) -> None:
    for number in range(5):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    result = scene.workspace.preview()
    assert result.code != 0
    assert_clean(scene, result, "resource 'key-0' has a problem: organization")
    assert all(f"by hand {number}" in result.text for number in range(5))


@pytest.mark.catalogue(37)
def test_g5_a_vault_that_is_not_there_warns_in_preview_and_fails_the_run(scene: Scene) -> None:
    scene.workspace.env["VAULT_TOKEN"] = "s.canary0123456789"
    scene.canaries.append("s.canary0123456789")
    preview = scene.workspace.preview()
    assert preview.code == 0
    assert_clean(scene, preview, "warning: Vault at ")
    assert "; `pulumi up` will fail unless it runs with a credential that may." in preview.text
    result = scene.up()
    assert result.code != 0
    assert_clean(scene, result, "error: allomia: ")
    assert scene.alive() == []


@pytest.mark.shows_secrets("the key stands in the configuration, which the engine stores", "*.yaml", "*/state/*")
def test_g3_a_key_in_clear_as_a_reference_is_refused_unseen(scene: Scene) -> None:
    scene.workspace.config_set("allomia:tenantKeyRef", scene.tenant.key)
    result = scene.up()
    assert result.code != 0
    assert_clean(scene, result, "stack configuration allomia:tenantKeyRef is not a Vault reference")


def test_an_unsupported_argument_is_a_type_error(scene: Scene) -> None:
    scene.workspace.write({"__main__.py": UNSUPPORTED})
    result = scene.up()
    assert result.code != 0
    assert "TypeError" in result.text
    assert "keepers" in result.text


@pytest.mark.catalogue(9)
@pytest.mark.long
@pytest.mark.core
def test_g2_a_lost_answer_costs_no_secret_on_the_real_engine(scene: Scene) -> None:
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.up().check()
    secret = scene.secret("key-0")
    assert scene.accepts(secret) == 200
    assert len(scene.alive()) == 1


def test_g4_a_refresh_with_a_refused_tenant_key_keeps_the_state(scene: Scene) -> None:
    scene.up().check()
    scene.sandbox.rotate_tenant_key(scene.tenant.id)
    result = scene.workspace.refresh("--skip-preview")
    assert result.code != 0
    assert_clean(scene, result, "does not accept the key from Vault secret/")
    assert "--run-program" in result.text
    assert scene.accepts(scene.secret("key-0")) == 200


@pytest.mark.catalogue(49)
@pytest.mark.long
def test_a_preview_of_unknown_inputs_is_survived(scene: Scene) -> None:
    program = SEVERAL.replace("import pulumi\n", "import pulumi\nimport producer\n", 1).replace(
        '{"quarter": config.require("quarter")}', '{"quarter": producer.value(config.require("quarter"))}'
    )
    producer = """
import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult


class Provider(ResourceProvider):
    def diff(self, id_, olds, news):
        return DiffResult(changes=olds["wanted"] != news["wanted"])

    def create(self, props):
        return CreateResult("id", {**props, "made": props["wanted"]})

    def update(self, id_, olds, news):
        return UpdateResult({**news, "made": news["wanted"]})


class Producer(Resource, name="Producer"):
    made: pulumi.Output[str]

    def __init__(self, name, wanted):
        super().__init__(Provider(), name, {"wanted": wanted, "made": None})


def value(wanted):
    return Producer("producer", wanted).made
"""
    scene.workspace.write({"__main__.py": program, "producer.py": producer})
    scene.workspace.preview().check()
    scene.up().check()
    secret = scene.secret("key-0")
    scene.workspace.config_set("quarter", "2")
    preview = scene.workspace.preview().check()
    assert "the key may rotate" in preview.text
    scene.up().check()
    assert (scene.accepts(scene.secret("key-0")), scene.accepts(secret)) == (200, 401)
