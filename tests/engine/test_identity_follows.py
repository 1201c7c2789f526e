"""Identity and owner follow the resource: the table of what happens to a stack, and of how its keys then go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.core.marks import parse_mark, resource_mark
from tests.engine.moves import (
    KEPT,
    OVERLAPPING,
    OWNER,
    REPLACED,
    WITH_VAULT,
    Clinic,
    Move,
    move,
    open_clinic,
)
from tests.engine.scenes import Calls
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

Opening = Callable[..., Clinic]

FACES = ("dynamic", "plugin")
OLD_ENOUGH = timedelta(hours=25)
# These few are in `make test`; together they have each kind of move, each way of going on, and both faces.
CORE = {
    "step by step": {(Move.ALIAS, "dynamic"), (Move.STATE_MOVE, "plugin")},
    "at once": {(Move.STACK_RENAME, "dynamic"), (Move.OWNER_SET, "plugin")},
    "refresh": {(Move.COMPONENT, "dynamic")},
    "forced": {(Move.ALIAS, "dynamic")},
}


def cells(way: str) -> list[Any]:
    """Return every cell of the table for one way of going on; most are long."""
    return [
        pytest.param(what, face, id=f"{what}-{face}", marks=() if (what, face) in CORE[way] else (pytest.mark.long,))
        for what in Move
        for face in FACES
    ]


@pytest.fixture
def opening(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Opening:
    """Return a function that makes a stack with its keys on one face, and remembers their secrets' ends."""

    def make(face: str, what: Move | None = None) -> Clinic:
        owner = "" if what is Move.OWNER_SET else OWNER
        return open_clinic(sandbox, openbao, workspace, face, owner=owner)

    return make


def key_ids(clinic: Clinic) -> dict[str, str]:
    return {name: key["outputs"]["keyId"] for name, key in clinic.state().items()}


def assert_recorded(clinic: Clinic, former: dict[str, dict[str, Any]] | None) -> None:
    """See that records and Vault say who the keys are today, and who they were."""
    for name, key in clinic.state().items():
        record, today = key["outputs"]["record"], clinic.identity(name)
        assert (record["identity"], record["owner"]) == (today.model_dump(), clinic.owner)
        if former is not None:
            was = {"identity": former[name]["identity"], "owner": former[name]["owner"]}
            assert was in [{"identity": each["identity"], "owner": each["owner"]} for each in record["former"]]
        assert key["inputs"]["__lineage"] == record["lineage"]
    for name in WITH_VAULT:
        found = clinic.metadata(name)
        assert found["mark"] == resource_mark(clinic.identity(name), clinic.owner)
        assert found["key_id"] == clinic.state()[name]["outputs"]["keyId"]


def assert_marked(clinic: Clinic, name: str) -> None:
    """See that the current key carries today's mark, and the lineage that the state has."""
    key = clinic.state()[name]
    mark = parse_mark(key["outputs"]["keyName"])
    assert mark is not None
    assert mark.declared == resource_mark(clinic.identity(name), clinic.owner)
    assert mark.lineage == key["outputs"]["record"]["lineage"] == key["inputs"]["__lineage"]


def assert_quiet(clinic: Clinic) -> None:
    with Calls(clinic.scene) as calls:
        clinic.up("--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {})


def assert_no_orphan(clinic: Clinic) -> None:
    """See that no stack that may speak of these keys calls a living one its orphan, or ends it.

    By AlloMia's clock they are old enough: their age alone must not be what saves them.
    """
    alive = clinic.alive()
    clinic.scene.sandbox.settings(clock_offset_seconds=OLD_ENOUGH.total_seconds())
    for stack in clinic.stacks:
        text = clinic.orphans(stack, "--revoke", "--yes").text
        assert clinic.alive() == alive, text
    assert "no orphans" in clinic.orphans(clinic.stacks[0]).text
    clinic.scene.sandbox.settings(clock_offset_seconds=0)


def records_of(clinic: Clinic) -> dict[str, dict[str, Any]]:
    return {name: key["outputs"]["record"] for name, key in clinic.state().items()}


@pytest.mark.catalogue(68)
@pytest.mark.parametrize(("what", "face"), cells("step by step"))
def test_g1_g4_a_moved_key_is_recorded_in_place_and_goes_on_under_its_new_name(
    opening: Opening, what: Move, face: str
) -> None:
    clinic = opening(face, what)
    before, ids, alive = records_of(clinic), key_ids(clinic), clinic.alive()
    move(clinic, what)

    result = clinic.up().check()
    assert "~ 3 updated" in result.text
    assert (key_ids(clinic), clinic.alive()) == (ids, alive)
    assert_recorded(clinic, before)
    assert_quiet(clinic)
    assert_no_orphan(clinic)

    lineages = {name: record["lineage"] for name, record in before.items()}
    clinic.rotate()
    clinic.up().check()
    rotated = clinic.state()
    assert all(key["outputs"]["keyId"] != ids[name] for name, key in rotated.items())
    assert {name: key["outputs"]["record"]["lineage"] for name, key in rotated.items()} == lineages
    assert_recorded(clinic, before)
    assert len(clinic.alive()[REPLACED]) == 1
    assert rotated[OVERLAPPING]["outputs"]["previousKeyId"] == ids[OVERLAPPING]
    for name in rotated:
        assert_marked(clinic, name)
    assert_no_orphan(clinic)

    clinic.up(*(f"--target-replace={urn}" for urn in clinic.urns())).check()
    forced = key_ids(clinic)
    assert {name: set(keys) for name, keys in clinic.alive().items()} == {name: {forced[name]} for name in forced}
    for name in forced:
        assert_marked(clinic, name)

    clinic.scene.workspace.run("state", "taint", *clinic.urns(), "--yes").check()
    clinic.up().check()
    tainted = key_ids(clinic)
    assert {name: set(keys) for name, keys in clinic.alive().items()} == {name: {tainted[name]} for name in tainted}
    assert_recorded(clinic, None)
    assert_quiet(clinic)
    assert_no_orphan(clinic)


@pytest.mark.catalogue(68)
@pytest.mark.parametrize(("what", "face"), cells("at once"))
def test_g1_a_rotation_in_the_run_that_sees_the_move_makes_keys_of_todays_mark(
    opening: Opening, what: Move, face: str
) -> None:
    clinic = opening(face, what)
    before, ids = records_of(clinic), key_ids(clinic)
    move(clinic, what)
    clinic.rotate()
    clinic.up().check()
    rotated = clinic.state()
    assert all(key["outputs"]["keyId"] != ids[name] for name, key in rotated.items())
    assert_recorded(clinic, before)
    for name in rotated:
        assert_marked(clinic, name)
    assert rotated[KEPT]["outputs"]["previousKeyId"] == ids[KEPT]
    assert_quiet(clinic)
    assert_no_orphan(clinic)


@pytest.mark.catalogue(68)
@pytest.mark.parametrize(("what", "face"), cells("refresh"))
def test_g4_an_up_that_refreshes_first_records_the_move_too(opening: Opening, what: Move, face: str) -> None:
    clinic = opening(face, what)
    before, ids, alive = records_of(clinic), key_ids(clinic), clinic.alive()
    move(clinic, what)
    clinic.up("--refresh").check()
    assert (key_ids(clinic), clinic.alive()) == (ids, alive)
    assert_recorded(clinic, before)
    assert_quiet(clinic)
    clinic.scene.workspace.refresh("--skip-preview", "--expect-no-changes").check()
    assert_no_orphan(clinic)


@pytest.mark.catalogue(68)
@pytest.mark.parametrize(("what", "face"), cells("forced"))
def test_g2_a_forced_replacement_in_the_run_that_sees_the_move_is_refused_where_vault_has_the_key(
    opening: Opening, what: Move, face: str
) -> None:
    clinic = opening(face, what)
    ids, held = key_ids(clinic), {name: clinic.in_vault(name) for name in WITH_VAULT}
    clinic.scene.canaries.extend(held.values())
    workspace = clinic.scene.workspace
    workspace.run("state", "taint", *clinic.urns(), "--yes").check()
    move(clinic, what)

    # The engine tells a forced creation nothing of what it replaces, so who wrote the place is not known there.
    refused = clinic.up()
    assert refused.code != 0
    assert f"secret/{clinic.place(OVERLAPPING)['path']}" in refused.text
    assert "did not write" in refused.text
    for name in WITH_VAULT:
        assert clinic.in_vault(name) == held[name]
        assert clinic.scene.sandbox.key_status(clinic.organizations[name], held[name]) == 200

    tainted = [each["urn"] for each in workspace.export()["deployment"]["resources"] if each.get("taint")]
    waiting = [urn for urn in tainted if any(f"::{name}" in urn for name in WITH_VAULT)]
    workspace.run("state", "untaint", *waiting, "--yes").check()
    clinic.up().check()
    now = key_ids(clinic)
    assert {name: now[name] for name in WITH_VAULT} == {name: ids[name] for name in WITH_VAULT}
    assert (now[KEPT] == ids[KEPT], set(clinic.alive()[KEPT])) == (False, {now[KEPT]})
    assert_marked(clinic, KEPT)
    assert_recorded(clinic, None)
    assert_quiet(clinic)
    assert_no_orphan(clinic)


@pytest.mark.parametrize("face", ["dynamic", pytest.param("plugin", marks=pytest.mark.long)])
def test_an_owner_that_is_no_longer_set_keeps_the_recorded_one_and_shows_nothing(opening: Opening, face: str) -> None:
    clinic = opening(face)
    clinic.scene.workspace.run("config", "rm", "allomia:owner").check()
    assert_quiet(clinic)
    clinic.rotate()
    clinic.up().check()
    for name, record in records_of(clinic).items():
        assert record["owner"] == OWNER
        assert_marked(clinic, name)


@pytest.mark.parametrize("face", [pytest.param("dynamic", marks=pytest.mark.long), "plugin"])
def test_g4_while_vault_is_down_the_recorded_identity_stays_and_the_next_run_records_todays(
    opening: Opening, face: str
) -> None:
    clinic = opening(face)
    before, ids = records_of(clinic), key_ids(clinic)
    move(clinic, Move.ALIAS)
    # The tenant key comes from the environment, so that only the place in Vault is out of reach.
    workspace = clinic.scene.workspace
    reference = workspace.run("config", "get", "allomia:tenantKeyRef").check().stdout.strip()
    workspace.run("config", "rm", "allomia:tenantKeyRef").check()
    address = workspace.env["VAULT_ADDR"]
    workspace.env |= {"ALLOMIA_TENANT_KEY": clinic.scene.tenant.key, "VAULT_ADDR": "http://127.0.0.1:9"}
    down = clinic.up().check()
    assert "warning" in down.text
    after = records_of(clinic)
    assert key_ids(clinic) == ids
    assert {name: after[name]["identity"] for name in WITH_VAULT} == {
        name: before[name]["identity"] for name in WITH_VAULT
    }
    workspace.env["VAULT_ADDR"] = address
    del workspace.env["ALLOMIA_TENANT_KEY"]
    workspace.config_set("allomia:tenantKeyRef", reference)
    clinic.up().check()
    assert key_ids(clinic) == ids
    assert_recorded(clinic, before)
    assert_quiet(clinic)


@pytest.mark.catalogue(68)
@pytest.mark.parametrize("face", ["dynamic", pytest.param("plugin", marks=pytest.mark.long)])
def test_g2_a_new_key_under_a_former_name_never_writes_over_the_renamed_ones_secret(
    opening: Opening, face: str
) -> None:
    clinic = opening(face)
    held, ids = clinic.in_vault(REPLACED), key_ids(clinic)
    clinic.scene.canaries.append(held)
    move(clinic, Move.STATE_RENAME)
    new = {
        REPLACED: {
            "organization_id": clinic.organizations[KEPT],
            "vault_secret": clinic.place(REPLACED),
            "former": [],
        }
    }
    clinic.declare(more=new)
    refused = clinic.up()
    assert refused.code != 0
    assert f"secret/{clinic.place(REPLACED)['path']}" in refused.text
    assert clinic.in_vault(REPLACED) == held
    assert clinic.scene.sandbox.key_status(clinic.organizations[REPLACED], held) == 200
    assert [set(keys) for keys in clinic.alive().values()] == [{key_id} for key_id in ids.values()]
