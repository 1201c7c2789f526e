"""`pulumi do … list` on the real engine: what it finds is imported, in pages, and never with a secret."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi import __version__
from allomia_pulumi.core.listing import LARGEST_PAGE
from tests.engine.scenes import Calls, Scene, leaks, providers, resource, set_scene, wait_until
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

PROGRAMS = Path(sys.executable).parent
PLUGIN = str(PROGRAMS / "pulumi-resource-allomia")
HEAD = f"""
name: clinic
runtime: yaml
plugins: {{providers: [{{name: allomia, path: {PROGRAMS}}}]}}
"""
PROGRAM = (
    HEAD
    + """
config: {organizationId: {type: string}}
resources:
  ehr:
    type: allomia:OrganizationApiKey
    properties: {organizationId: "${organizationId}"}
"""
)
KEY = "allomia:index:OrganizationApiKey"
ORGANIZATION = "allomia:index:Organization"
VERBOSE = ("--logtostderr", "--logflow", "-v=11")


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, yaml_workspace: MakeWorkspace) -> Scene:
    """A project whose tenant key is known by the environment, as this command takes it."""
    sandbox.settings(key_endpoints=True)
    scene = set_scene(sandbox, openbao, yaml_workspace({"Pulumi.yaml": HEAD}))
    reference = f"secret/allomia/{scene.tenant.id}#api_key"
    scene.workspace.env.update(ALLOMIA_API_URL=sandbox.address, ALLOMIA_TENANT_KEY_REF=reference)
    return scene


def do(scene: Scene, token: str, *arguments: str, **env: str) -> Result:
    return scene.workspace.run("do", "--package", PLUGIN, token, "list", *arguments, env=env)


def found(result: Result) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(result.check().stdout)
    return entries


def refused(scene: Scene, token: str, *arguments: str, **env: str) -> str:
    """Return the one line that a listing ends with."""
    result = do(scene, token, *arguments, **env)
    assert result.code != 0
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert leaks(scene.canaries, [("console", result.text.encode())]) == []
    return lines[0]


def test_what_is_listed_is_imported_by_the_id_that_is_shown(scene: Scene) -> None:
    made = scene.sandbox.make_key_by_hand(scene.organization, "EHR sync")
    with Calls(scene) as calls:
        organizations = found(do(scene, ORGANIZATION))
    assert organizations == [{"id": scene.organization, "name": "Valley Health"}]
    assert calls.allomia() == [["organizations_listed"]]
    with Calls(scene) as calls:
        keys = found(do(scene, KEY, "--output", "json"))
    assert keys == [{"id": f"{scene.organization}/{made.id}", "name": "EHR sync"}]
    assert calls.allomia() == [["organizations_listed", "listed"]]
    assert calls.vault()["read"] == 1
    for token, name, entry in ((ORGANIZATION, "clinic", organizations[0]), (KEY, "ehr", keys[0])):
        scene.workspace.run(
            "import", token, name, entry["id"], "--yes", "--skip-preview", "--generate-code=false"
        ).check()
        assert resource(scene.workspace.export(), name)["id"] == entry["id"]


def test_queries_and_counts_choose(scene: Scene) -> None:
    other = scene.sandbox.add_organization(scene.tenant.id, "Coast Dental")
    for each in (scene.organization, other):
        for name in ("ehr", "billing"):
            scene.sandbox.make_key_by_hand(each, name)
    scene.workspace.write({"Pulumi.yaml": PROGRAM})
    scene.up().check()
    assert len(found(do(scene, KEY, "--all"))) == 5
    assert len(found(do(scene, KEY, "--count", "3"))) == 3
    named = [each["name"] for each in found(do(scene, KEY, "--name", "ehr"))]
    assert sorted(name.partition("--p1")[:2] for name in named) == [("ehr", ""), ("ehr", ""), ("ehr", "--p1")]
    by_hand = found(do(scene, KEY, "--organization-id", scene.organization, "--made-by-hand"))
    assert sorted(each["name"] for each in by_hand) == ["billing", "ehr"]
    assert [each["name"] for each in found(do(scene, ORGANIZATION, "--search", "coast"))] == ["Coast Dental"]
    query = f'tenantKeyRef = "secret/allomia/{scene.tenant.id}#api_key"\nname = "Coast Dental"\n'
    scene.workspace.write({"query.pcl": query})
    files = ("--input", "pcl", "--input-file", "query.pcl")
    assert [each["id"] for each in found(do(scene, ORGANIZATION, *files, ALLOMIA_TENANT_KEY_REF=""))] == [other]


def test_settings_come_from_flags_and_from_a_provider_of_the_state(scene: Scene) -> None:
    scene.workspace.write({"Pulumi.yaml": PROGRAM})
    scene.up().check()
    nothing = {"ALLOMIA_API_URL": "", "ALLOMIA_TENANT_KEY_REF": ""}
    key = {**nothing, "ALLOMIA_TENANT_KEY": scene.tenant.key}
    assert len(found(do(scene, ORGANIZATION, "--allomia:api-url", scene.sandbox.address, **key))) == 1
    (provider,) = (
        each["urn"]
        for each in scene.workspace.export()["deployment"]["resources"]
        if each["type"] == "pulumi:providers:allomia"
    )
    assert len(found(do(scene, KEY, "--provider", provider, **nothing))) == 1


def test_the_installed_plugin_lists_without_configuration_of_a_project(scene: Scene) -> None:
    scene.workspace.write({"Pulumi.yaml": "name: clinic\nruntime: yaml\n"})
    scene.workspace.run("plugin", "install", "resource", "allomia", __version__, "--file", PLUGIN).check()
    listed = scene.workspace.run("do", ORGANIZATION, "list")
    assert [each["id"] for each in found(listed)] == [scene.organization]
    helped = scene.workspace.run("do", KEY, "list", "--help").check().stdout
    assert {"--organization-id", "--name", "--made-by-hand"} <= set(helped.split())
    without = scene.workspace.run("do", "allomia:index:DashboardApiKey", "--help").check().stdout
    assert "List resources" not in without


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((KEY, "--organization-id", "a/b"), "organizationId is not an id"),
        ((KEY, "--organization-id", "unknown"), "organization unknown does not exist"),
        ((ORGANIZATION, "--search", ""), "search is not a text or is empty"),
        ((ORGANIZATION, "--allomia:api-url", "http://127.0.0.1:9"), "is not reachable while listing organizations"),
        ((ORGANIZATION, "--allomia:api-url", "http://allomia.example"), "an http address off this machine"),
    ],
)
def test_g5_what_is_wrong_is_one_line(scene: Scene, arguments: tuple[str, ...], told: str) -> None:
    line = refused(scene, *arguments)
    assert line.startswith(("error: allomia: ", "error: configure provider: allomia: "))
    assert told in line


def test_g5_wrong_credentials_and_missing_endpoints_are_one_line(scene: Scene) -> None:
    nothing = {"ALLOMIA_TENANT_KEY_REF": "", "ALLOMIA_TENANT_KEY": ""}
    line = refused(scene, ORGANIZATION, **nothing)
    assert "no tenant key is configured" in line
    assert "`pulumi do` does not read the configuration of a stack" in line
    wrong = {**nothing, "ALLOMIA_TENANT_KEY": "alm_tenant_of-nobody"}
    line = refused(scene, KEY, **wrong)
    assert "does not accept" in line or "refuse" in line
    assert "of-nobody" not in line
    assert "does not accept the token" in refused(scene, ORGANIZATION, VAULT_TOKEN="s.nobody")
    scene.sandbox.settings(key_endpoints=False)
    assert "serves no key endpoints" in refused(scene, KEY)
    assert len(found(do(scene, ORGANIZATION))) == 1


def test_g3_a_listing_shows_no_secret_at_the_most_verbose(scene: Scene) -> None:
    made = scene.sandbox.make_key_by_hand(scene.organization, f"for {scene.tenant.key}")
    scene.canaries.append(made.key)
    result = do(scene, KEY, *VERBOSE)
    assert result.code == 0
    assert '"for [secret]"' in result.stdout
    assert leaks(scene.canaries, [("console", result.text.encode())]) == []


def test_one_interrupt_ends_a_listing_quietly_and_nothing_more_is_asked(scene: Scene) -> None:
    for number in range(64):
        scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}")
    scene.sandbox.add_fault("delay_before", method="GET", path="*/api-keys*", times=None, seconds=5.0)
    start = scene.sandbox.last_event()
    process = scene.workspace.start("do", "--package", PLUGIN, KEY, "list")
    wait_until(lambda: sum(each.hits for each in scene.sandbox.faults()))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    wait_until(lambda: not providers(scene.workspace))
    scene.sandbox.clear_faults()
    assert process.returncode != 0
    assert stdout == b""
    assert b"Traceback" not in stderr
    asked = [event.type for event in scene.sandbox.events(start)]
    assert 0 < asked.count("listed") <= 32


@pytest.mark.long
def test_a_tenant_of_more_than_a_page_is_listed_whole_by_all_and_with_a_word_without(scene: Scene) -> None:
    for number in range(LARGEST_PAGE + 50):
        scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}")
    made: dict[str, Any] = {each.id: each.name for each in scene.sandbox.organizations(scene.tenant.id)}
    with Calls(scene) as calls:
        everything = do(scene, ORGANIZATION, "--all")
    assert {each["id"]: each["name"] for each in found(everything)} == made
    assert len(found(everything)) == len(made) == LARGEST_PAGE + 51
    assert calls.allomia() == [["organizations_listed"] * 11 * 2]
    first = do(scene, ORGANIZATION)
    assert [each["id"] for each in found(first)] == sorted(made)[:LARGEST_PAGE]
    assert "this page has 1,000 entries, and more may follow" in first.stderr
    counted = do(scene, ORGANIZATION, "--count", str(LARGEST_PAGE + 7))
    assert [each["id"] for each in found(counted)] == sorted(made)[: LARGEST_PAGE + 7]
    assert counted.stderr.strip() == ""
