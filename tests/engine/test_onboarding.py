"""The onboarding example on the real engine: rows become clinics with keys in Vault, and bad rows become lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import EXAMPLES, Scene, leaks, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeOrganization, Sandbox

EXAMPLE = EXAMPLES / "onboarding"
ALLOMIA = Path(sys.executable).parent / "allomia"


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    project = workspace(EXAMPLE)
    program = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    program["plugins"]["providers"][0]["path"] = str(Path(sys.executable).parent)
    project.write({"Pulumi.yaml": yaml.safe_dump(program)})
    scene = set_scene(sandbox, openbao, project)
    project.config_set("vaultPath", f"allomia/clinics/{scene.organization}")
    return scene


def clinics(scene: Scene) -> dict[str, MadeOrganization]:
    """Return the tenant's organizations by name, without the one that every scene has."""
    found = scene.sandbox.organizations(scene.tenant.id)
    return {each.name: each for each in found if each.id != scene.organization}


def stored(scene: Scene, slug: str) -> dict[str, str]:
    kv = scene.openbao.client().secrets.kv.v2
    answer = kv.read_secret_version(
        f"allomia/clinics/{scene.organization}/{slug}", mount_point="secret", raise_on_deleted_version=True
    )
    data: dict[str, str] = answer["data"]["data"]
    scene.canaries.append(data["api_key"])
    return data


def rows(scene: Scene) -> list[str]:
    return (scene.workspace.folder / "clinics.csv").read_text().splitlines()


def write_rows(scene: Scene, lines: list[str]) -> None:
    scene.workspace.write({"clinics.csv": "\n".join(lines) + "\n"})


def test_each_row_is_a_clinic_with_a_key_in_vault_and_nowhere_else(scene: Scene) -> None:
    project = scene.workspace
    made = project.up().check()
    found = clinics(scene)
    assert set(found) == {"Valley Health Clinic", "Clinique du Lac"}
    assert project.outputs()["organizations"] == {
        "valley": found["Valley Health Clinic"].id,
        "lakeside": found["Clinique du Lac"].id,
    }
    for slug, clinic in (("valley", found["Valley Health Clinic"]), ("lakeside", found["Clinique du Lac"])):
        key = stored(scene, slug)
        assert key["organization_id"] == clinic.id
        assert scene.sandbox.key_status(clinic.id, key["api_key"]) == 200
    project.up("--skip-preview", "--expect-no-changes").check()
    assert leaks(scene.canaries, [*state_texts(project), ("console", made.text.encode())]) == []


@pytest.mark.catalogue(129)
def test_a_bad_row_is_a_line_and_nothing_is_touched(scene: Scene) -> None:
    scene.up().check()
    before = scene.sandbox.last_event()
    header, valley, lakeside = rows(scene)
    write_rows(scene, [header, lakeside, valley.replace("San Francisco", ""), lakeside])
    failed = scene.up()
    assert failed.code != 0
    assert "clinics.csv, line 3: city is empty" in failed.text
    assert "clinics.csv, line 4: its slug 'lakeside' is that of an earlier row" in failed.text
    assert "Traceback" not in failed.text
    write_rows(scene, [header])
    emptied = scene.up()
    assert emptied.code != 0
    assert "clinics.csv: it has no clinics" in emptied.text
    assert [event.type for event in scene.sandbox.events(before) if event.credential != "none"] == []


@pytest.mark.long
def test_a_new_row_a_changed_cell_and_a_removed_row_touch_one_clinic_each(scene: Scene) -> None:
    scene.up().check()
    header, valley, lakeside = rows(scene)
    first = clinics(scene)
    hill = valley.replace("valley", "hill").replace("Valley", "Hill")
    write_rows(scene, [header, valley.replace("San Francisco", "Oakland"), lakeside, hill])
    scene.up().check()
    found = clinics(scene)
    assert set(found) == {*first, "Hill Health Clinic"}
    assert found["Valley Health Clinic"].id == first["Valley Health Clinic"].id
    assert found["Valley Health Clinic"].fields["city"] == "Oakland"
    write_rows(scene, [header, valley.replace("San Francisco", "Oakland"), hill])
    scene.up().check()
    lakeside_now = clinics(scene)["Clinique du Lac"]
    assert lakeside_now.is_active
    assert scene.sandbox.alive(lakeside_now.id) == []


@pytest.mark.long
def test_a_clinic_that_is_there_already_is_imported_and_then_is_a_row(scene: Scene) -> None:
    header, valley, lakeside = rows(scene)
    cells = dict(zip(header.split(","), valley.split(","), strict=True))
    fields = {name: cells[name] for name in cells if name not in {"slug", "name", "external_id"}}
    existing = scene.sandbox.add_organization(scene.tenant.id, "Hill Clinic", **fields)
    project = scene.workspace
    chosen = ("--organization", existing)
    project.call(ALLOMIA, "organizations", *chosen, "--import-file", "existing.json").check()
    project.run("import", "--file", "existing.json", "--protect=false", "--yes", "--generate-code=false").check()
    row = (
        valley.replace("valley", "hill-clinic", 1)
        .replace("Valley Health Clinic", "Hill Clinic")
        .removesuffix("emr-4711")
    )
    write_rows(scene, [header, lakeside, row])
    made = scene.up().check()
    assert "warning" not in made.text
    found = clinics(scene)
    assert set(found) == {"Clinique du Lac", "Hill Clinic"}
    assert found["Hill Clinic"].id == existing == resource(project.export(), "hill-clinic")["id"]
    assert stored(scene, "hill-clinic")["organization_id"] == existing
