"""Delivery to a real OpenBao by the real engine: readers never see a 401, and nothing foreign is overwritten."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.scenes import EXAMPLES, Calls, Scene, leaks, migrate, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.processes import Child
from tools.engine.sandbox import Sandbox

CONSUMER = EXAMPLES / "vault-delivery" / "consumer.py"


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLES / "vault-delivery"))
    scene.workspace.config_set("path", f"allomia/keys/{scene.organization}")
    return scene


def stored(scene: Scene, version: int | None = None) -> dict[str, str]:
    """Return what a reader of Vault reads, and remember the key as a canary."""
    kv = scene.openbao.client().secrets.kv.v2
    answer = kv.read_secret_version(
        f"allomia/keys/{scene.organization}", version, "secret", raise_on_deleted_version=True
    )
    data: dict[str, str] = answer["data"]["data"]
    scene.canaries.append(data["api_key"])
    return data


@contextmanager
def consumer(scene: Scene, log: Path) -> Iterator[Child]:
    environment = {
        "ALLOMIA_API_URL": scene.sandbox.address,
        "ORGANIZATION_ID": scene.organization,
        "VAULT_ADDR": scene.openbao.address,
        "VAULT_TOKEN": scene.openbao.token,
        "SECRET_PATH": f"allomia/keys/{scene.organization}",
        "PAUSE": "0.2",
    }
    with Child("The consumer", [sys.executable, CONSUMER], log, environment=environment) as child:
        yield child


@pytest.mark.long
def test_a_reader_of_vault_sees_no_401_through_two_rotations(scene: Scene, tmp_path: Path) -> None:
    project = scene.workspace
    scene.up().check()
    with consumer(scene, tmp_path / "consumer.log") as reader:
        for version, quarter in ((2, "2027-Q1"), (3, "2027-Q2")):
            project.config_set("quarter", quarter)
            scene.up().check()
            reader.wait_for(rf"version {version}: 200")
            scene.jump(hours=25)
            scene.up().check()
        time.sleep(0.5)
        calls = [line.split(": ")[1] for line in reader.output().splitlines()]
    assert len(calls) > 20
    assert set(calls) == {"200"}
    assert len(scene.alive()) == 1


def test_g3_a_secret_that_is_not_in_state_is_nowhere_but_in_vault(scene: Scene) -> None:
    project = scene.workspace
    texts = []
    for quarter in ("2026-Q4", "2027-Q1"):
        project.config_set("quarter", quarter)
        result = project.up("--skip-preview", "--logtostderr", "--logflow", "-v=11").check()
        texts += [("console", result.text.encode()), *state_texts(project)]
        key = stored(scene)
        assert scene.accepts(key["api_key"]) == 200
        assert key["key_id"] == project.outputs()["keyId"]
        assert key["organization_id"] == scene.organization
    texts.append(("refresh", project.refresh("--skip-preview").check().text.encode()))
    texts.append(("export", str(project.export()).encode()))
    assert len(scene.canaries) == 4
    assert leaks(scene.canaries, texts) == []
    outputs = str(project.export())
    assert "'secret':" not in outputs.replace("'secretFingerprint'", "")


@pytest.mark.long
def test_the_calls_of_delivery_rotation_and_retirement(scene: Scene) -> None:
    with Calls(scene) as calls:
        scene.up().check()
    assert calls.allomia() == [["listed", "minted", "verified"]]
    first = calls.vault()
    assert first["read"] + first["preflight"] <= 8
    with Calls(scene) as calls:
        scene.workspace.up("--skip-preview", "--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {})


@pytest.mark.catalogue(41)
@pytest.mark.long
def test_somebody_elses_secret_is_an_error_in_preview_and_stays_untouched(scene: Scene) -> None:
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/keys/{scene.organization}", {"api_key": "theirs"}, mount_point="secret")
    for run in (scene.workspace.preview, scene.up):
        result = run()
        assert result.code != 0
        assert "holds a secret that this resource did not write" in result.text
        assert "set take_over in vault_secret" in result.text
    assert stored(scene)["api_key"] == "theirs"
    assert scene.alive() == []


@pytest.mark.catalogue(43)
@pytest.mark.long
def test_drift_in_vault_is_found_by_refresh_and_mended_by_up(scene: Scene) -> None:
    project = scene.workspace
    program = (project.folder / "__main__.py").read_text().replace("    secret_in_state=False,\n", "")
    project.write({"__main__.py": program})
    scene.up().check()
    key = stored(scene)["api_key"]
    kv = scene.openbao.client().secrets.kv.v2
    kv.delete_latest_version_of_secret(f"allomia/keys/{scene.organization}", mount_point="secret")
    refreshed = project.refresh("--skip-preview").check()
    assert "was deleted" in refreshed.text
    scene.up().check()
    assert stored(scene)["api_key"] == key
    project.up("--skip-preview", "--expect-no-changes").check()
    project.refresh("--skip-preview", "--expect-no-changes").check()


@pytest.mark.catalogue(38)
@pytest.mark.long
@pytest.mark.core
def test_g2_a_vault_that_refuses_after_the_mint_costs_no_key(scene: Scene) -> None:
    scene.up().check()
    first = stored(scene)["api_key"]
    root = scene.openbao.client()
    tenant, path = f"secret/data/allomia/{scene.tenant.id}", f"allomia/keys/{scene.organization}"
    rules = [
        f'path "{tenant}" {{ capabilities = ["read"] }}',
        f'path "secret/data/{path}" {{ capabilities = ["create", "update", "read"] }}',
        f'path "secret/metadata/{path}" {{ capabilities = ["create", "update", "read"] }}',
    ]
    root.sys.create_or_update_policy("narrow", "\n".join(rules))
    token = root.auth.token.create(policies=["narrow"])["auth"]["client_token"]
    scene.workspace.env["VAULT_TOKEN"] = token
    scene.workspace.config_set("quarter", "2027-Q1")
    root.sys.create_or_update_policy("narrow", rules[0])
    refused = scene.up()
    assert refused.code != 0
    assert "policy" in refused.text
    assert scene.accepts(first) == 200
    assert len(scene.alive()) == 1
    root.sys.create_or_update_policy("narrow", "\n".join(rules))
    scene.up().check()
    assert scene.accepts(stored(scene)["api_key"]) == 200


@pytest.mark.long
def test_destroy_clears_vault_of_what_this_key_wrote(scene: Scene) -> None:
    scene.up().check()
    scene.workspace.config_set("quarter", "2027-Q1")
    scene.up().check()
    keys = [stored(scene, version)["api_key"] for version in (1, 2)]
    scene.workspace.destroy("--skip-preview").check()
    assert [scene.accepts(key) for key in keys] == [401, 401]
    with pytest.raises(Exception, match=r"InvalidPath|None"):
        stored(scene)


@pytest.mark.long
@pytest.mark.parametrize("face", ["dynamic", "plugin"])
def test_g7_destroy_leaves_a_secret_that_others_prepared_as_they_had_it_and_it_serves_the_next_key(
    scene: Scene, face: str
) -> None:
    project = scene.workspace
    if face == "plugin":
        migrate(project)
    path = f"/v1/secret/metadata/allomia/keys/{scene.organization}"
    settings: dict[str, object] = {"max_versions": 7, "cas_required": True, "custom_metadata": {"team": "voice"}}
    scene.openbao.client().adapter.post(path, json=settings)
    for first in (1, 3):
        scene.up().check()
        project.config_set("quarter", f"2027-Q{first}")
        scene.up().check()
        assert stored(scene, first + 1)["key_id"] == project.outputs()["keyId"]
        project.destroy("--skip-preview").check()
        found = scene.openbao.client().adapter.get(path)["data"]
        assert {name: found[name] for name in settings} == settings
        assert [one["destroyed"] for one in found["versions"].values()] == [True] * (first + 1)
    assert scene.alive() == []
