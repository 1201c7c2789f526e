"""`allomia organizations`, and the bulk-import files of organizations and keys, beside a stack's state."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.contract.scenes import STAND_IN, Terminal
from tests.fakes import LINEAGE

NAME = "organization/clinic/prod"
ORGANIZATION = "allomia:index:Organization"
KEY = "allomia:index:OrganizationApiKey"
DYNAMIC = "pulumi-python:dynamic/allomia:"
OTHER = Identity(project="other", stack="prod", name="ehr")
OURS = Identity(project="clinic", stack="prod", name="ehr")

SECOND_EXPORT = """
if command.startswith("stack export"):
    begun = pathlib.Path(__file__).with_name("begun")
    if begun.exists():
        answers[command] = pathlib.Path(__file__).with_name("later.json").read_text()
    begun.touch()
"""


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:prod::clinic::{kind}::{name}"


@dataclass
class Stack:
    """A project's folder with a stack whose state is made up, and a terminal in it."""

    terminal: Terminal
    folder: Path
    resources: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)

    def declare(self, kind: str, name: str, pulumi_id: str, **outputs: Any) -> None:
        resource = {"urn": urn(kind, name), "type": kind, "id": pulumi_id, "outputs": outputs}
        self.resources.append(resource)

    def begin(self, logical_name: str, **inputs: str) -> None:
        resource = {"urn": urn(ORGANIZATION, logical_name), "type": ORGANIZATION, "inputs": inputs}
        self.pending.append({"type": "creating", "resource": resource})

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        state = {"resources": self.resources, "pending_operations": self.pending}
        answers = {
            "stack --show-name": NAME,
            "config --json": "{}",
            f"stack export {NAME}": json.dumps({"deployment": state}),
        }
        (self.folder / "bin" / "answers.json").write_text(json.dumps(answers))
        path = f"{self.folder / 'bin'}:{self.terminal.environ['PATH']}"
        return self.terminal.run(*arguments, folder=self.folder, **{"PATH": path, **environ})

    def imported(self, *arguments: str, file: str = "import.json") -> list[dict[str, Any]]:
        done = self.run(*arguments, "--import-file", file)
        assert done.returncode == 0, done.stderr
        document = json.loads((self.folder / file).read_text())
        resources: list[dict[str, Any]] = document["resources"]
        return resources


@pytest.fixture
def stack(terminal: Terminal, tmp_path: Path) -> Iterator[Stack]:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: clinic\nruntime: python\n")
    yield Stack(terminal, tmp_path)
    terminal.sandbox.clear_faults()


def calls(terminal: Terminal, since: int) -> list[str]:
    """Return the calls of the tenant key, whatever their order."""
    return sorted(
        f"{event.method} {event.path}" for event in terminal.sandbox.events(since) if event.credential == "tenant"
    )


def test_the_table_shows_what_the_list_says_by_one_call(terminal: Terminal) -> None:
    terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    before = terminal.sandbox.last_event()
    shown = terminal.run("organizations")
    assert (shown.returncode, shown.stderr) == (0, "")
    title, first, second, last = shown.stdout.splitlines()
    assert re.split("  +", title) == ["NAME", "ID", "CITY", "TIME ZONE"]
    assert re.split("  +", first) == ["Valley Health", terminal.organization, "San Francisco", "America/Los_Angeles"]
    assert second.startswith("Hill Clinic ")
    assert last == "AlloMia's list does not say which are active: --active asks each."
    assert calls(terminal, before) == ["GET /api/organization"]


def test_who_is_active_and_how_many_keys_there_are_is_asked_of_each(terminal: Terminal) -> None:
    gone = terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    terminal.sandbox.deactivate_organization(gone)
    terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    shown = terminal.run("organizations", "--active", "--keys").stdout.splitlines()
    rows = {cells[0]: cells[-2:] for cells in (re.split("  +", line) for line in shown)}
    assert rows["NAME"] == ["ACTIVE", "KEYS"]
    assert rows["Valley Health"] == ["yes", "1 of 5"]
    assert rows["Hill Clinic"][0] == "no"
    document = json.loads(terminal.run("organizations", "--active", "--keys", "-o", "json").stdout)
    assert (document["version"], document["stacks"], document["missing"], document["unread"]) == (1, [], [], [])
    by_name = {each["name"]: each for each in document["organizations"]}
    assert by_name["Valley Health"]["slots"] == {"used": 1, "limit": 5}
    assert {name: each["isActive"] for name, each in by_name.items()} == {"Valley Health": True, "Hill Clinic": False}
    assert set(by_name["Valley Health"]) >= {
        "id",
        "city",
        "country",
        "timezone",
        "createdAt",
        "declaredBy",
        "perhapsBy",
    }


def test_chosen_ones_are_asked_for_themselves(terminal: Terminal) -> None:
    terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    found = json.loads(terminal.run("organizations", "--search", "hill", "-o", "json").stdout)["organizations"]
    assert [(each["name"], each["isActive"]) for each in found] == [("Hill Clinic", True)]
    before = terminal.sandbox.last_event()
    shown = terminal.run("organizations", "--organization", terminal.organization)
    assert shown.stdout.splitlines()[1].endswith("  yes")
    assert calls(terminal, before) == [f"GET /api/organization/{terminal.organization}"]
    nothing = terminal.run("organizations", "--search", "nowhere")
    assert (nothing.returncode, nothing.stdout) == (0, "no organization has that in its name\n")


def test_an_organization_that_cannot_be_read_is_a_warning_and_the_rest_is_shown(terminal: Terminal) -> None:
    terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    terminal.sandbox.add_fault("status", status=403, path=f"*/organization/{terminal.organization}", times=None)
    shown = terminal.run("organizations", "--active")
    assert shown.returncode == 4
    rows = {line.split("  ")[0]: line for line in shown.stdout.splitlines()}
    assert rows["Hill Clinic"].endswith("  yes")
    assert rows["Valley Health"].endswith("  not known")
    assert shown.stderr.startswith("warning: ")
    unknown = terminal.run("organizations", "--organization", "nope")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert unknown.stderr.startswith("error: organization nope does not exist")


def test_missing_key_endpoints_are_said_once_for_all_organizations(terminal: Terminal) -> None:
    terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    terminal.sandbox.settings(key_endpoints=False)
    try:
        shown = terminal.run("organizations", "--keys")
    finally:
        terminal.sandbox.settings(key_endpoints=True)
    assert shown.returncode == 3
    assert shown.stderr.count("AlloMia serves no key endpoints") == 1
    assert shown.stdout.count("  not known") == 2


USAGE = {
    "no id": (("--organization", "a/b"), "the organization's id is empty or has characters that no id has"),
    "two choices": (("--organization", "a", "--search", "b"), "--organization and --search both choose"),
    "no folder": (("--import-file", "/nonexistent/file"), "there is no such folder"),
    "a file": (("--import-file", "/etc/hostname"), "/etc/hostname is there already, and was not overwritten"),
}


@pytest.mark.parametrize(("arguments", "text"), USAGE.values(), ids=USAGE)
def test_g5_what_cannot_be_meant_is_said_before_anybody_is_asked(
    terminal: Terminal, arguments: tuple[str, ...], text: str
) -> None:
    before = terminal.sandbox.last_event()
    failed = terminal.run("organizations", *arguments)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert [line.partition(":")[0] for line in failed.stderr.splitlines()] == ["error", "hint"]
    assert text in failed.stderr
    assert calls(terminal, before) == []


@pytest.mark.parametrize("face", ["allomia:index:", DYNAMIC])
def test_the_stack_of_the_folder_says_which_it_declares(stack: Stack, face: str) -> None:
    other = stack.terminal.sandbox.add_organization(stack.terminal.tenant, "Hill Clinic")
    stack.declare(f"{face}Organization", "valley", stack.terminal.organization)
    shown = stack.run("organizations")
    assert shown.stderr.startswith("note: stack clinic/prod of this folder is used")
    rows = {line.split("  ")[0]: line for line in shown.stdout.splitlines()}
    assert rows["NAME"].endswith("  DECLARED BY")
    assert rows["Valley Health"].endswith("  clinic/prod valley")
    assert rows["Hill Clinic"].endswith("  -")
    document = json.loads(stack.run("organizations", "-o", "json").stdout)
    declared = {each["id"]: each["declaredBy"] for each in document["organizations"]}
    assert declared[stack.terminal.organization] == [
        {"stack": "clinic/prod", "urn": urn(f"{face}Organization", "valley")}
    ]
    assert declared[other] == []
    assert "DECLARED BY" not in stack.run("organizations", "--no-stack").stdout


def test_what_a_stack_declares_and_no_list_has_is_a_warning(stack: Stack) -> None:
    stack.declare(ORGANIZATION, "gone", "0000")
    shown = stack.run("organizations")
    assert "warning: declared, and not in AlloMia's list: 0000 by clinic/prod gone" in shown.stderr
    assert shown.returncode == 0
    assert "0000" not in stack.run("organizations", "--search", "valley").stderr


@pytest.mark.catalogue(128)
def test_the_file_has_every_active_organization_that_no_stack_declares(stack: Stack) -> None:
    sandbox, tenant = stack.terminal.sandbox, stack.terminal.tenant
    twins = [sandbox.add_organization(tenant, "Valley Health") for _ in range(2)]
    gone = sandbox.add_organization(tenant, "Gone Clinic")
    sandbox.deactivate_organization(gone)
    stack.declare(f"{DYNAMIC}Organization", "valley", stack.terminal.organization)
    done = stack.run("organizations", "--import-file", "import.json")
    assert done.stdout.splitlines() == [
        "2 organizations written to import.json",
        "Next: `pulumi import --file import.json`.",
    ]
    notes = done.stderr.splitlines()[1:]
    assert notes == [
        f"note: 1 organization left out ({stack.terminal.organization} Valley Health): declared already",
        f"warning: 1 organization left out ({gone} Gone Clinic): deactivated; --organization ID takes one all the same",
    ]
    assert json.loads((stack.folder / "import.json").read_text()) == {
        "resources": [{"type": ORGANIZATION, "name": f"valley-health-{each[:8]}", "id": each} for each in twins]
    }
    named = stack.imported("organizations", "--organization", gone, file="named.json")
    assert named == [{"type": ORGANIZATION, "name": "gone-clinic", "id": gone}]


@pytest.mark.catalogue(128)
def test_a_clinic_that_a_program_only_looks_up_is_imported_under_another_name(stack: Stack) -> None:
    stack.declare(ORGANIZATION, "valley-health", stack.terminal.organization)
    stack.resources[0]["external"] = True
    (taken,) = stack.imported("organizations")
    assert taken["id"] == stack.terminal.organization
    assert taken["name"] == f"valley-health-{stack.terminal.organization[:8]}"
    document = json.loads(stack.run("organizations", "-o", "json").stdout)
    assert [each["declaredBy"] for each in document["organizations"]] == [[]]


@pytest.mark.catalogue(128)
def test_an_organization_that_may_be_in_the_making_is_left_out_unless_it_is_named(stack: Stack) -> None:
    sandbox = stack.terminal.sandbox
    made = sandbox.add_organization(stack.terminal.tenant, "Hill Clinic")
    stack.begin("hill", name="Hill Clinic")
    stack.begin("valley", name="Valley Health", email="another@clinic.example")
    assert [each["id"] for each in stack.imported("organizations")] == [stack.terminal.organization]
    assert "  perhaps clinic/prod hill, being made" in stack.run("organizations").stdout
    named = stack.imported("organizations", "--organization", made, file="named.json")
    assert [each["id"] for each in named] == [made]


@pytest.mark.catalogue(128)
def test_a_file_that_would_import_nothing_is_an_error_and_is_not_written(stack: Stack) -> None:
    stack.declare(ORGANIZATION, "valley", stack.terminal.organization)
    for command in ("organizations", "keys"):
        failed = stack.run(command, "--import-file", "import.json")
        assert (failed.returncode, failed.stdout) == (3, "")
        assert "error: import.json was not written, since it would import nothing" in failed.stderr
    assert not (stack.folder / "import.json").exists()
    searched = stack.run("organizations", "--search", "nowhere", "--import-file", "import.json")
    assert searched.returncode == 3
    assert "there is no organization" in searched.stderr


@pytest.mark.catalogue(128)
def test_one_that_cannot_be_read_is_left_out_and_the_exit_code_tells(stack: Stack) -> None:
    sandbox = stack.terminal.sandbox
    hill = sandbox.add_organization(stack.terminal.tenant, "Hill Clinic")
    sandbox.add_fault("status", status=403, path=f"*/organization/{stack.terminal.organization}", times=None)
    done = stack.run("organizations", "--import-file", "import.json", "-o", "json")
    assert done.returncode == 4
    written = json.loads(done.stdout)["importFile"]
    assert (written["file"], written["resources"]) == ("import.json", 1)
    assert written["leftOut"] == [{"id": stack.terminal.organization, "reason": "not readable; look again later"}]
    assert [each["id"] for each in json.loads((stack.folder / "import.json").read_text())["resources"]] == [hill]
    assert "Next: `pulumi import --file import.json`." in done.stderr


@pytest.mark.catalogue(126)
def test_nothing_is_overwritten_and_nothing_else_is_written(stack: Stack) -> None:
    before = sorted(each.name for each in stack.folder.rglob("*"))
    seen = stack.terminal.sandbox.last_event()
    stack.imported("organizations")
    content = (stack.folder / "import.json").read_bytes()
    again = stack.run("organizations", "--import-file", "import.json")
    assert again.returncode == 2
    assert "import.json is there already, and was not overwritten" in again.stderr
    assert (stack.folder / "import.json").read_bytes() == content
    after = sorted(each.name for each in stack.folder.rglob("*"))
    assert set(after) - set(before) <= {"import.json", "answers.json"}
    assert {event.method for event in stack.terminal.sandbox.events(seen)} == {"GET"}


def key_state(terminal: Terminal, key_id: str) -> dict[str, Any]:
    settings = {"organizationId": terminal.organization}
    identity = {"project": "clinic", "stack": "prod", "name": "ehr"}
    record = {"stateVersion": 1, "identity": identity, "owner": "", "lineage": LINEAGE, "settings": settings}
    return {"keyId": key_id, "pending": [], "record": record}


@pytest.mark.catalogue(128)
def test_keys_are_imported_by_hand_made_and_others_only_if_asked_for(stack: Stack) -> None:
    terminal = stack.terminal
    current = terminal.sandbox.make_key_by_hand(terminal.organization, make_mark(OURS, "", LINEAGE).name("ehr"))
    orphan = terminal.sandbox.make_key_by_hand(terminal.organization, make_mark(OURS, "", LINEAGE).name("ehr"))
    foreign = terminal.sandbox.make_key_by_hand(terminal.organization, make_mark(OTHER, "", LINEAGE).name("Lab Sync"))
    by_hand = terminal.sandbox.make_key_by_hand(terminal.organization, "EHR sync")
    stack.declare(KEY, "ehr", f"{terminal.organization}/{current.id}", **key_state(terminal, current.id))
    done = stack.run("keys", "--import-file", "import.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["1 key written to import.json", "Next: `pulumi import --file import.json`."]
    assert "ALLOMIA_IMPORT_VAULT_SECRET" in lines[2]
    lost = "made by this stack, whose state does not know it; look with `allomia orphans`"
    others = "with the mark of another stack, which may still hold it; --foreign takes it too"
    assert done.stderr.splitlines()[1:] == [
        f"note: 1 key left out ({current.id} ehr): declared already",
        f"warning: 1 key left out ({orphan.id} ehr): {lost}",
        f"warning: 1 key left out ({foreign.id} Lab Sync): {others}",
    ]
    entry = {"type": KEY, "name": "valley-health-ehr-sync", "id": f"{terminal.organization}/{by_hand.id}"}
    assert json.loads((stack.folder / "import.json").read_text()) == {"resources": [entry]}
    both = stack.run("keys", "--import-file", "both.json", "--foreign", "-o", "json")
    assert "warning: keys with another stack's mark in the file: 1." in both.stderr
    document = json.loads(both.stdout)
    assert (document["version"], document["importFile"]["resources"]) == (2, 2)
    names = [each["name"] for each in json.loads((stack.folder / "both.json").read_text())["resources"]]
    assert names == ["valley-health-lab-sync", "valley-health-ehr-sync"]
    for secret in (current.key, orphan.key, foreign.key, by_hand.key):
        assert secret not in done.stdout + done.stderr + both.stdout + both.stderr


@pytest.mark.catalogue(128)
def test_a_key_that_a_dashboard_key_of_the_stack_may_hold_is_left_out(stack: Stack) -> None:
    terminal = stack.terminal
    hill = terminal.sandbox.add_organization(terminal.tenant, "Hill Clinic")
    held = terminal.sandbox.make_key_by_hand(terminal.organization, "EHR sync")
    free = terminal.sandbox.make_key_by_hand(hill, "EHR sync")
    record = {"settings": {"organizationId": terminal.organization, "vaultSecret": "secret/ehr#api_key"}}
    stack.declare(f"{DYNAMIC}DashboardApiKey", "ehr", "x", record=record)
    done = stack.run("keys", "--import-file", "import.json")
    assert f"1 key left out ({held.id} EHR sync): perhaps what a DashboardApiKey of the stack holds" in done.stderr
    (entry,) = json.loads((stack.folder / "import.json").read_text())["resources"]
    assert entry["id"] == f"{hill}/{free.id}"
    stack.declare(f"{DYNAMIC}DashboardApiKey", "hidden", "x", record={"settings": {"ciphertext": "x"}})
    assert stack.run("keys", "--import-file", "none.json").returncode == 3


@pytest.mark.catalogue(128)
def test_what_a_run_puts_into_the_state_while_the_list_is_read_is_not_imported_again(stack: Stack) -> None:
    """The state is read once more, after the list."""
    program = stack.folder / "bin" / "pulumi"
    program.write_text(
        program.read_text().replace("if command not in answers:", SECOND_EXPORT + "if command not in answers:")
    )
    later = {"urn": urn(ORGANIZATION, "valley"), "type": ORGANIZATION, "id": stack.terminal.organization}
    (stack.folder / "bin" / "later.json").write_text(json.dumps({"deployment": {"resources": [later]}}))
    done = stack.run("organizations", "--import-file", "import.json")
    assert done.returncode == 3
    assert f"1 organization left out ({stack.terminal.organization} Valley Health): declared already" in done.stderr


def test_foreign_without_a_file_is_a_usage_error(terminal: Terminal) -> None:
    failed = terminal.run("keys", "--foreign")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "--foreign is about what --import-file takes" in failed.stderr


@pytest.mark.catalogue(113)
def test_keys_and_orphans_pass_over_organizations_and_keys_shows_those_of_the_stack(stack: Stack) -> None:
    terminal = stack.terminal
    made = terminal.sandbox.make_key_by_hand(terminal.organization, "by hand")
    created_at = datetime.now(UTC).isoformat()
    for number, face in enumerate(("allomia:index:", DYNAMIC)):
        stack.declare(f"{face}Organization", f"o{number}", terminal.organization, createdAt=created_at, pending=[])
    shown = stack.run("keys")
    assert shown.returncode == 0, shown.stderr
    assert f"organization {terminal.organization} Valley Health" in shown.stdout
    orphans = stack.run("orphans")
    assert orphans.returncode == 0, orphans.stderr
    assert orphans.stdout.startswith("clinic/prod: 0 declared keys alive\nno orphans\n")
    assert f"{made.id}" in orphans.stdout
