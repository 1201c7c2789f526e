"""The commands that messages point to, as a person types them, against a real sandbox."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.contract.scenes import ALLOMIA, Terminal
from tests.fakes import LINEAGE
from tools.engine.build import Engine
from tools.engine.processes import free_port


def test_keys_shows_name_id_age_last_use_mark_and_slots_and_never_a_secret(terminal: Terminal) -> None:
    marked = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    first = terminal.sandbox.make_key_by_hand(terminal.organization, marked.name("ehr"))
    second = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    assert terminal.sandbox.key_status(terminal.organization, second.key) == 200
    shown = terminal.run("keys", "--organization", terminal.organization)
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = shown.stdout.splitlines()
    assert rows[0] == f"organization {terminal.organization}"
    assert rows[1].split() == ["NAME", "ID", "AGE", "LAST", "USED", "WHOSE"]
    assert rows[2].split()[:2] == [first.name, first.id]
    assert rows[2].rstrip().endswith(f"never      mark {marked.stack}/{marked.resource}")
    assert rows[3].rstrip().endswith(" s        nobody: by hand")
    assert rows[-1].strip() == "2 of 5 slots used"
    assert first.key not in shown.stdout
    assert second.key not in shown.stdout


def test_keys_shows_every_organization_that_the_tenant_key_sees(terminal: Terminal) -> None:
    other = terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    first = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    second = terminal.sandbox.make_key_by_hand(other, "by hand")
    shown = terminal.run("keys")
    headings = [line for line in shown.stdout.splitlines() if line.startswith("organization ")]
    assert sorted(headings) == sorted(
        [f"organization {terminal.organization} Valley Health", f"organization {other} Hill Clinic"]
    )
    assert first.id in shown.stdout
    assert second.id in shown.stdout


def test_keys_as_json_has_a_version_and_the_mark(terminal: Terminal) -> None:
    empty = json.loads(terminal.run("keys", "--organization", terminal.organization, "--output", "json").stdout)
    assert empty["organizations"][0]["keys"] == []
    key = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    document = json.loads(terminal.run("keys", "--output", "json").stdout)
    assert (document["version"], document["stacks"], document["unread"]) == (2, [], [])
    (organization,) = document["organizations"]
    assert (organization["id"], organization["name"]) == (terminal.organization, "Valley Health")
    assert organization["slots"] == {"used": 1, "limit": 5}
    (shown,) = organization["keys"]
    assert (shown["id"], shown["mark"], shown["whose"], shown["label"]) == (key.id, None, None, "by hand")


def test_an_organization_that_cannot_be_read_is_a_warning_and_the_rest_is_shown(terminal: Terminal) -> None:
    other = terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    marked = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    key = terminal.sandbox.make_key_by_hand(other, marked.name("ehr"))
    terminal.sandbox.add_fault("status", status=403, path=f"*/{terminal.organization}/api-keys*", times=None)
    for command in ("keys", "orphans"):
        shown = terminal.run(command)
        assert shown.returncode == 4
        assert key.id in shown.stdout
        assert shown.stderr.startswith("warning: ")
        assert terminal.organization in shown.stderr


def test_many_organizations_are_each_shown_once(terminal: Terminal) -> None:
    made = [terminal.sandbox.add_organization(terminal.tenant, f"Clinic {number}") for number in range(30)]
    document = json.loads(terminal.run("keys", "--output", "json").stdout)
    shown = [each["id"] for each in document["organizations"]]
    assert sorted(shown) == sorted([terminal.organization, *made])


def test_orphans_without_a_stack_lists_candidates_and_says_why_nothing_is_revoked(terminal: Terminal) -> None:
    marked = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    key = terminal.sandbox.make_key_by_hand(terminal.organization, marked.name("ehr"))
    by_hand = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    shown = terminal.run("orphans")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"stack mark {marked.stack}: 1 key\n" in shown.stdout
    assert key.id in shown.stdout
    assert by_hand.id not in shown.stdout
    assert shown.stdout.splitlines()[-1] == (
        "Nothing is revoked without a stack: a mark tells which stack made a key, and only that stack's state tells "
        "which keys it knows. Run it in the project's folder, or name the folder of each: `allomia orphans --stack DIR`"
    )
    document = json.loads(terminal.run("orphans", "--output", "json").stdout)
    assert (document["version"], [each["id"] for each in document["candidates"]]) == (1, [key.id])


ORPHANS_USAGE = {
    "revoke without a stack": (("--revoke", "--yes"), "nothing is revoked without a stack"),
    "yes without revoke": (("--yes",), "--yes answers the questions of --revoke"),
    "no terminal": (("--stack", ".", "--revoke"), "there is no terminal to ask at"),
    "no folder": (("--stack", "/nonexistent"), "/nonexistent is no folder"),
    "no project": (("--stack", "/"), "`pulumi stack --show-name` in / failed"),
    "no id": (("--organization", "a/b"), "the organization's id is empty or has characters that no id has"),
}


@pytest.mark.parametrize(("arguments", "text"), ORPHANS_USAGE.values(), ids=ORPHANS_USAGE)
def test_orphans_refuses_what_would_guess(
    terminal: Terminal, engine: Engine, tmp_path: Path, arguments: tuple[str, ...], text: str
) -> None:
    path = os.pathsep.join([*map(str, engine.path_entries()), terminal.environ["PATH"]])
    own = {**engine.environment(), "PATH": path, "HOME": str(tmp_path), "PULUMI_BACKEND_URL": tmp_path.as_uri()}
    failed = terminal.run("orphans", *arguments, **own)
    assert failed.returncode == 2
    assert failed.stdout == ""
    lines = failed.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
    assert text in lines[0]


def test_a_stack_needs_the_pulumi_command_and_says_so(terminal: Terminal, tmp_path: Path) -> None:
    failed = terminal.run("orphans", "--stack", str(tmp_path), PATH=str(tmp_path))
    assert failed.returncode == 2
    assert failed.stderr == (
        "error: the Pulumi CLI cannot be started (FileNotFoundError)\nhint: Install it, and put `pulumi` on PATH.\n"
    )


@pytest.mark.catalogue(22)
def test_hostile_names_do_not_reach_the_terminal(terminal: Terminal) -> None:
    terminal.sandbox.make_key_by_hand(terminal.organization, "a\x1b[31m[bold]b\u202ec")
    shown = terminal.run("keys", "--organization", terminal.organization).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]b" in shown


def test_revoke_needs_a_yes_without_a_terminal(terminal: Terminal) -> None:
    key = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    refused = terminal.run("revoke", terminal.organization, key.id)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: there is no terminal to ask at\nhint: Add --yes to revoke without asking.\n"
    assert terminal.sandbox.key_status(terminal.organization, key.key) == 200
    done = terminal.run("revoke", terminal.organization, key.id, "--yes")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("revoked: AlloMia confirmed it, the key itself answers 404")
    assert terminal.sandbox.key_status(terminal.organization, key.key) == 401
    again = terminal.run("revoke", terminal.organization, key.id, "--yes")
    assert again.returncode == 3
    assert f"allomia keys --organization {terminal.organization}" in again.stderr


@pytest.mark.parametrize(("answer", "code", "status"), [("n", 1, 200), ("y", 0, 401)])
def test_revoke_asks_at_a_terminal(terminal: Terminal, answer: str, code: int, status: int) -> None:
    key = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ALLOMIA, "revoke", terminal.organization, key.id],
        env=terminal.environ,
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
    assert terminal.sandbox.key_status(terminal.organization, key.key) == status


FAILURES: dict[str, tuple[Callable[[Terminal], dict[str, str]], int, str]] = {
    "no key": (lambda _: {"ALLOMIA_TENANT_KEY": ""}, 2, "no tenant key is configured"),
    "bad url": (lambda _: {"ALLOMIA_API_URL": "http://allomia.example"}, 2, "environment variable ALLOMIA_API_URL"),
    "unreachable": (lambda _: {"ALLOMIA_API_URL": f"http://127.0.0.1:{free_port()}"}, 6, "is not reachable"),
    "refused": (lambda _: {"ALLOMIA_TENANT_KEY": "alm_tenant_wrong"}, 4, "does not accept the key"),
    "reference": (lambda _: {"ALLOMIA_TENANT_KEY_REF": "alm_tenant_wrong"}, 2, "is not a Vault reference"),
}


@pytest.mark.parametrize(("change", "code", "text"), FAILURES.values(), ids=FAILURES)
def test_g5_every_failure_is_a_line_a_hint_and_an_exit_code(
    terminal: Terminal, change: Callable[[Terminal], dict[str, str]], code: int, text: str
) -> None:
    failed = terminal.run("keys", "--organization", terminal.organization, **change(terminal))
    assert failed.returncode == code
    assert failed.stdout == ""
    lines = failed.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
    assert text in lines[0]
    assert "alm_tenant_wrong" not in failed.stderr


def test_an_unknown_organization_has_a_code_of_its_own(terminal: Terminal) -> None:
    failed = terminal.run("keys", "--organization", "nope")
    assert failed.returncode == 3
    assert "organization nope does not exist" in failed.stderr


def test_usage_errors_show_no_traceback(terminal: Terminal) -> None:
    for arguments in ((), ("revoke",), ("keys", "--output", "xml"), ("nonsense",)):
        failed = terminal.run(*arguments)
        assert failed.returncode == 2, arguments
        assert "Traceback" not in failed.stderr
    assert terminal.run("--version").stdout.strip()
    assert "sandbox" in terminal.run("--help").stdout


def test_the_sandbox_refuses_other_hosts_in_a_line(terminal: Terminal) -> None:
    failed = terminal.run("sandbox", "--host", "192.0.2.1")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr


def test_what_the_sandbox_says_can_be_pasted_into_another_terminal(terminal: Terminal, tmp_path: Path) -> None:
    environ = {**terminal.environ, "TMPDIR": str(tmp_path)}
    command = [ALLOMIA, "sandbox", "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip("\n")]
        while lines[-1] != "  allomia keys":
            lines.append(process.stdout.readline().rstrip("\n"))
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "tenant.key").stat().st_mode & 0o777 == 0o600
        assert (folder / "tenant.key").read_text() not in "\n".join(lines)
        pasted = "\n".join([*lines[lines.index("In another terminal, to begin with:") :][2:-1], f"{ALLOMIA} keys"])
        bare = {"PATH": terminal.environ["PATH"], "HOME": "/nonexistent"}
        shown = subprocess.run(
            ["/bin/sh", "-ec", pasted], env=bare, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        organization = next(line.split()[1] for line in lines if line.startswith("  organization "))
        assert shown.stdout.splitlines() == [
            f"organization {organization} Valley Health Clinic",
            "0 of 5 slots used",
        ]
        process.terminate()
        assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_sandbox_overwrites_nothing_and_says_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "tenant.key"
    file.write_text("somebody's")
    failed = terminal.run("sandbox", "--port", "0", "--tenant-key-file", str(file))
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == (
        f"error: {file} is there already, and was not overwritten\n"
        "hint: Delete it if a sandbox that has ended left it there, or name another file.\n"
    )
    assert file.read_text() == "somebody's"
