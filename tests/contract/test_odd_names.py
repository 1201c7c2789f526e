"""Keys that AlloMia lists with a name or an id that nobody can read or use: they hold slots, and block nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from allomia_pulumi.container import Container
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.queries import find_organization, list_organizations, survey_keys
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.provider.plugin.invokes import invoke
from tests.contract.faces import FACES, Face, FaceError
from tests.contract.scenes import ONE, TWO, Scene, Terminal
from tests.fakes import LINEAGE
from tools.engine.sandbox import Sandbox

ODD: list[dict[str, Any]] = [
    {"id": "odd-1", "name": "\ud800--p1"},
    {"id": "odd-2", "name": None},
    {"id": "odd-3", "name": 7},
    {"id": "org/key", "name": "with a slash"},
]


@pytest.fixture(autouse=True)
def without_faults(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.clear_faults()


def list_odd(scene: Scene | Terminal, odd: list[dict[str, Any]], *others: dict[str, Any]) -> None:
    """Let AlloMia list odd keys beside others."""
    moment = {"createdAt": "2026-01-01T00:00:00Z", "lastUsedAt": None}
    keys = [{**moment, **each} for each in (*odd, *others)]
    page = {"page": 1, "limit": 100, "total": len(keys), "totalPages": 1, "hasNextPage": False}
    body = json.dumps({"apiKeys": keys, "pagination": {**page, "hasPreviousPage": False}})
    scene.sandbox.add_fault("body_after", method="GET", path="*/api-keys", times=None, body=body)


@pytest.mark.catalogue(83)
@pytest.mark.parametrize("odd", ODD, ids=["half a character", "null", "a number", "a slash"])
def test_g4_refresh_and_rotation_go_on_beside_an_odd_key_in_the_list(scene: Scene, odd: dict[str, Any]) -> None:
    face = scene.face
    wanted = scene.news(ONE, rotateAfter="90d", overlap="1d")
    inputs = face.check({}, wanted)
    key_id, outputs = face.create(inputs)
    list_odd(scene, [odd], {"id": outputs["keyId"], "name": outputs["keyName"]})
    # Another process: this one remembers the list for a few seconds.
    with type(face)({"apiUrl": scene.sandbox.address}, {"ALLOMIA_TENANT_KEY": scene.tenant.key}) as fresh:
        read_id, outputs = fresh.read(key_id, outputs)
        assert read_id == key_id
    with type(face)({"apiUrl": scene.sandbox.address}, {"ALLOMIA_TENANT_KEY": scene.tenant.key}) as fresh:
        news = fresh.check(inputs, {**wanted, "rotationTriggers": TWO})
        assert fresh.diff(key_id, outputs, news).changes
        after = fresh.update(key_id, outputs, news)
    assert after["previousKeyId"] == outputs["keyId"]
    assert len(scene.sandbox.alive(scene.organization)) == 2


@pytest.mark.catalogue(83)
def test_odd_keys_hold_their_slots(scene: Scene) -> None:
    list_odd(scene, [*ODD, {"id": "odd-5", "name": "plain"}])
    with pytest.raises(FaceError, match=r"\(unusable id / org/key\)"):
        scene.face.check({}, scene.news())


@pytest.mark.catalogue(83)
def test_keys_shows_odd_keys_with_stand_ins_and_revoke_ends_the_others(terminal: Terminal) -> None:
    mine = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    list_odd(terminal, ODD, {"id": mine.id, "name": mine.name})
    shown = terminal.run("keys", "--organization", terminal.organization)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "5 of 5 slots used" in shown.stdout
    for stand_in in ("\N{REPLACEMENT CHARACTER}--p1 (not readable)", "(no readable name)", "(unusable id / org/key)"):
        assert stand_in in shown.stdout
    document = json.loads(terminal.run("keys", "--organization", terminal.organization, "--output", "json").stdout)
    assert [key["mark"] for key in document["organizations"][0]["keys"]] == [None] * 5
    for name in ("org/key", "(unusable id / org/key)"):
        refused = terminal.run("revoke", terminal.organization, name, "--yes")
        assert refused.returncode == 2
        assert "no request can name it; nothing was revoked" in refused.stderr
        assert "is deleted in its dashboard" in refused.stderr
    assert terminal.run("revoke", terminal.organization, mine.id, "--yes").returncode == 0
    assert terminal.sandbox.alive(terminal.organization) == []


ODD_ORGANIZATIONS: list[dict[str, Any]] = [
    {"id": "org/slash", "name": "with a slash"},
    {"id": "\ud800", "name": "half a character"},
    {"id": None, "name": None},
    {"id": None, "name": None},
    {"id": 7, "name": 7},
]
LEFT_OUT = "AlloMia lists 5 organizations with ids that no request can name"


def list_odd_organizations(scene: Scene | Terminal, *others: dict[str, Any], odd: Sequence[Any] = ()) -> None:
    """Let AlloMia list odd organizations beside others."""
    listed = [*(odd or ODD_ORGANIZATIONS), *others]
    page = {"page": 1, "limit": 100, "total": len(listed), "totalPages": 1, "hasNextPage": False}
    body = json.dumps({"organizations": listed, "pagination": {**page, "hasPreviousPage": False}})
    scene.sandbox.add_fault("body_after", method="GET", path="/api/organization", times=None, body=body)


@pytest.mark.catalogue(89)
def test_keys_and_orphans_show_the_others_beside_organizations_that_no_request_can_name(terminal: Terminal) -> None:
    marked = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    mine = terminal.sandbox.make_key_by_hand(terminal.organization, marked.name("ehr"))
    list_odd_organizations(terminal, {"id": terminal.organization, "name": "\ud800 clinic"})
    for command in ("keys", "orphans"):
        shown = terminal.run(command)
        assert mine.id in shown.stdout
        assert shown.stderr.splitlines()[0] == f"warning: {LEFT_OUT}: left out"
        assert shown.stderr.count("warning:") == 1
        assert shown.returncode == 1
    assert "\N{REPLACEMENT CHARACTER} clinic (not readable)" in terminal.run("keys").stdout
    told = terminal.run("keys", "--output", "json")
    document = json.loads(told.stdout)
    assert [each["id"] for each in document["organizations"]] == [terminal.organization]
    assert document["organizations"][0]["keys"][0]["id"] == mine.id
    assert document["unread"] == [f"{LEFT_OUT}: left out"]
    assert told.returncode == 1
    assert [each.id for each in terminal.sandbox.alive(terminal.organization)] == [mine.id]


@pytest.mark.catalogue(89)
@pytest.mark.parametrize("name", [None, 7, "\ud800"])
def test_an_organization_with_an_odd_name_is_shown_and_blocks_nothing(terminal: Terminal, name: object) -> None:
    mine = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    list_odd_organizations(terminal, odd=[{"id": terminal.organization, "name": name}])
    for output in ("table", "json"):
        shown = terminal.run("keys", "--output", output)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert mine.id in shown.stdout
        assert "not readable" in shown.stdout or "no readable name" in shown.stdout


@pytest.mark.catalogue(89)
def test_doctor_counts_organizations_that_no_request_can_name_and_looks_at_the_others(terminal: Terminal) -> None:
    list_odd_organizations(terminal, {"id": terminal.organization, "name": "Valley Health"})
    document = json.loads(terminal.run("doctor", "--output", "json").stdout)
    checks = {each["id"]: each for each in document["checks"]}
    assert (checks["organizations"]["state"], checks["slots"]["state"]) == ("care", "ok")
    assert checks["organizations"]["found"] == f"1 visible, and {LEFT_OUT}"


@pytest.mark.catalogue(89)
def test_functions_leave_out_organizations_that_no_request_can_name_with_one_warning(scene: Scene) -> None:
    list_odd_organizations(scene, {"id": scene.organization, "name": "Valley Health"})
    environ, clock = {"ALLOMIA_TENANT_KEY": scene.tenant.key}, SystemClock()
    warned: list[str] = []
    with closing(Container({"apiUrl": scene.sandbox.address}, environ, clock)) as session:
        function = "allomia:index:getOrganizations"
        found = invoke(function, {}, lambda: session.open(None), clock.now(), warned.append)
    assert [each["id"] for each in found["organizations"]] == [scene.organization]
    assert warned == [f"{LEFT_OUT}: left out"]


@pytest.mark.catalogue(89)
@pytest.mark.parametrize("listed", [[{"name": "x"}], [{"id": "org"}], [None], ["text"], [7], {"id": "org"}])
def test_g4_a_list_of_organizations_of_another_shape_is_still_an_error(terminal: Terminal, listed: Any) -> None:
    body = json.dumps({"organizations": listed, "pagination": {"total": 1, "hasNextPage": False}})
    terminal.sandbox.add_fault("body_after", method="GET", path="/api/organization", times=None, body=body)
    shown = terminal.run("keys")
    assert shown.returncode == 1
    assert shown.stdout == ""


@pytest.mark.catalogue(84)
@pytest.mark.parametrize("command", ["keys", "revoke"])
def test_g5_a_terminal_in_ascii_shows_the_closest_characters(terminal: Terminal, command: str) -> None:
    key = terminal.sandbox.make_key_by_hand(terminal.organization, "clé “prod” ж")
    arguments = {"keys": ["--organization", terminal.organization], "revoke": [terminal.organization, key.id, "--yes"]}
    shown = terminal.run(command, *arguments[command], LANG="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert 'cle "prod" ?' in shown.stdout
    assert shown.stdout.isascii()


@pytest.mark.catalogue(85)
def test_g3_no_known_secret_stands_in_what_keys_shows(terminal: Terminal) -> None:
    tenant = terminal.environ["ALLOMIA_TENANT_KEY"]
    terminal.sandbox.make_key_by_hand(terminal.organization, f"pasted {tenant} here")
    for output in ("table", "json"):
        shown = terminal.run("keys", "--organization", terminal.organization, "--output", output)
        assert shown.returncode == 0
        assert tenant not in shown.stdout
        assert re.search(r"pasted \[secret\] here", shown.stdout)


@pytest.mark.catalogue(85)
def test_g3_functions_return_no_known_secret(scene: Scene) -> None:
    name = f"pasted {scene.tenant.key} here"
    scene.sandbox.make_key_by_hand(scene.organization, name)
    other = scene.sandbox.add_organization(scene.tenant.id, name)
    environ = {"ALLOMIA_TENANT_KEY": scene.tenant.key}
    with closing(Container({"apiUrl": scene.sandbox.address}, environ, SystemClock())) as session:
        directory = session.open(None)
        found = find_organization(directory, organization_id=other, name=None)
        keys = survey_keys(directory, scene.organization, SystemClock().now()).keys
        listed = [each.name for each in list_organizations(directory, None, pytest.fail)]
    assert found.name == keys[0].name == keys[0].label == "pasted [secret] here"
    assert "pasted [secret] here" in listed


@pytest.mark.catalogue(82)
@pytest.mark.parametrize("face", FACES)
def test_each_run_warns_of_a_vault_that_is_reached_by_plain_http(face: type[Face]) -> None:
    vault = json.dumps({"address": "http://vault.invalid:8200", "allowPlainHttp": True})
    with face({"vault": vault, "tenantKeyRef": "secret/allomia/tenant#api_key"}, {}) as started:
        started.check({"organizationId": "org"}, {"organizationId": "org", "name": "ehr"})
        warned = [each for each in started.warnings if "is reached by plain http" in each]
    assert len(warned) == 1
