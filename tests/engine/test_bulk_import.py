"""Hundreds of clinics and their keys, declared by files that `allomia` writes and `pulumi import --file` reads."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.engine.scenes import PROJECTS, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeKey, Sandbox
from tools.engine.sdks import ensure_sdkgen
from tools.engine.workspace import Result

ALLOMIA = Path(sys.executable).parent / "allomia"
IMPORT_REFERENCE = "ALLOMIA_IMPORT_VAULT_SECRET"
PLACE = "secret/clinics/{organizationId}/{keyId}#api_key"
SECONDS = 600.0
FIELDS = {
    "address": "123 Main Street",
    "city": "San Francisco",
    "state_province": "CA",
    "postal_code": "94105",
    "country": "USA",
    "phone_number": "+14155551234",
    "timezone": "America/Los_Angeles",
}
PROVIDER = """
from allomia_pulumi.native import Provider

Provider("north", tenant_key_ref="{reference}", api_url="{address}")
"""
NAMES = ("Valley Health", "Clinique Médicale", "24h Clinic", "診療所", "import")


def fill(scene: Scene, count: int) -> list[str]:
    """Give the tenant more organizations, most with names of their own."""
    made = []
    for number in range(count):
        name = f"Clinic {number}" if number >= len(NAMES) else NAMES[number]
        email = f"ops@clinic-{number}.example"
        made.append(scene.sandbox.add_organization(scene.tenant.id, name, email=email, **FIELDS))
    return made


def make_keys(scene: Scene, organizations: list[str]) -> list[MadeKey]:
    """Make a key by hand in each organization, with a copy in Vault."""
    kv = scene.openbao.client().secrets.kv.v2
    made = []
    for each in organizations:
        key = scene.sandbox.make_key_by_hand(each, "EHR sync")
        kv.create_or_update_secret(f"clinics/{each}/{key.id}", {"api_key": key.key}, mount_point="secret")
        scene.canaries.append(key.key)
        made.append(key)
    return made


def import_file(scene: Scene, file: str, **env: str) -> tuple[Result, str]:
    """Import what a file names, as a user does, and return the program that Pulumi prints."""
    arguments = ("--file", file, "--out", f"{file}.py", "--yes", "--skip-preview")
    # The host of the tests has no generator of its own; it is Pulumi's, as in the vendor's host.
    env["ALLOMIA_ENGINE_PROGRAM_GENERATOR"] = str(ensure_sdkgen())
    imported = scene.workspace.run("import", *arguments, env=env, timeout=SECONDS).check()
    return imported, (scene.workspace.folder / f"{file}.py").read_text()


def entries(scene: Scene, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((scene.workspace.folder / file).read_text())["resources"]
    return found


@pytest.mark.catalogue(127)
@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.long)])
def test_clinics_and_keys_are_declared_by_one_file_each_and_the_next_preview_changes_nothing(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace, count: int
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": ""})
    scene = set_scene(sandbox, openbao, project)
    organizations = [scene.organization, *fill(scene, count - 1)]
    keys = make_keys(scene, organizations[: count // 5])

    project.call(ALLOMIA, "organizations", "--import-file", "clinics.json").check()
    wanted = entries(scene, "clinics.json")
    assert sorted(each["id"] for each in wanted) == sorted(organizations)
    with Calls(scene) as calls:
        imported, program = import_file(scene, "clinics.json")
    assert {name: number for name, number in count_calls(calls).items() if "organization" not in name} == {}
    state = {each["id"]: each for each in project.export()["deployment"]["resources"] if "id" in each}
    assert [state[each["id"]]["urn"].rpartition("::")[2] for each in wanted] == [each["name"] for each in wanted]

    project.write({"__main__.py": program})
    with Calls(scene) as calls:
        project.preview("--expect-no-changes").check()
    assert calls.allomia() == []
    nothing = project.call(ALLOMIA, "organizations", "--import-file", "again.json")
    assert nothing.code == 3
    assert f"{count} organizations left out" in nothing.stderr

    project.call(ALLOMIA, "keys", "--import-file", "keys.json").check()
    assert len(entries(scene, "keys.json")) == len(keys)
    imported_keys, more = import_file(scene, "keys.json", **{IMPORT_REFERENCE: PLACE})
    assert "the secret of key" not in imported_keys.text
    project.write({"__main__.py": program + more})
    project.preview("--expect-no-changes").check()
    project.up("--skip-preview", "--expect-no-changes").check()
    assert sum(len(scene.sandbox.alive(each)) for each in organizations) == len(keys)
    texts = [("console", each.text.encode()) for each in (imported, imported_keys, nothing)]
    assert leaks(scene.canaries, [*state_texts(project), *texts]) == []


def count_calls(calls: Calls) -> Counter[str]:
    return Counter(each for process in calls.allomia() for each in process)


@pytest.mark.catalogue(128)
def test_what_an_explicit_provider_sees_is_imported_through_it(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    project = workspace({"Pulumi.yaml": PROJECTS["allomia_pulumi.native"], "__main__.py": ""})
    scene = set_scene(sandbox, openbao, project)
    north = sandbox.add_tenant("north")
    clinic = sandbox.add_organization(north.id, "North Clinic", email="ops@north.example", **FIELDS)
    reference = f"secret/allomia/{north.id}#api_key"
    openbao.client().secrets.kv.v2.create_or_update_secret(
        f"allomia/{north.id}", {"api_key": north.key}, mount_point="secret"
    )
    program = PROVIDER.format(reference=reference, address=sandbox.address)
    project.write({"__main__.py": program})
    scene.up().check()
    project.call(ALLOMIA, "organizations", "--import-file", "clinics.json").check()
    named = {each["id"]: each.get("provider") for each in entries(scene, "clinics.json")}
    assert named == {scene.organization: None, clinic: "north"}
    arguments = ("--file", "clinics.json", "--yes", "--skip-preview", "--generate-code=false")
    project.run("import", *arguments).check()
    state = project.export()["deployment"]["resources"]
    providers = {each["id"]: each["provider"] for each in state if each["type"] == "allomia:index:Organization"}
    assert "::pulumi:providers:allomia::north::" in providers[clinic]
    assert "::pulumi:providers:allomia::default" in providers[scene.organization]
