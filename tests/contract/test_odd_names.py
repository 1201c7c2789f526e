"""Keys that AlloMia lists with a name or an id that nobody can read or use: they hold slots, and block nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from allomia_pulumi.container import Container
from allomia_pulumi.core.queries import find_organization, list_organizations, survey_keys
from allomia_pulumi.ground.clock import SystemClock
from tests.contract.faces import FACES, Face, FaceError
from tests.contract.scenes import ONE, TWO, Scene, Terminal
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
    document = json.loads(terminal.run("keys", "-o", terminal.organization, "--output", "json").stdout)
    assert [key["mark"] for key in document["organizations"][0]["keys"]] == [None] * 5
    for name in ("org/key", "(unusable id / org/key)"):
        refused = terminal.run("revoke", terminal.organization, name, "--yes")
        assert refused.returncode == 2
        assert "no request can name it; nothing was revoked" in refused.stderr
        assert "is deleted in its dashboard" in refused.stderr
    assert terminal.run("revoke", terminal.organization, mine.id, "--yes").returncode == 0
    assert terminal.sandbox.alive(terminal.organization) == []


@pytest.mark.catalogue(84)
@pytest.mark.parametrize("command", ["keys", "revoke"])
def test_g5_a_terminal_in_ascii_shows_the_closest_characters(terminal: Terminal, command: str) -> None:
    key = terminal.sandbox.make_key_by_hand(terminal.organization, "clé “prod” ж")
    arguments = {"keys": ["-o", terminal.organization], "revoke": [terminal.organization, key.id, "--yes"]}
    shown = terminal.run(command, *arguments[command], LANG="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert 'cle "prod" ?' in shown.stdout
    assert shown.stdout.isascii()


@pytest.mark.catalogue(85)
def test_g3_no_known_secret_stands_in_what_keys_shows(terminal: Terminal) -> None:
    tenant = terminal.environ["ALLOMIA_TENANT_KEY"]
    terminal.sandbox.make_key_by_hand(terminal.organization, f"pasted {tenant} here")
    for output in ("table", "json"):
        shown = terminal.run("keys", "-o", terminal.organization, "--output", output)
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
        listed = [each.name for each in list_organizations(directory)]
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
