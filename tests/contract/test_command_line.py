"""The commands that messages point to, as a person types them, against a real sandbox."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from allomia_pulumi.keys.marks import make_mark
from allomia_pulumi.keys.models import Identity
from tools.engine.processes import free_port
from tools.engine.sandbox import Sandbox

ALLOMIA = str(Path(sys.executable).with_name("allomia"))


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    organization: str
    environ: dict[str, str]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ALLOMIA, *arguments],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )


@pytest.fixture
def scene(sandbox: Sandbox) -> Iterator[Scene]:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "ALLOMIA_API_URL": sandbox.address,
        "ALLOMIA_TENANT_KEY": tenant.key,
    }
    yield Scene(sandbox, organization, environ)
    sandbox.clear_faults()


def test_keys_shows_name_id_age_mark_and_slots_and_never_a_secret(scene: Scene) -> None:
    marked = make_mark(Identity(project="p", stack="s", name="ehr"), "")
    first = scene.sandbox.make_key_by_hand(scene.organization, marked.name("ehr"))
    second = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    shown = scene.run("keys", "--organization", scene.organization)
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = shown.stdout.splitlines()
    assert rows[1].split() == ["NAME", "ID", "AGE", "MARK", "OF"]
    assert rows[2].split() == [first.name, first.id, *rows[2].split()[2:4], f"{marked.stack}/{marked.resource}"]
    assert "nobody: by hand" in rows[3]
    assert rows[-1].strip() == "2 of 5 slots used"
    assert first.key not in shown.stdout
    assert second.key not in shown.stdout


def test_keys_as_json_has_a_version_and_the_mark(scene: Scene) -> None:
    assert json.loads(scene.run("keys", "-o", scene.organization, "--output", "json").stdout)["keys"] == []
    key = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    document = json.loads(scene.run("keys", "-o", scene.organization, "--output", "json").stdout)
    assert document["version"] == 1
    assert document["slots"] == {"used": 1, "limit": 5}
    assert (document["keys"][0]["id"], document["keys"][0]["mark"]) == (key.id, None)


def test_hostile_names_do_not_reach_the_terminal(scene: Scene) -> None:
    scene.sandbox.make_key_by_hand(scene.organization, "a\x1b[31m[bold]b\u202ec")
    shown = scene.run("keys", "-o", scene.organization).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]b" in shown


def test_revoke_needs_a_yes_without_a_terminal(scene: Scene) -> None:
    key = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    refused = scene.run("revoke", scene.organization, key.id)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: there is no terminal to ask at\nhint: Add --yes to revoke without asking.\n"
    assert scene.sandbox.key_status(scene.organization, key.key) == 200
    done = scene.run("revoke", scene.organization, key.id, "--yes")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "revoked")
    assert scene.sandbox.key_status(scene.organization, key.key) == 401
    again = scene.run("revoke", scene.organization, key.id, "--yes")
    assert again.returncode == 3
    assert f"allomia keys --organization {scene.organization}" in again.stderr


@pytest.mark.parametrize(("answer", "code", "status"), [("n", 1, 200), ("y", 0, 401)])
def test_revoke_asks_at_a_terminal(scene: Scene, answer: str, code: int, status: int) -> None:
    key = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ALLOMIA, "revoke", scene.organization, key.id],
        env=scene.environ,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, f"{answer}\n".encode())
    stdout, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code
    assert b"by hand" in stdout
    assert scene.sandbox.key_status(scene.organization, key.key) == status


FAILURES: dict[str, tuple[Callable[[Scene], dict[str, str]], int, str]] = {
    "no key": (lambda _: {"ALLOMIA_TENANT_KEY": ""}, 2, "no tenant key is configured"),
    "bad url": (lambda _: {"ALLOMIA_API_URL": "http://allomia.example"}, 2, "environment variable ALLOMIA_API_URL"),
    "unreachable": (lambda _: {"ALLOMIA_API_URL": f"http://127.0.0.1:{free_port()}"}, 6, "is not reachable"),
    "refused": (lambda _: {"ALLOMIA_TENANT_KEY": "alm_tenant_wrong"}, 4, "does not accept the key"),
    "reference": (lambda _: {"ALLOMIA_TENANT_KEY_REF": "alm_tenant_wrong"}, 2, "is not a Vault reference"),
}


@pytest.mark.parametrize(("change", "code", "text"), FAILURES.values(), ids=FAILURES)
def test_g5_every_failure_is_a_line_a_hint_and_an_exit_code(
    scene: Scene, change: Callable[[Scene], dict[str, str]], code: int, text: str
) -> None:
    failed = scene.run("keys", "-o", scene.organization, **change(scene))
    assert failed.returncode == code
    assert failed.stdout == ""
    lines = failed.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
    assert text in lines[0]
    assert "alm_tenant_wrong" not in failed.stderr


def test_an_unknown_organization_has_a_code_of_its_own(scene: Scene) -> None:
    failed = scene.run("keys", "-o", "nope")
    assert failed.returncode == 3
    assert "organization nope does not exist" in failed.stderr


def test_usage_errors_show_no_traceback(scene: Scene) -> None:
    for arguments in ((), ("keys",), ("keys", "--output", "xml"), ("nonsense",)):
        failed = scene.run(*arguments)
        assert failed.returncode == 2, arguments
        assert "Traceback" not in failed.stderr
    assert scene.run("--version").stdout.strip()
    assert "sandbox" in scene.run("--help").stdout


def test_the_sandbox_refuses_other_hosts_in_a_line(scene: Scene) -> None:
    failed = scene.run("sandbox", "--host", "192.0.2.1")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr
