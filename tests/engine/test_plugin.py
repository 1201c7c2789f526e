"""The plugin on the real engine, from YAML: rotation, import, secrets, slots and functions, as a user meets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.scenes import EXAMPLES, Calls, Scene, leaks, resource, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeKey, Sandbox
from tools.engine.workspace import Result

Program = dict[str, Any]
Stage = Callable[..., Scene]

PROGRAMS = str(Path(sys.executable).parent)
TOKEN = "allomia:index:OrganizationApiKey"
IMPORT_REFERENCE = "ALLOMIA_IMPORT_VAULT_SECRET"
IMPORT_SECRET = "ALLOMIA_IMPORT_SECRET"
HEAD = f"""
name: clinic
runtime: yaml
plugins: {{providers: [{{name: allomia, path: {PROGRAMS}}}]}}
config:
  organizationId: {{type: string}}
  quarter: {{type: string, default: q1}}
"""
KEY: Program = {
    "type": "allomia:OrganizationApiKey",
    "properties": {"organizationId": "${organizationId}", "rotationTriggers": {"quarter": "${quarter}"}},
}
FOLLOWER: Program = {
    "type": "allomia:OrganizationApiKey",
    "properties": {"organizationId": "${organizationId}", "rotationTriggers": {"upstream": "${ehr.secret}"}},
}
IMPORTING = """
import pulumi
from allomia_pulumi.native import OrganizationApiKey

config = pulumi.Config()
key = OrganizationApiKey(
    "ehr",
    pulumi.ResourceOptions(import_=config.require("id")),
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.require("quarter")},
    overlap="1h",
)
pulumi.export("secret", key.secret)
"""
PROVIDED = """
resources:
  tenant:
    type: pulumi:providers:allomia
    properties:
      apiUrl: ${url}
      tenantKeyRef: ${reference}
      vault: {timeoutSeconds: 9, auth: {method: token, tokenEnv: CLINIC_TOKEN}}
  ehr:
    type: allomia:OrganizationApiKey
    properties: {organizationId: "${clinic.id}"}
    options: {provider: "${tenant}"}
variables:
  clinic:
    fn::invoke:
      function: allomia:getOrganization
      arguments: {name: Valley Health}
      options: {provider: "${tenant}"}
outputs:
  secret: ${ehr.secret}
  clinic: ${clinic}
"""


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, yaml_workspace: MakeWorkspace) -> Stage:
    """Return a function that sets the scene for resources."""

    def set_up(resources: Program, outputs: Program | None = None, **config: str) -> Scene:
        scene = set_scene(sandbox, openbao, yaml_workspace({"Pulumi.yaml": HEAD}), **config)
        declare(scene, resources, outputs)
        return scene

    return set_up


def declare(scene: Scene, resources: Program, outputs: Program | None = None) -> None:
    """Write the program."""
    # JSON is YAML, and has no aliases, which Pulumi refuses.
    body = f"resources: {json.dumps(resources)}\noutputs: {json.dumps(outputs or {})}\n"
    scene.workspace.write({"Pulumi.yaml": HEAD + body})


def key(options: Program | None = None, **properties: Any) -> Program:
    """Return a key with more properties."""
    return {**KEY, "properties": {**KEY["properties"], **properties}, **({"options": options} if options else {})}


def planned(scene: Scene, *arguments: str) -> dict[str, str]:
    """Return what a preview would do, for each resource that it would touch by its logical name."""
    shown = json.loads(scene.workspace.preview("--json", *arguments).check().stdout)
    return {step["urn"].rpartition("::")[2]: step["op"] for step in shown["steps"] if step["op"] != "same"}


def types(calls: Calls) -> list[str]:
    """Return the types of all calls to AlloMia."""
    return list(chain.from_iterable(calls.allomia()))


def assert_nothing_leaks(scene: Scene, *results: Result) -> None:
    texts = [("console", result.text.encode()) for result in results]
    assert leaks(scene.canaries, [*state_texts(scene.workspace), *texts]) == []


def run_import(scene: Scene, made: MadeKey, *, name: str = "ehr", pulumi_id: str = "", **env: str) -> Result:
    """Import a key as a user does at the command line."""
    target = pulumi_id or f"{scene.organization}/{made.id}"
    return scene.workspace.run("import", TOKEN, name, target, "--yes", "--skip-preview", "--protect=false", env=env)


def made_by_hand(scene: Scene, name: str = "EHR sync") -> MadeKey:
    """Make a key in the dashboard, with a copy of it in Vault."""
    made = scene.sandbox.make_key_by_hand(scene.organization, name)
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"legacy/{scene.organization}/{made.id}", {"api_key": made.key}, mount_point="secret")
    scene.canaries.append(made.key)
    return made


def test_the_yaml_example_rotates_in_place_and_retires_without_touching_dependents(
    sandbox: Sandbox, openbao: OpenBao, yaml_workspace: MakeWorkspace
) -> None:
    project = yaml_workspace(EXAMPLES / "yaml")
    program = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    program["plugins"]["providers"][0]["path"] = PROGRAMS
    properties = {"organizationId": "${organizationId}", "rotationTriggers": {"upstream": "${ehr-sync.secret}"}}
    program["resources"]["follower"] = {"type": "allomia:OrganizationApiKey", "properties": properties}
    project.write({"Pulumi.yaml": yaml.safe_dump(program)})
    scene = set_scene(sandbox, openbao, project)
    with Calls(scene) as calls:
        assert planned(scene)["ehr-sync"] == "create"
    assert types(calls) == ["listed"]
    results = [scene.up().check()]
    first = scene.secret()
    with Calls(scene) as calls:
        results.append(scene.up("--expect-no-changes").check())
    assert (calls.allomia(), calls.vault()) == ([], {})

    project.config_set("quarter", "2027-Q1")
    with Calls(scene) as calls:
        results.append(scene.up().check())
    assert "is due for rotation (reason: trigger)" in results[-1].text
    assert "[diff: ~rotation,rotationTriggers]" in results[-1].text
    assert types(calls) == ["listed", "minted", "verified", "minted", "verified", "revoked"]
    second = scene.secret()
    assert [scene.accepts(secret) for secret in (first, second)] == [200, 200]

    scene.jump(hours=25)
    with Calls(scene) as calls:
        assert planned(scene) == {"ehr-sync": "update"}
    assert calls.allomia() == []
    with Calls(scene) as calls:
        results.append(scene.up().check())
    assert (sorted(types(calls)[:2]), types(calls)[2:]) == (["listed", "read"], ["revoked"])
    assert "1 updated" in results[-1].text
    assert [scene.accepts(secret) for secret in (first, second)] == [401, 200]
    results.append(project.refresh("--skip-preview", "--expect-no-changes").check())
    assert_nothing_leaks(scene, *results)
    project.destroy("--skip-preview", "--run-program").check()
    assert scene.alive() == []


@pytest.mark.catalogue(73)
def test_behind_a_company_proxy_without_exceptions_a_yaml_program_creates_and_destroys(stage: Stage) -> None:
    scene = stage({"ehr": KEY}, {"secret": "${ehr.secret}"})
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        scene.workspace.env[name] = "http://127.0.0.1:1"
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        scene.workspace.env.pop(name, None)
    scene.up().check()
    assert scene.accepts(scene.secret()) == 200
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_a_rotation_without_overlap_is_a_replacement_that_ends_with_the_run(stage: Stage) -> None:
    scene = stage({"ehr": KEY, "follower": FOLLOWER}, {"secret": "${ehr.secret}"})
    scene.up().check()
    old = scene.secret()
    scene.workspace.config_set("quarter", "q2")
    # The follower's triggers are not known yet: it may rotate.
    assert planned(scene) == {"ehr": "replace", "follower": "update"}
    with Calls(scene) as calls:
        scene.up().check()
    assert types(calls) == ["listed", "minted", "verified", "minted", "verified", "revoked", "revoked"]
    assert [scene.accepts(secret) for secret in (old, scene.secret())] == [401, 200]
    scene.up("--expect-no-changes").check()


@pytest.mark.catalogue(54)
@pytest.mark.long
@pytest.mark.parametrize("way", ["target", "taint", "delete before replace"])
def test_a_replacement_that_the_engine_or_the_program_forces_works(stage: Stage, way: str) -> None:
    options = {"deleteBeforeReplace": True} if way == "delete before replace" else None
    scene = stage({"ehr": key(options)}, {"secret": "${ehr.secret}"})
    scene.up().check()
    old, urn = scene.secret(), resource(scene.workspace.export(), "ehr")["urn"]
    if way == "target":
        result = scene.up("--target-replace", urn).check()
    elif way == "taint":
        scene.workspace.run("state", "taint", urn, "--yes").check()
        result = scene.up().check()
    else:
        scene.workspace.config_set("quarter", "q2")
        result = scene.up().check()
    assert ("already has a key with this resource's mark" in result.text) == (way != "delete before replace")
    assert [scene.accepts(secret) for secret in (old, scene.secret())] == [401, 200]
    assert len(scene.alive()) == 1
    scene.up("--expect-no-changes").check()


@pytest.mark.catalogue(32)
@pytest.mark.long
def test_a_due_key_is_quiet_on_refresh_and_rotates_in_a_run_that_refreshes_first(stage: Stage) -> None:
    scene = stage({"ehr": key(rotateAfter="1d")}, {"secret": "${ehr.secret}"})
    scene.up().check()
    old = scene.secret()
    scene.jump(hours=25)
    scene.workspace.refresh("--skip-preview", "--expect-no-changes").check()
    shown = scene.workspace.preview("--diff").check().text
    assert "is due for rotation" in shown
    assert "~ rotation" not in shown
    result = scene.up("--refresh").check()
    assert "[diff: ~rotation]" in result.text
    assert [scene.accepts(secret) for secret in (old, scene.secret())] == [401, 200]


@pytest.mark.long
def test_a_saved_plan_holds_a_rotation_in_place(stage: Stage) -> None:
    scene = stage({"ehr": key(overlap="1h")}, {"secret": "${ehr.secret}"})
    scene.up().check()
    old = scene.secret()
    scene.workspace.config_set("quarter", "q2")
    scene.workspace.preview("--save-plan", "plan.json").check()
    scene.up("--plan", "plan.json").check()
    assert [scene.accepts(secret) for secret in (old, scene.secret())] == [200, 200]
    assert scene.secret() != old


@pytest.mark.long
def test_two_keys_near_the_limit_rotate_one_after_another(stage: Stage) -> None:
    scene = stage({"ehr": KEY, "billing": KEY}, {"ehr": "${ehr.secret}", "billing": "${billing.secret}"})
    for number in range(2):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    scene.up().check()
    old = [scene.secret("ehr"), scene.secret("billing")]
    scene.workspace.config_set("quarter", "q2")
    for is_last in (False, True):
        with Calls(scene) as calls:
            result = scene.up().check()
        assert (types(calls).count("minted"), types(calls).count("revoked")) == (1, 1)
        assert ("waits for a free slot" in result.text) != is_last
        assert len(scene.alive()) == 4
    assert [scene.accepts(secret) for secret in old] == [401, 401]
    scene.up("--expect-no-changes").check()


@pytest.mark.catalogue(53)
@pytest.mark.parametrize(
    "way",
    [
        "placeholders",
        pytest.param("reference", marks=pytest.mark.long),
        pytest.param("environment", marks=pytest.mark.long),
    ],
)
def test_a_key_is_imported_with_its_secret_and_its_program_changes_nothing(stage: Stage, way: str) -> None:
    scene = stage({})
    made = made_by_hand(scene)
    env = {
        "placeholders": {IMPORT_REFERENCE: "secret/legacy/{organizationId}/{keyId}#api_key"},
        "reference": {IMPORT_REFERENCE: f"secret/legacy/{scene.organization}/{made.id}#api_key"},
        "environment": {IMPORT_SECRET: made.key},
    }[way]
    with Calls(scene) as calls:
        imported = run_import(scene, made, **env).check()
    assert types(calls) == ["listed", "refused", "verified", "listed"]
    assert "warning: key" not in imported.text
    program = yaml.safe_load(imported.stdout[imported.stdout.index("resources:\n") :])
    declare(scene, program["resources"])
    with Calls(scene) as calls:
        result = scene.up("--expect-no-changes").check()
    assert calls.allomia() == []
    state = resource(scene.workspace.export(), "ehr")["outputs"]
    assert (state["keyId"], state["rotationReason"]) == (made.id, "imported")
    assert "ciphertext" in state["secret"]
    assert_nothing_leaks(scene, imported, result)
    scene.workspace.refresh("--skip-preview", "--expect-no-changes").check()
    scene.workspace.destroy("--skip-preview").check()
    assert scene.alive() == []


@pytest.mark.long
def test_a_key_is_imported_without_its_secret_with_a_warning_and_the_first_rotation_brings_one(stage: Stage) -> None:
    scene = stage({})
    made = made_by_hand(scene)
    imported = run_import(scene, made).check()
    assert f"the secret of key {made.id} is not known" in imported.text
    assert IMPORT_REFERENCE in imported.text
    declare(scene, {"ehr": key(name="EHR sync", overlap="1h")}, {"secret": "${ehr.secret}"})
    with Calls(scene) as calls:
        scene.up().check()
    assert "minted" not in types(calls)
    scene.workspace.config_set("quarter", "q2")
    scene.up().check()
    assert [scene.accepts(secret) for secret in (made.key, scene.secret())] == [200, 200]


REFUSALS = {
    "unknown key": "has no key with that id",
    "foreign organization": "does not exist, or the tenant key",
    "malformed": "the id to import is not that of a key, <organizationId>/<keyId>",
    "another key's secret": "seems to be that of key",
    "refused secret": "does not accept the key from environment variable ALLOMIA_IMPORT_SECRET",
    "key as a reference": "ALLOMIA_IMPORT_VAULT_SECRET is not a Vault reference",
    "key as the id": "the id to import is not that of a key, <organizationId>/<keyId>",
    "tenant key": "the secret from environment variable ALLOMIA_IMPORT_SECRET is the tenant key",
    "place of the tenant key": "is the tenant key",
}
QUICK = {"tenant key"}
PASTED = pytest.mark.shows_secrets(
    "the engine itself repeats the id that it was given", "stdout of *", "stderr of *", "arguments of *", "*/state/*"
)


def marks_of(case: str) -> list[pytest.MarkDecorator]:
    return [*([] if case in QUICK else [pytest.mark.long]), *([PASTED] if case == "key as the id" else [])]


@pytest.mark.catalogue(53)
@pytest.mark.parametrize("case", [pytest.param(c, marks=marks_of(c)) for c in REFUSALS])
def test_an_import_that_is_wrong_is_one_line_and_leaves_the_state_alone(stage: Stage, case: str) -> None:
    scene = stage({})
    made, other = made_by_hand(scene), made_by_hand(scene, "another")
    pulumi_id, env = {
        "unknown key": (f"{scene.organization}/00000000-0000-0000-0000-000000000000", {}),
        "foreign organization": (f"nope/{made.id}", {}),
        "malformed": (f"{scene.organization}/{made.id}/x", {}),
        "another key's secret": ("", {IMPORT_SECRET: other.key}),
        "refused secret": ("", {IMPORT_SECRET: "alm_org_canary_that_is_refused"}),
        "key as a reference": ("", {IMPORT_REFERENCE: made.key}),
        "key as the id": (made.key, {}),
        "tenant key": ("", {IMPORT_SECRET: scene.tenant.key}),
        "place of the tenant key": ("", {IMPORT_REFERENCE: f"secret/allomia/{scene.tenant.id}#api_key"}),
    }[case]
    result = run_import(scene, made, pulumi_id=pulumi_id, **env)
    assert result.code != 0
    assert any("allomia: " in line and REFUSALS[case] in line for line in result.text.splitlines()), result.stderr
    assert "Traceback" not in result.text
    assert f"::{TOKEN}::" not in str(scene.workspace.export())
    scene.canaries.append("alm_org_canary_that_is_refused")
    assert leaks(scene.canaries, [("console", result.text.encode())]) == []
    # The engine itself writes down the id that it was asked for.
    assert case == "key as the id" or leaks(scene.canaries, state_texts(scene.workspace)) == []
    assert len(scene.alive()) == 2


@pytest.mark.long
def test_two_keys_of_one_organization_are_imported_by_one_file_and_both_are_proved(stage: Stage) -> None:
    scene = stage({})
    keys = {"ehr": made_by_hand(scene), "billing": made_by_hand(scene, "Billing “ü”")}
    wanted = [{"type": TOKEN, "name": name, "id": f"{scene.organization}/{made.id}"} for name, made in keys.items()]
    scene.workspace.write({"bulk.json": json.dumps({"resources": wanted})})
    arguments = ("--file", "bulk.json", "--out", "made.yaml", "--yes", "--skip-preview", "--protect=false")
    env = {IMPORT_REFERENCE: "secret/legacy/{organizationId}/{keyId}#api_key"}
    with Calls(scene) as calls:
        imported = scene.workspace.run("import", *arguments, env=env).check()
    assert types(calls).count("verified") == 2
    assert "does not tell for certain" not in imported.text
    made = yaml.safe_load((scene.workspace.folder / "made.yaml").read_text())
    declare(scene, made["resources"], {"ehr": "${ehr.secret}", "billing": "${billing.secret}"})
    scene.up().check()
    assert [scene.secret(name) for name in keys] == [each.key for each in keys.values()]
    assert_nothing_leaks(scene, imported)


@pytest.mark.long
def test_a_program_that_imports_a_key_moves_nothing_by_its_name_triggers_or_age(stage: Stage) -> None:
    scene = stage({})
    made = made_by_hand(scene)
    place = f"clinic/{scene.organization}"
    wanted = {"name": "Other", "overlap": "1h", "vaultSecret": {"mount": "secret", "path": place, "field": "api_key"}}
    ehr = key({"import": f"{scene.organization}/{made.id}"}, **wanted, rotateAfter="1d")
    declare(scene, {"ehr": ehr}, {"secret": "${ehr.secret}"})
    scene.jump(hours=48)
    scene.workspace.env[IMPORT_SECRET] = made.key
    with Calls(scene) as calls:
        result = scene.up().check()
    assert {"minted", "revoked"}.isdisjoint(types(calls))
    del scene.workspace.env[IMPORT_SECRET]
    stored = scene.openbao.client().secrets.kv.v2.read_secret_version(
        place, mount_point="secret", raise_on_deleted_version=True
    )
    assert stored["data"]["data"]["api_key"] == made.key

    del ehr["properties"]["rotateAfter"]
    declare(scene, {"ehr": ehr}, {"secret": "${ehr.secret}"})
    with Calls(scene) as calls:
        scene.up().check()
    assert {"minted", "revoked"}.isdisjoint(types(calls))
    assert scene.secret() == made.key
    ehr["properties"]["rotateAfter"] = "1d"
    declare(scene, {"ehr": ehr}, {"secret": "${ehr.secret}"})
    scene.up().check()
    assert [scene.accepts(secret) for secret in (made.key, scene.secret())] == [200, 200]
    assert scene.secret() != made.key
    assert_nothing_leaks(scene, result)


@pytest.mark.long
def test_a_python_program_imports_a_key_and_rotates_it_when_a_trigger_changes_afterwards(
    sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace
) -> None:
    head = yaml.safe_load(HEAD)
    project = {"name": "clinic", "runtime": "python", "plugins": head["plugins"]}
    program = workspace({"Pulumi.yaml": yaml.safe_dump(project), "__main__.py": IMPORTING})
    scene = set_scene(sandbox, openbao, program, quarter="q1")
    made = made_by_hand(scene)
    program.config_set("id", f"{scene.organization}/{made.id}")
    program.env[IMPORT_REFERENCE] = "secret/legacy/{organizationId}/{keyId}#api_key"
    with Calls(scene) as calls:
        result = scene.up().check()
    assert types(calls)[:4] == ["listed", "refused", "verified", "listed"]
    assert {"minted", "revoked"}.isdisjoint(types(calls))
    assert scene.secret() == made.key
    with Calls(scene) as calls:
        scene.up("--expect-no-changes").check()
    assert (calls.allomia(), calls.vault()) == ([], {})
    program.config_set("quarter", "q2")
    scene.up().check()
    assert [scene.accepts(secret) for secret in (made.key, scene.secret())] == [200, 200]
    assert scene.secret() != made.key
    assert_nothing_leaks(scene, result)


@pytest.mark.long
def test_a_dashboard_key_in_yaml_follows_vault_and_touches_no_key_endpoint(stage: Stage) -> None:
    properties = {"organizationId": "${organizationId}", "vaultSecret": "secret/${path}#api_key", "overlap": "24h"}
    outputs = {"secret": "${ehr.secret}", "previousKeys": "${ehr.previousKeys}"}
    scene = stage({}, path="none")
    program = HEAD + "  path: {type: string}\n"
    body = {"resources": {"ehr": {"type": "allomia:DashboardApiKey", "properties": properties}}, "outputs": outputs}
    scene.workspace.write({"Pulumi.yaml": program + yaml.safe_dump(body)})
    kv, path = scene.openbao.client().secrets.kv.v2, f"dashboard/{scene.organization}"
    scene.workspace.config_set("path", path)
    seen: list[str] = []
    results = []
    for name in ("first", "second"):
        made = scene.sandbox.make_key_by_hand(scene.organization, name)
        scene.canaries.append(made.key)
        kv.create_or_update_secret(path, {"api_key": made.key}, mount_point="secret")
        with Calls(scene) as calls:
            results.append(scene.up().check())
        seen += types(calls)
        assert scene.secret() == made.key
    with Calls(scene) as calls:
        results.append(scene.up("--expect-no-changes").check())
    assert calls.allomia() == []
    assert set(seen) == {"refused", "verified"}
    assert len(scene.workspace.outputs()["previousKeys"]) == 1
    results.append(scene.workspace.destroy("--skip-preview").check())
    assert len(scene.alive()) == 2
    assert_nothing_leaks(scene, *results)


@pytest.mark.long
def test_g3_secret_inputs_stay_encrypted_through_create_refresh_and_update(stage: Stage) -> None:
    scene = stage({"ehr": key(overlap="1d")}, {"secret": "${ehr.secret}"})
    texts = []
    for canary in ("trigger-canary-1", "trigger-canary-2"):
        scene.canaries.append(canary)
        scene.workspace.config_set("quarter", canary, secret=True)
        texts.append(scene.workspace.preview("--diff").check())
        texts.append(scene.up().check())
        scene.secret()
        texts.append(scene.workspace.refresh("--skip-preview", "--expect-no-changes").check())
    texts.append(scene.up("--expect-no-changes").check())
    assert len(scene.canaries) == 6
    assert_nothing_leaks(scene, *texts)


@pytest.mark.long
def test_a_trigger_that_yaml_reads_as_a_number_is_the_same_trigger_as_its_text(stage: Stage) -> None:
    scene = stage({"ehr": key(rotationTriggers={"year": 2027, "on": True})}, {"secret": "${ehr.secret}"})
    scene.up().check()
    secret = scene.secret()
    declare(scene, {"ehr": key(rotationTriggers={"year": "2027", "on": "true"})}, {"secret": "${ehr.secret}"})
    scene.up().check()
    assert scene.secret() == secret
    declare(scene, {"ehr": key(rotationTriggers={"year": 2028, "on": True})}, {"secret": "${ehr.secret}"})
    scene.up().check()
    assert [scene.accepts(each) for each in (secret, scene.secret())] == [401, 200]


@pytest.mark.long
def test_an_explicit_provider_and_functions_serve_yaml(
    sandbox: Sandbox, openbao: OpenBao, yaml_workspace: MakeWorkspace
) -> None:
    program = HEAD + "  url: {type: string}\n  reference: {type: string}\n" + PROVIDED
    project = yaml_workspace({"Pulumi.yaml": program})
    scene = set_scene(sandbox, openbao, project, url=sandbox.address)
    reference = f"secret/allomia/{scene.tenant.id}#api_key"
    for name in ("allomia:apiUrl", "allomia:tenantKeyRef"):
        project.run("config", "rm", name).check()
    project.config_set("reference", reference)
    project.env["CLINIC_TOKEN"] = project.env.pop("VAULT_TOKEN")
    result = scene.up().check()
    assert project.outputs()["clinic"]["id"] == scene.organization
    secret = scene.secret()
    assert scene.accepts(secret) == 200
    project.config_set("reference", "secret/nowhere#api_key")
    broken = scene.up()
    assert broken.code != 0
    assert "has no secret for secret/nowhere#api_key" in broken.text
    project.config_set("reference", reference)
    scene.up().check()
    assert (scene.secret(), scene.alive()) == (secret, [resource(project.export(), "ehr")["outputs"]["keyId"]])
    assert_nothing_leaks(scene, result, broken)


@pytest.mark.long
def test_the_engine_gives_out_the_schema_of_the_plugin(stage: Stage) -> None:
    scene = stage({})
    answer = scene.workspace.run("package", "get-schema", f"{PROGRAMS}/pulumi-resource-allomia").check()
    schema = json.loads(answer.stdout)
    assert {"allomia:index:DashboardApiKey", TOKEN} <= schema["resources"].keys()
