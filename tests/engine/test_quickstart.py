"""The quickstart on the real engine, from preview to destroy, and what each step costs and leaves behind."""

from __future__ import annotations

import pytest

from tests.engine.scenes import EXAMPLES, Calls, Scene, leaks, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

ONE_READ = {"preflight": 1, "read": 1}
VERBOSE = ("--logtostderr", "--logflow", "-v=11")


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    return set_scene(sandbox, openbao, workspace(EXAMPLES / "quickstart"))


@pytest.mark.catalogue(50)
def test_a_key_lives_from_preview_to_destroy_at_the_promised_cost(scene: Scene) -> None:
    project = scene.workspace
    with Calls(scene) as calls:
        assert project.preview().code == 0
    assert calls.allomia() == [["listed"]]
    assert calls.vault() == ONE_READ

    with Calls(scene) as calls:
        project.up("--skip-preview").check()
    assert calls.allomia() == [["listed", "minted", "verified"]]
    assert calls.vault() == ONE_READ
    first = scene.secret()
    assert scene.accepts(first) == 200

    with Calls(scene) as calls:
        project.up("--expect-no-changes").check()
    assert calls.allomia() == []
    assert calls.vault() == {}

    project.config_set("quarter", "2027-Q1")
    with Calls(scene) as calls:
        result = project.up().check()
    assert calls.allomia() == [["listed"], ["listed", "minted", "verified", "revoked"]]
    assert calls.vault() == {"preflight": 2, "read": 2}
    assert "[diff: ~rotationTriggers]" in result.text
    second = scene.secret()
    assert (scene.accepts(second), scene.accepts(first)) == (200, 401)

    with Calls(scene) as calls:
        project.refresh("--skip-preview", "--expect-no-changes").check()
    assert calls.allomia() == [["listed"]]
    assert scene.secret() == second

    with Calls(scene) as calls:
        project.destroy("--skip-preview").check()
    assert calls.allomia() == [["revoked"]]
    assert scene.alive() == []


@pytest.mark.long
@pytest.mark.catalogue(73)
def test_behind_a_company_proxy_a_python_program_works_with_loopback_in_no_proxy(scene: Scene) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        scene.workspace.env[name] = "http://127.0.0.1:1"
    scene.workspace.env["no_proxy"] = "127.0.0.1,localhost"
    scene.up().check()
    assert scene.accepts(scene.secret()) == 200
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_g3_no_secret_in_state_console_or_the_most_verbose_log(scene: Scene) -> None:
    project = scene.workspace
    texts = []
    for name, arguments in (
        ("up", ("--yes", "--skip-preview")),
        ("rotate", ("--yes", "--skip-preview")),
        ("refresh", ("--yes", "--skip-preview")),
        ("destroy", ("--yes", "--skip-preview")),
    ):
        command = "up" if name == "rotate" else name
        if name == "rotate":
            project.config_set("quarter", "2027-Q1")
        result = project.run(command, *arguments, *VERBOSE).check()
        texts.append((name, result.text.encode()))
        if command == "up":
            scene.secret()
            texts += state_texts(project)
    texts += state_texts(project)
    assert len(scene.canaries) == 4
    assert leaks(scene.canaries, texts) == []
    assert leaks([scene.organization], texts) != [], "the search itself has to find what stands there in clear"


@pytest.mark.catalogue(50)
@pytest.mark.long
def test_a_refresh_never_rotates_and_keeps_the_secret(scene: Scene) -> None:
    project = scene.workspace
    scene.up().check()
    secret = scene.secret()
    project.config_set("quarter", "2027-Q1")
    project.refresh("--skip-preview", "--expect-no-changes", "--run-program").check()
    assert scene.secret() == secret
    project.up("--skip-preview", "--refresh").check()
    assert (scene.accepts(scene.secret()), scene.accepts(secret)) == (200, 401)


@pytest.mark.long
def test_destroy_revokes_also_when_the_program_is_broken(scene: Scene) -> None:
    scene.up().check()
    scene.workspace.write({"__main__.py": "raise SystemExit('broken')\n"})
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.catalogue(28)
@pytest.mark.long
def test_a_key_revoked_outside_is_dropped_by_refresh_and_made_anew(scene: Scene) -> None:
    scene.up().check()
    scene.sandbox.revoke_by_hand(scene.organization, scene.alive()[0])
    refreshed = scene.workspace.refresh("--skip-preview").check()
    assert "warning: key" in refreshed.text
    assert "was revoked outside of Pulumi" in refreshed.text
    scene.up().check()
    assert scene.accepts(scene.secret()) == 200


def test_state_holds_the_record_and_the_constant_provider(scene: Scene) -> None:
    scene.up().check()
    key = resource(scene.workspace.export(), "ehr-sync")
    outputs = key["outputs"]
    assert key["id"] == f"{scene.organization}/{outputs['keyId']}"
    assert set(outputs) == {
        "__provider",
        "createdAt",
        "keyId",
        "keyName",
        "pending",
        "record",
        "rotationReason",
        "secret",
        "secretFingerprint",
        "triggersHash",
    }
    record = outputs["record"]
    assert record["lineage"] == key["inputs"]["__lineage"]
    assert record == {
        "stateVersion": 1,
        "lineage": record["lineage"],
        "former": [],
        "foreignKeys": [],
        "hasMadePlace": False,
        "apiUrl": scene.sandbox.address,
        "keysPath": "/api/organization/{organizationId}/api-keys",
        "identity": {"project": "allomia-quickstart", "stack": "test", "parents": "", "name": "ehr-sync"},
        "owner": "",
        "settings": {
            "organizationId": scene.organization,
            "name": "ehr-sync",
            "secretInState": True,
            "verify": True,
        },
        "vaultVersions": [],
    }
    assert isinstance(outputs["__provider"], str)
    assert all("ciphertext" in outputs[name] for name in ("secret", "triggersHash"))
