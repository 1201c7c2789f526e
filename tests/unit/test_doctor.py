"""The parts of `allomia doctor` that need no server: how checks depend on each other, are judged and are shown."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.backend import Backend, find_backend
from allomia_pulumi.cli.doctor.clocks import judge_clock
from allomia_pulumi.cli.doctor.configuration import configuration_steps
from allomia_pulumi.cli.doctor.environment import environment_steps
from allomia_pulumi.cli.doctor.project import read_project
from allomia_pulumi.cli.doctor.provider import check_dynamic, check_plugin
from allomia_pulumi.cli.doctor.report import needs_care, show_document, show_table
from allomia_pulumi.cli.doctor.secrets import _Search, _search_file, search_secrets
from allomia_pulumi.cli.doctor.state import check_lock, check_owed, check_passphrase, check_pending
from allomia_pulumi.cli.doctor.steps import (
    Check,
    FastClock,
    Finding,
    State,
    Step,
    care,
    failed,
    ok,
    run_steps,
    shorten,
    skipped,
)
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import declared_keys, declared_organizations, pending_organizations
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.messages import describe_length
from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.installation import install_hint
from allomia_pulumi.ground.redaction import fingerprint, guard

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECRET = "alm_org_canary_000000000000000001"
URN = "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr"


def stack(*resources: dict[str, Any], folder: Path = Path(), **deployment: Any) -> Stack:
    state = {"resources": list(resources), **deployment}
    return Stack(folder, "clinic", "organization/clinic/prod", "prod", {}, frozenset(), state)


def key(**outputs: Any) -> dict[str, Any]:
    return {"urn": URN, "type": "allomia:index:OrganizationApiKey", "outputs": outputs}


def test_a_step_is_skipped_with_the_reason_of_the_first_that_failed() -> None:
    def refuse() -> Finding:
        raise InvalidInput("it is wrong", "Correct it.")

    first = Step("a", "the first", refuse)
    second = Step("b", "the second", lambda: ok("never"), needs=("a",))
    third = Step("c", "the third", lambda: ok("never"), needs=("b",))
    checks = run_steps([first, second, third, Step("d", "the fourth", lambda: ok("yes"), after=("c",))])
    assert [(check.state.value, check.finding.found) for check in checks] == [
        ("failed", "it is wrong"),
        ("skipped", "after this failed: the first"),
        ("skipped", "after this failed: the first"),
        ("ok", "yes"),
    ]
    assert checks[0].finding.fix == "Correct it."


def test_care_lets_later_steps_go_on_and_a_skip_gives_its_own_reason() -> None:
    steps = [
        Step("a", "a", lambda: care("so so", "Look.")),
        Step("b", "b", lambda: skipped("not needed"), needs=("a",)),
        Step("c", "c", lambda: ok("never"), needs=("b",)),
    ]
    assert [check.finding.found for check in run_steps(steps)] == ["so so", "not needed", "not needed"]


def test_a_step_that_hangs_is_given_up_and_one_that_breaks_tells_no_text_of_the_error() -> None:
    def breaks() -> Finding:
        raise ValueError(SECRET)

    hangs = threading.Event()
    steps = [
        Step("a", "a", lambda: ok(str(hangs.wait())), seconds=0.2),
        Step("b", "b", breaks),
    ]
    checks = run_steps(steps)
    hangs.set()
    assert [check.state for check in checks] == [State.FAILED, State.FAILED]
    assert checks[0].finding.found == "no answer within 0 seconds"
    assert checks[1].finding.found == "the check itself broke (ValueError)"


def test_steps_that_do_not_depend_on_each_other_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> Finding:
        meeting.wait()
        return ok("met")

    assert {check.state for check in run_steps([Step("a", "a", meet), Step("b", "b", meet)])} == {State.OK}


def test_a_minute_of_patience_takes_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: slept.append(seconds))
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: 3.0)
    FastClock().sleep(60.0)
    assert slept == [3.0]
    assert FastClock().monotonic() == 60.0


@pytest.mark.parametrize(
    ("seconds", "state", "found"),
    [
        (29, State.OK, "within 30 s of this machine's"),
        (-30, State.OK, "within 30 s of this machine's"),
        (31, State.CARE, "it is 31 s ahead of this machine's"),
        (-7200, State.CARE, "it is 2 h behind this machine's"),
    ],
)
def test_a_clock_may_be_half_a_minute_off(seconds: int, state: State, found: str) -> None:
    judged = judge_clock(NOW + timedelta(seconds=seconds), NOW)
    assert (judged.state, judged.found) == (state, found)
    assert judge_clock(None, NOW).state is State.SKIPPED


def test_lengths_are_told_in_their_largest_unit_and_lists_end_with_how_many_more() -> None:
    lengths = [timedelta(seconds=59), timedelta(minutes=61), timedelta(days=3)]
    assert [describe_length(length) for length in lengths] == ["59 s", "1 h", "3 d"]
    assert shorten(["a", "b", "c"]) == "a, b, c"
    assert shorten(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_neither_secrets_nor_control_characters_reach_a_terminal_a_pipe_or_json() -> None:
    guard(SECRET)
    hostile = f"\x1b[31m[bold]{SECRET}\u202e\n"
    checks = [Check("a", f"title {hostile}", failed(f"found {hostile}", f"fix {hostile}"), f"stack {hostile}")]
    shown = StringIO()
    show_table(checks, Console(file=shown, width=100))
    show_table(checks, Console(file=shown, width=100, force_terminal=True, no_color=True))
    told = shown.getvalue()
    assert told.count("[bold][secret]") == 10
    for text in (told, json.dumps(json.loads(show_document(checks)), ensure_ascii=False)):
        assert SECRET not in text
        assert "\x1b[31m" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("width", [None, 60, 80, 120])
def test_what_was_not_looked_at_for_one_reason_is_said_once_and_programs_get_each(width: int | None) -> None:
    nothing = skipped("after this failed: configuration")
    checks = [
        Check("a", "configuration", failed("it is wrong", "Correct it, and look with `allomia doctor --stack there`.")),
        *(Check(f"b{number}", f"check {number}", nothing) for number in range(20)),
        Check("c", "lock", ok("none")),
        Check("d", "stack", skipped("no stack was named", "Name one.")),
        Check("e", "passphrase", skipped("none is needed")),
    ]
    stream = StringIO()
    show_table(checks, Console(file=stream, width=width, force_terminal=width is not None, no_color=True))
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    lines = text.splitlines()
    assert text.count("after this failed: configuration") == 1
    assert "check 0, check 1," in text
    assert text.count("`allomia doctor --stack there`") == 1, "a command is on one line"
    states = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert states == ["failed", "ok", "skipped", "skipped", "skipped"]
    assert max(map(len, lines)) <= (width or 1000)
    assert lines[-1] == "1 ok, 1 failed (configuration), 22 not looked at"
    assert [check["id"] for check in json.loads(show_document(checks))["checks"]][1:3] == ["b0", "b1"]


def test_only_care_and_failures_need_somebody() -> None:
    assert not needs_care([Check("a", "a", ok("yes")), Check("b", "b", skipped("no stack"))])
    assert needs_care([Check("a", "a", care("so so", "Look."))])
    assert needs_care([Check("a", "a", failed("no"))])


def test_values_show_their_source_and_a_name_that_may_be_a_secret_is_not_told() -> None:
    vault = {"address": "https://vault.example", "auth": {"method": "token", "tokenEnv": SECRET}}
    configured = replace(stack(), settings={"vault": json.dumps(vault)})
    one = Subject(configured, environ={"ALLOMIA_OWNER": "ada"})
    checks = {check.id: check.finding for check in run_steps(configuration_steps(one, {"allomia:tenantKey": SECRET}))}
    assert checks["configuration.owner"].found == "ada (environment variable ALLOMIA_OWNER)"
    assert checks["configuration.apiUrl"].found == "https://allomia.com"
    assert checks["configuration.vault.auth"].found == "token from an environment variable"
    assert checks["configuration.others"].state is State.CARE
    assert SECRET not in str(checks)


def test_a_project_is_found_further_up_and_tells_its_python_and_its_plugin(tmp_path: Path) -> None:
    text = "name: clinic\nruntime: {name: python, options: {virtualenv: venv}}\n"
    text += "plugins: {providers: [{name: other, path: x}, {name: allomia, path: venv/bin}]}\n"
    (tmp_path / "Pulumi.yaml").write_text(text)
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {allomia:owner: ada}")
    (tmp_path / "deep").mkdir()
    project = read_project(tmp_path / "deep")
    assert (project.runtime, project.plugin_folder) == ("python", tmp_path / "venv/bin")
    assert project.python({}) == str(tmp_path / "venv/bin/python")
    assert project.stack_configuration("prod") == {"allomia:owner": "ada"}
    assert project.stack_configuration("other") == {}


def test_the_plugin_is_started_asked_for_its_version_and_ended(tmp_path: Path) -> None:
    programs = Path(sys.executable).parent
    text = f"name: clinic\nruntime: yaml\nplugins: {{providers: [{{name: allomia, path: {programs}}}]}}\n"
    (tmp_path / "Pulumi.yaml").write_text(text)
    found = check_plugin(read_project(tmp_path), {}, is_used=True)
    assert (found.state, found.found.split()[0]) == (State.OK, __version__)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("exit 1", "does not start and answer as a plugin"),
        ("echo hello", "does not start and answer as a plugin"),
        (None, "without pulumi-resource-allomia"),
    ],
)
def test_a_plugin_that_is_none_fails(tmp_path: Path, script: str | None, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: c\nruntime: go\nplugins: {providers: [{name: allomia, path: bin}]}\n")
    if script:
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "pulumi-resource-allomia"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    found = check_plugin(read_project(tmp_path), {}, is_used=True)
    assert found.state is State.FAILED
    assert text in found.found
    assert found.fix


def test_the_plugin_of_an_added_checkout_is_started_as_pulumi_starts_it(tmp_path: Path) -> None:
    sources = tmp_path / "a checkout"
    written = f"name: clinic\nruntime: yaml\npackages: {{allomia: {sources}}}\n"
    (tmp_path / "Pulumi.yaml").write_text(written)
    project = read_project(tmp_path)
    missing = check_plugin(project, {}, is_used=True)
    sources.mkdir()
    bare = check_plugin(project, {}, is_used=True)
    python = sources / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    package = check_plugin(project, {}, is_used=True)
    (sources / "__main__.py").write_text("raise SystemExit(1)\n")
    broken = check_plugin(project, {}, is_used=True)
    assert [each.state for each in (missing, bare, package, broken)] == [
        State.FAILED,
        State.FAILED,
        State.OK,
        State.FAILED,
    ]
    assert missing.found == f"packages in Pulumi.yaml names {sources}, which is no folder"
    assert bare.found == f"{sources}, which packages in Pulumi.yaml names, has no venv"
    assert bare.fix == "Make it with `pulumi install`."
    assert package.found == f"{__version__} at {sources} (packages in Pulumi.yaml)"
    assert broken.found == f"{sources} does not start and answer as a plugin"


def test_a_package_that_pulumi_fetches_itself_is_not_looked_for_on_path(tmp_path: Path) -> None:
    named = ("git.example/clinic/allomia-pulumi.git@0.2.0", "{source: allomia, version: 0.2.0}")
    for written in named:
        (tmp_path / "Pulumi.yaml").write_text(f"name: c\nruntime: go\npackages: {{allomia: {written}}}\n")
        found = check_plugin(read_project(tmp_path), {}, is_used=True)
        assert found.state is State.SKIPPED
        assert "which Pulumi fetches and starts itself" in found.found
        assert "0.2.0" not in found.found


def test_the_programs_own_python_is_asked_for_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("pulumi-language-python", "pulumi-resource-pulumi-python"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "Pulumi.yaml").write_text("name: clinic\nruntime: python\n")
    project = read_project(tmp_path)
    assert check_dynamic(project, {"PULUMI_PYTHON_CMD": sys.executable}).state is State.OK
    (programs / "lonely").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (programs / "lonely").chmod(0o755)
    lonely = check_dynamic(project, {"PULUMI_PYTHON_CMD": "lonely"})
    assert lonely.state is State.FAILED
    assert lonely.fix == install_hint(python=str(programs / "lonely"))


def test_what_a_state_declares_is_read_and_what_is_not_readable_is_left_out() -> None:
    settings = {"organizationId": "o1", "vaultSecret": {"mount": "secret", "path": "ehr", "field": "key"}}
    pending = [{"step": "revoke", "keyId": "k1", "why": "x"}, "nonsense"]
    state = {"resources": [key(record={"settings": settings}, pending=pending), key(), "nonsense", {"type": "other"}]}
    first, second = declared_keys(state)
    assert (first.name, first.organization_id, first.delivery) == (
        "ehr",
        "o1",
        VaultLocation(mount="secret", path="ehr", field="key"),
    )
    assert first.owed == ("revoke key k1", "something")
    assert (second.organization_id, second.delivery, second.owed) == ("", None, ())
    assert declared_keys({}) == []


def organization(kind: str = "allomia:index:Organization", **more: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:prod::clinic::{kind}::valley", "type": kind, "id": "o1", **more}


@pytest.mark.catalogue(113)
def test_organizations_are_read_of_both_faces_and_are_no_keys() -> None:
    settings = {"tenantKeyRef": "secret/allomia/tenant#api_key"}
    provider = "urn:pulumi:prod::clinic::pulumi:providers:allomia::north::7"
    outputs = {"record": {"settings": settings}, "pending": [{"step": "update"}]}
    odd = {"urn": "urn:x", "type": "allomia:index:Organization", "id": 7, "outputs": {"record": {"settings": 1}}}
    dynamic = organization("pulumi-python:dynamic/allomia:Organization")
    state = {"resources": [organization(provider=provider, outputs=outputs), dynamic, odd]}
    first, second, third = declared_organizations(state)
    assert (first.id, first.name, first.owed, first.has_own_provider) == ("o1", "valley", ("update",), True)
    assert str(first.tenant_key_ref) == settings["tenantKeyRef"]
    assert (second.id, second.tenant_key_ref, second.has_own_provider) == ("o1", None, False)
    assert (third.id, third.tenant_key_ref) == ("", None)
    assert declared_keys(state) == []
    assert declared_organizations({}) == []


def test_an_organization_in_the_making_is_read_from_its_operation() -> None:
    begun = {"type": "creating", "resource": organization(inputs={"name": "Valley", "email": {"ciphertext": "x"}})}
    updated = {"type": "updating", "resource": organization(inputs={"name": "Valley"})}
    key_begun = {"type": "creating", "resource": key()}
    (found,) = pending_organizations({"pending_operations": [begun, updated, key_begun, "nonsense"]})
    assert (found.title, found.email) == ("Valley", "")
    assert pending_organizations({}) == []


def test_an_organization_that_owes_something_is_named_and_needs_the_tenant_key() -> None:
    subject = Subject(stack(organization(outputs={"pending": [{"step": "update"}]})))
    assert check_owed(subject).found == "valley owes to update"
    by_hand = {"urn": URN, "type": "allomia:index:DashboardApiKey", "outputs": {}}
    assert subject.needs_tenant_key
    assert Subject(stack(organization(), by_hand)).needs_tenant_key
    assert not Subject(stack(by_hand)).needs_tenant_key


def test_what_is_owed_and_what_is_pending_name_the_way_on() -> None:
    leaving = {**key(), "delete": True}
    owing = key(pending=[{"step": "deliver"}])
    found = check_owed(Subject(stack(leaving, owing)))
    assert found.found == "ehr owes to deliver, ehr waits for its deletion"
    assert found.fix == "Run `pulumi up`, which does it."
    assert check_owed(Subject(stack(key()))).state is State.OK
    pending = check_pending(stack(pending_operations=[{"type": "creating", "resource": {"urn": URN}}]))
    assert pending.found == "creating ehr"
    assert check_pending(stack()).state is State.OK


def test_a_lock_says_whether_its_process_lives(tmp_path: Path) -> None:
    place = tmp_path / "locks" / "organization" / "clinic" / "prod"
    place.mkdir(parents=True)
    backend = Backend("file:///x", tmp_path)
    assert check_lock(stack(), backend).state is State.OK
    lock = {"pid": os.getpid(), "username": "ada", "hostname": socket.gethostname(), "timestamp": "then"}
    (place / "1.json").write_text(json.dumps(lock))
    assert check_lock(stack(), backend).fix == "Wait for that run to end."
    (place / "1.json").write_text(json.dumps({**lock, "hostname": "elsewhere"}))
    elsewhere = check_lock(stack(), backend)
    assert elsewhere.found == f"held by process {os.getpid()} of ada@elsewhere since then"
    assert "pulumi cancel" in elsewhere.fix
    (place / "1.json").write_text("nonsense")
    assert check_lock(stack(), backend).state is State.CARE
    assert check_lock(stack(), Backend("s3://bucket")).state is State.SKIPPED


@pytest.mark.parametrize(
    ("url", "name", "folder"),
    [
        ("postgres://ada:canary-password@db.example:5432/pulumi", "postgres://db.example/pulumi", None),
        ("s3://bucket/path?region=x", "s3://bucket/path", None),
        ("file:///srv/my%20state", "file:///srv/my state", Path("/srv/my state/.pulumi")),
    ],
)
def test_a_backend_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, name: str, folder: Path | None
) -> None:
    fake = tmp_path / "pulumi"
    fake.write_text(f"#!/bin/sh\necho '{json.dumps({'user': 'ada', 'url': url})}'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_backend(stack(folder=tmp_path)) == Backend(name, folder)
    fake.write_text("#!/bin/sh\necho '{}'\n")
    with pytest.raises(InvalidConfiguration, match="does not tell its backend"):
        find_backend(stack(folder=tmp_path))
    fake.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(InvalidConfiguration, match=r"`pulumi whoami --json` in .* failed"):
        find_backend(stack(folder=tmp_path))


ENCRYPTED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
LEAKS: dict[str, tuple[Any, str]] = {
    "an output in clear": (key(previousSecret="anything"), "previousSecret of ehr"),
    "the fingerprint of a key": ({"type": "other", "urn": "x", "inputs": {"env": [SECRET]}}, "an organization key"),
    "a known secret inside a text": ({"type": "other", "note": 'https://x/?key=canary"tenant'}, "the tenant key"),
}


@pytest.mark.parametrize(("resource", "what"), LEAKS.values(), ids=LEAKS)
def test_g3_a_secret_in_the_state_is_found_and_not_told(tmp_path: Path, resource: dict[str, Any], what: str) -> None:
    healthy = key(secret=ENCRYPTED, triggersHash="", secretFingerprint=fingerprint(SecretStr(SECRET)))
    known = {"the tenant key": SecretStr('canary"tenant')}
    one = stack(healthy, folder=tmp_path)
    assert search_secrets(Subject(one, known=known), one, tmp_path / "none.yaml").state is State.OK
    leaking = stack(healthy, resource, folder=tmp_path)
    found = search_secrets(Subject(leaking, known=known), leaking, tmp_path / "none.yaml")
    assert (found.state, found.found) == (State.FAILED, f"in clear: {what} in the state")
    assert SECRET not in repr(found)


def test_a_backup_that_cannot_be_unpacked_hides_nothing_of_the_others(tmp_path: Path) -> None:
    broken, whole = tmp_path / "1.json.gz", tmp_path / "2.json.gz"
    broken.write_bytes(gzip.compress(b"{}")[:10] + b"\xff" * 20)
    whole.write_bytes(gzip.compress(json.dumps({"env": SECRET}).encode()))
    search = _Search({"the tenant key": SecretStr(SECRET)})
    for file in (broken, whole):
        _search_file(search, file, Backend())
    assert search.found == {"the tenant key": ["2.json.gz"]}


def test_g3_a_project_that_is_looked_at_gets_no_secret_and_runs_no_file_beside_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    seen = tmp_path / "seen"
    project = tmp_path / "project"
    (project / "venv" / "bin").mkdir(parents=True)
    python = project / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nenv >> {seen}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (project / "json.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (project / "pulumi-resource-allomia").write_text(f"#!/bin/sh\nenv >> {seen}\n")
    (project / "pulumi-resource-allomia").chmod(0o755)
    runtime = "runtime: {name: python, options: {virtualenv: venv}}"
    plugins = "plugins: {providers: [{name: allomia, path: .}]}"
    (project / "Pulumi.yaml").write_text(f"name: clinic\n{runtime}\n{plugins}\n")
    secrets = dict.fromkeys(("VAULT_TOKEN", "BAO_TOKEN", "ALLOMIA_TENANT_KEY", "PULUMI_CONFIG_PASSPHRASE"), SECRET)
    for name, value in {**secrets, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}.items():
        monkeypatch.setenv(name, value)
    assert check_dynamic(read_project(project), os.environ).state is State.OK
    check_plugin(read_project(project), os.environ, is_used=True)
    assert seen.read_text().count("PATH=") >= 2
    assert SECRET not in seen.read_text()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["tokenFile", "caCertFile"])
def test_g3_a_token_where_the_name_of_a_file_belongs_is_not_shown(name: str) -> None:
    given = {"auth": {"tokenFile": SECRET}} if name == "tokenFile" else {"caCertFile": SECRET}
    settings = {"vault": json.dumps({"address": "https://vault.example", **given})}
    subject = Subject(replace(stack(), settings=settings), environ={})
    shown = " ".join(check.finding.found for check in run_steps(configuration_steps(subject, {})))
    assert SECRET not in shown
    assert "whose name is not shown: it may be a secret" in shown


def test_a_short_token_is_not_found_everywhere_and_that_is_said(tmp_path: Path) -> None:
    subject = Subject(stack(key(path="/opt/root"), folder=tmp_path), environ={})
    subject.known = {"the Vault token": SecretStr("root"), "the tenant key": SecretStr(SECRET)}
    finding = search_secrets(subject, subject.stack or stack(), tmp_path / "Pulumi.prod.yaml")
    assert finding.state is State.OK
    assert "the Vault token not searched for: too short to be told from other text" in finding.found


@pytest.mark.parametrize(
    ("environ", "state", "found"),
    [
        ({}, State.CARE, "neither PULUMI_CONFIG_PASSPHRASE nor PULUMI_CONFIG_PASSPHRASE_FILE is set"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, State.OK, "from environment variable PULUMI_CONFIG_PASSPHRASE"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere"}, State.CARE, "PULUMI_CONFIG_PASSPHRASE_FILE names no file"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": __file__}, State.OK, "from the file that environment variable"),
    ],
)
def test_a_missing_passphrase_is_seen(tmp_path: Path, environ: dict[str, str], state: State, found: str) -> None:
    configuration = tmp_path / "Pulumi.prod.yaml"
    encrypted = stack(secrets_providers={"type": "passphrase", "state": {"salt": "v1:x"}})
    finding = check_passphrase(encrypted, configuration, environ)
    assert finding.state is state
    assert found in finding.found
    configuration.write_text("encryptionsalt: v1:x\n")
    assert check_passphrase(stack(), configuration, environ).state is state
    elsewhere = stack(secrets_providers={"type": "service"})
    assert check_passphrase(elsewhere, configuration, {}).state is State.SKIPPED


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> Finding:
    """Look at the package where these versions of others are installed, and its own requirements are what they are."""

    def version(name: str) -> str:
        return versions.get(name) or metadata.version(name)

    monkeypatch.setattr("allomia_pulumi.cli.doctor.environment.version", version)
    return next(step for step in environment_steps({}) if step.id == "package").run()


@pytest.mark.catalogue(87)
@pytest.mark.parametrize("version", ["6.30.0", "6.30.2", "5.29.5", "4.25.0", "7.34.0"])
def test_a_protobuf_that_is_excluded_or_too_old_or_too_new_is_named_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    found = installed(monkeypatch, protobuf=version)
    assert found.state is State.FAILED
    assert f"protobuf is {version}, and !=6.30.*,<7,>=5.29.6 is required" in found.found
    assert found.fix == "Install what is required: pip install 'protobuf!=6.30.*,<7,>=5.29.6'"


@pytest.mark.parametrize("version", ["5.29.6", "6.29.4", "6.31.1", "6.33.0"])
def test_a_protobuf_that_is_allowed_is_well(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    assert installed(monkeypatch, protobuf=version).state is State.OK


def test_each_dependency_that_is_not_what_is_required_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"grpcio": "1.60.0", "h11": "0.14.0", "hvac": "2.3.0", "protobuf": "6.30.1", "urllib3": "1.26.0"}
    found = installed(monkeypatch, **old)
    for name, version in old.items():
        assert f"{name} is {version}, and " in found.found
        assert f"'{name}" in found.fix
