"""`allomia doctor` as a person types it, against a real OpenBao and a real sandbox."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.vaults import answer, stand_in
from tools.engine.openbao import OpenBao
from tools.engine.processes import free_port
from tools.engine.sandbox import Sandbox, Tenant

ALLOMIA = str(Path(sys.executable).with_name("allomia"))
STATES = {"ok", "care", "failed", "skipped"}


@dataclass
class Scene:
    sandbox: Sandbox
    openbao: OpenBao
    tenant: Tenant
    organization: str
    environ: dict[str, str]
    told: list[str] = field(default_factory=list)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [ALLOMIA, "doctor", *arguments],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        self.told.append(done.stdout + done.stderr)
        return done

    def checks(self, **environ: str) -> dict[str, dict[str, Any]]:
        done = self.run("--output", "json", **environ)
        assert done.stderr == ""
        return {check["id"]: check for check in json.loads(done.stdout)["checks"]}

    def token(self, *policies: str, **options: Any) -> str:
        made = self.openbao.client().auth.token.create(policies=list(policies), **options)
        return str(made["auth"]["client_token"])


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao) -> Iterator[Scene]:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    path = f"allomia/{tenant.id}"
    openbao.client().secrets.kv.v2.create_or_update_secret(path, {"api_key": tenant.key}, mount_point="secret")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "ALLOMIA_API_URL": sandbox.address,
        "ALLOMIA_TENANT_KEY_REF": f"secret/{path}#api_key",
        "VAULT_ADDR": openbao.address,
        "VAULT_TOKEN": openbao.token,
    }
    scene = Scene(sandbox, openbao, tenant, organization, environ)
    yield scene
    sandbox.clear_faults()
    sandbox.settings(clock_offset_seconds=0, key_endpoints=True)
    everything = "".join(scene.told)
    for secret in (tenant.key, openbao.token):
        assert secret not in everything
    assert "Traceback" not in everything


# A stack has configuration and a state, and a stack needs the engine; this examines one that is made up.
PARTS = """
import json, os
from pathlib import Path
from allomia_pulumi.cli.doctor import command
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import Stack

settings, state = json.loads(os.environ["SETTINGS"]), json.loads(os.environ["STATE"])
subject = Subject(Stack(Path(), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), state))
for check in command._run(subject, command._configured(subject)[:-1]):
    print(check.id, f"{check.state} {check.finding.found}", sep="\\t")
"""


def examine_parts(scene: Scene, settings: dict[str, str], state: dict[str, Any], **environ: str) -> str:
    parts = {"SETTINGS": json.dumps(settings), "STATE": json.dumps(state)}
    done = subprocess.run(
        [sys.executable, "-c", PARTS],
        env={**scene.environ, **parts, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    scene.told.append(done.stdout + done.stderr)
    return done.stdout


def states(checks: dict[str, dict[str, Any]], *prefixes: str) -> dict[str, str]:
    return {name: check["state"] for name, check in checks.items() if name.startswith(prefixes)}


def test_a_healthy_setup_is_well_in_every_line(scene: Scene) -> None:
    checks = scene.checks()
    assert states(checks, "vault.", "tenantKey.", "allomia.", "organizations", "keyEndpoints", "slots") == {
        "vault.reachable": "ok",
        "vault.unsealed": "ok",
        "vault.clock": "ok",
        "vault.login": "ok",
        "vault.token": "ok",
        "vault.policy": "ok",
        "tenantKey.present": "ok",
        "tenantKey.accepted": "ok",
        "tenantKey.others": "ok",
        "allomia.clock": "ok",
        "organizations": "ok",
        "keyEndpoints": "ok",
        "slots": "ok",
    }
    assert set(states(checks, "configuration").values()) == {"ok"}
    assert checks["organizations"]["found"] == "1 visible"
    reference = scene.environ["ALLOMIA_TENANT_KEY_REF"]
    source = "environment variable ALLOMIA_TENANT_KEY_REF"
    assert checks["configuration.tenantKeyRef"]["found"] == f"{reference} ({source})"
    assert checks["configuration.vault.auth"]["found"] == "token from environment variable VAULT_TOKEN"


def test_the_json_document_has_a_version_and_the_exit_code_in_words(scene: Scene) -> None:
    done = scene.run("--output", "json", ALLOMIA_TENANT_KEY_REF="", ALLOMIA_TENANT_KEY="alm_tenant_wrong")
    document = json.loads(done.stdout)
    assert (done.returncode, document["version"], document["needsCare"]) == (8, 1, True)
    assert set(document["counts"]) == STATES
    assert sum(document["counts"].values()) == len(document["checks"])
    for check in document["checks"]:
        assert set(check) == {"id", "stack", "title", "state", "found", "fix"}
        assert check["state"] in STATES
        assert bool(check["fix"]) or check["state"] in {"ok", "skipped"}, check


def test_without_a_stack_one_line_says_how_to_name_one(scene: Scene) -> None:
    lines = [line for line in scene.run().stdout.splitlines() if "--stack" in line]
    assert len(lines) == 1
    assert lines[0].split()[:2] == ["skipped", "stack"]


def test_at_a_pipe_each_check_is_one_line_and_at_a_terminal_none_is_wider(scene: Scene) -> None:
    piped = scene.run(VAULT_TOKEN="s.unknown").stdout
    failed = [line for line in piped.splitlines() if line.split()[:1] == ["failed"]]
    assert any("does not accept the token" in line and "Log in to Vault again." in line for line in failed)
    assert "\x1b" not in piped
    ours, theirs = pty.openpty()
    environ = {**scene.environ, "COLUMNS": "100", "TERM": "xterm", "NO_COLOR": "1", "VAULT_TOKEN": "s.unknown"}
    with subprocess.Popen(
        [ALLOMIA, "doctor"], env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert process.returncode == 8
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).split("\r\n")
    assert max(map(len, lines)) <= 100
    assert any(line.strip() == "→ Log in to Vault again." for line in lines)


BROKEN: dict[str, tuple[Callable[[Scene], dict[str, str]], str, str, str, list[str]]] = {
    "wrong address": (
        lambda _: {"VAULT_ADDR": f"http://127.0.0.1:{free_port()}"},
        "vault.reachable",
        "failed",
        "is not reachable",
        ["vault.unsealed", "vault.login", "vault.policy", "tenantKey.present", "organizations", "slots"],
    ),
    "no token": (
        lambda _: {"VAULT_TOKEN": ""},
        "vault.login",
        "failed",
        "no Vault token is configured",
        ["vault.token", "vault.policy", "tenantKey.present"],
    ),
    "dead token": (
        lambda _: {"VAULT_TOKEN": "s.nobodyknowsthis"},
        "vault.login",
        "failed",
        "does not accept the token from environment variable VAULT_TOKEN",
        ["vault.token", "vault.policy", "tenantKey.present"],
    ),
    "narrow policy": (
        lambda scene: {"VAULT_TOKEN": scene.token("default")},
        "vault.policy",
        "failed",
        "no policy of the token reaches it",
        ["tenantKey.accepted"],
    ),
    "token about to end": (
        lambda scene: {"VAULT_TOKEN": scene.token("root", ttl="5m", no_parent=True)},
        "vault.token",
        "care",
        "4 min left",
        [],
    ),
    "token with few uses": (
        lambda scene: {"VAULT_TOKEN": scene.token("root", num_uses=100, ttl="10h")},
        "vault.token",
        "care",
        "requests are left",
        [],
    ),
    "no such secret": (
        lambda _: {"ALLOMIA_TENANT_KEY_REF": "secret/nowhere#api_key"},
        "tenantKey.present",
        "failed",
        "has no secret for secret/nowhere#api_key",
        ["tenantKey.accepted", "organizations", "keyEndpoints"],
    ),
    "wrong tenant key": (
        lambda _: {"ALLOMIA_TENANT_KEY_REF": "", "ALLOMIA_TENANT_KEY": "alm_tenant_wrong"},
        "tenantKey.accepted",
        "failed",
        "does not accept the key from environment variable ALLOMIA_TENANT_KEY (401)",
        ["vault.reachable", "allomia.clock", "organizations", "keyEndpoints", "slots"],
    ),
    "AlloMia is elsewhere": (
        lambda _: {"ALLOMIA_API_URL": f"http://127.0.0.1:{free_port()}"},
        "tenantKey.accepted",
        "failed",
        "is not reachable",
        ["organizations", "slots"],
    ),
    "a key for a reference": (
        lambda _: {"ALLOMIA_TENANT_KEY_REF": "alm_tenant_wrong"},
        "configuration",
        "failed",
        "is not a Vault reference",
        ["configuration.apiUrl", "vault.reachable", "tenantKey.present", "slots"],
    ),
    "call log": (
        lambda _: {"PULUMI_DEBUG_GRPC": "calls.json"},
        "pulumi.debug",
        "care",
        "writes every secret in clear",
        [],
    ),
}


@pytest.mark.parametrize(("change", "at", "state", "text", "skipped"), BROKEN.values(), ids=BROKEN)
def test_g5_what_is_broken_is_named_with_its_fix_and_what_depends_on_it_is_skipped(
    scene: Scene, change: Callable[[Scene], dict[str, str]], at: str, state: str, text: str, skipped: list[str]
) -> None:
    checks = scene.checks(**change(scene))
    assert checks[at]["state"] == state, checks[at]
    assert text in checks[at]["found"]
    assert checks[at]["fix"]
    assert {checks[name]["state"] for name in skipped} <= {"skipped"}
    assert "alm_tenant_wrong" not in scene.told[-1]


def test_the_policy_that_is_missing_is_told_as_lines_to_add(scene: Scene) -> None:
    path = f"secret/data/allomia/{scene.tenant.id}"
    scene.openbao.client().sys.create_or_update_policy("lists-only", f'path "{path}" {{ capabilities = ["list"] }}')
    checks = scene.checks(VAULT_TOKEN=scene.token("lists-only"))
    assert checks["vault.policy"]["found"] == f"it lacks read on {path}"
    assert checks["vault.policy"]["fix"] == f'Add to it: path "{path}" {{ capabilities = ["read"] }}'


def test_a_sealed_vault_is_told_from_one_that_is_not_reachable(scene: Scene) -> None:
    with OpenBao.sealable() as openbao:
        openbao.seal()
        checks = scene.checks(VAULT_ADDR=openbao.address, VAULT_TOKEN=openbao.token)
    assert states(checks, "vault.") == {
        "vault.reachable": "ok",
        "vault.unsealed": "failed",
        "vault.clock": "ok",
        "vault.login": "skipped",
        "vault.token": "skipped",
        "vault.policy": "skipped",
    }
    assert checks["vault.unsealed"]["found"] == "it is sealed"
    assert checks["tenantKey.present"]["found"] == "after this failed: Vault unsealed"


def test_a_standby_needs_care_and_a_stranger_is_no_vault(scene: Scene) -> None:
    health = {"initialized": True, "sealed": False, "standby": True, "version": "2.7.2"}
    with stand_in(answer(200, health)) as standby:
        checks = scene.checks(VAULT_ADDR=standby.address)
    assert checks["vault.reachable"]["state"] == "care"
    assert checks["vault.reachable"]["found"].endswith("version 2.7.2, as a standby")
    with stand_in(answer(200, {"hello": "world"})) as stranger:
        checks = scene.checks(VAULT_ADDR=stranger.address)
    assert checks["vault.reachable"]["state"] == "failed"
    assert "does not look like Vault" in checks["vault.reachable"]["found"]


def test_a_vault_that_never_answers_is_given_up_soon(scene: Scene) -> None:
    is_over = threading.Event()
    with stand_in(lambda _: is_over.wait()) as silent:
        try:
            checks = scene.checks(VAULT_ADDR=silent.address)
        finally:
            is_over.set()
    assert checks["vault.reachable"]["state"] == "failed"


def test_a_login_is_made_once_and_its_token_ends_with_the_command(scene: Scene) -> None:
    client = scene.openbao.client()
    with suppress(Exception):
        client.sys.enable_auth_method("approle")
    client.sys.create_or_update_policy("all", 'path "*" { capabilities = ["read", "update", "list"] }')
    client.auth.approle.create_or_update_approle("doctor", token_policies=["all"], token_ttl="1h")
    role_id = client.auth.approle.read_role_id("doctor")["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("doctor")["data"]["secret_id"]
    vault = {"auth": {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}}
    before = len(scene.openbao.audit_entries())
    told = examine_parts(scene, {"vault": json.dumps(vault)}, {}, VAULT_TOKEN="", SECRET_ID=secret_id)
    checks = dict(line.split("\t") for line in told.splitlines())
    assert checks["vault.login"] == "ok with the approle login at the auth mount approle"
    assert checks["vault.token"].endswith("each run logs in anew")
    assert checks["tenantKey.accepted"].startswith("ok")
    paths = [entry.path for entry in scene.openbao.audit_entries()[before:]]
    assert paths.count("auth/approle/login") == 1
    assert paths[-1] == "auth/token/revoke-self"
    assert secret_id not in told


def test_todays_allomia_has_no_key_endpoints_and_the_fix_names_what_works(scene: Scene) -> None:
    scene.sandbox.settings(key_endpoints=False)
    checks = scene.checks()
    assert checks["keyEndpoints"]["state"] == "care"
    assert "DashboardApiKey works today" in checks["keyEndpoints"]["found"]
    assert "DashboardApiKey" in checks["keyEndpoints"]["fix"]
    assert {checks[name]["state"] for name in ("slots", "orphans")} == {"skipped"}


def test_keys_with_tenant_keys_of_their_own_need_no_configured_one_and_each_is_tried(scene: Scene) -> None:
    other = scene.sandbox.add_tenant("others")
    kv = scene.openbao.client().secrets.kv.v2
    kv.create_or_update_secret("allomia/other", {"api_key": other.key}, mount_point="secret")

    def declared(name: str, reference: str, organization: str) -> dict[str, Any]:
        urn = f"urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::{name}"
        settings = {"organizationId": organization, "tenantKeyRef": reference}
        outputs = {"keyId": name, "record": {"settings": settings}}
        return {"urn": urn, "type": "allomia:index:OrganizationApiKey", "outputs": outputs}

    north = declared("north", scene.environ["ALLOMIA_TENANT_KEY_REF"], scene.organization)
    state = {"resources": [north, declared("south", "secret/allomia/other#api_key", "elsewhere")]}
    told = examine_parts(scene, {}, state, ALLOMIA_TENANT_KEY_REF="")
    checks = dict(line.split("\t") for line in told.splitlines())
    assert checks["tenantKey.accepted"].startswith("ok")
    assert checks["tenantKey.others"] == "ok accepted: 1"
    assert checks["organizations"] == "ok 1 visible"
    assert checks["vault.policy"] == "ok it allows what is configured: to read 2, to deliver to 0"
    scene.sandbox.rotate_tenant_key(other.id)
    told = examine_parts(scene, {}, state, ALLOMIA_TENANT_KEY_REF="")
    checks = dict(line.split("\t") for line in told.splitlines())
    assert checks["tenantKey.others"].startswith("failed AlloMia")
    assert "secret/allomia/other#api_key" in checks["tenantKey.others"]


def declared_organization(identifier: str) -> dict[str, Any]:
    urn = f"urn:pulumi:prod::clinic::allomia:index:Organization::{identifier}"
    return {"urn": urn, "type": "allomia:index:Organization", "id": identifier, "outputs": {"record": {"settings": {}}}}


@pytest.mark.catalogue(113)
def test_a_stack_of_organizations_alone_is_well_also_without_key_endpoints(scene: Scene) -> None:
    state = {"resources": [declared_organization(scene.organization)]}
    scene.sandbox.settings(key_endpoints=False)
    checks = dict(line.split("\t") for line in examine_parts(scene, {}, state).splitlines())
    assert checks["organizations"] == "ok 1 visible"
    assert checks["keyEndpoints"].startswith("ok none at ")
    assert {name for name, told in checks.items() if told.startswith(("care", "failed"))} == set()


@pytest.mark.catalogue(113)
def test_a_declared_organization_that_the_tenant_key_does_not_see_is_named(scene: Scene) -> None:
    state = {"resources": [declared_organization("0000"), declared_organization(scene.organization)]}
    checks = dict(line.split("\t") for line in examine_parts(scene, {}, state).splitlines())
    assert checks["organizations"] == "care 1 visible, without 0000, which this stack declares"


@pytest.mark.parametrize(("offset", "words"), [(3700, "1 h ahead of"), (-3700, "1 h behind")])
def test_a_clock_that_is_off_is_told_with_its_direction(scene: Scene, offset: int, words: str) -> None:
    scene.sandbox.settings(clock_offset_seconds=offset)
    checks = scene.checks()
    assert checks["allomia.clock"]["state"] == "care"
    assert words in checks["allomia.clock"]["found"]


def test_a_full_organization_is_named(scene: Scene) -> None:
    for number in range(5):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    checks = scene.checks()
    assert checks["slots"]["state"] == "care"
    assert checks["slots"]["found"] == f"5 of 5 used in Valley Health ({scene.organization})"


def test_a_tenant_without_organizations_fails_and_hostile_names_are_harmless(scene: Scene) -> None:
    empty = scene.sandbox.add_tenant("empty")
    checks = scene.checks(ALLOMIA_TENANT_KEY_REF="", ALLOMIA_TENANT_KEY=empty.key)
    assert (checks["organizations"]["state"], checks["organizations"]["found"]) == ("failed", "none is visible")
    hostile = scene.sandbox.add_organization(scene.tenant.id, "a\x1b[31m[bold]b\u202ec")
    for number in range(5):
        scene.sandbox.make_key_by_hand(hostile, f"by hand {number}")
    shown = scene.run().stdout
    assert "[bold]b" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
