"""The command line in the folder of a project: its stack says how AlloMia is reached, and which keys matter."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.contract.scenes import STAND_IN, Terminal
from tests.fakes import LINEAGE
from tools.engine.processes import free_port
from tools.engine.sandbox import MadeKey

EHR = Identity(project="clinic", stack="prod", name="ehr")
URN = "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr"
NAME = "organization/clinic/prod"
NOTE = "note: stack clinic/prod of this folder is used, with AlloMia at 127.0.0.1; --no-stack leaves it out\n"


@dataclass
class Project:
    """A project with a stack `clinic/prod` that declares one key; its configuration alone knows AlloMia's address."""

    terminal: Terminal
    folder: Path
    deep: Path
    current: MadeKey
    environ: dict[str, str]

    def run(self, *arguments: str, folder: Path | None = None, **environ: str) -> CompletedProcess[str]:
        return self.terminal.run(*arguments, folder=folder or self.deep, **{**self.environ, **environ})


@pytest.fixture
def project(terminal: Terminal, tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    deep = folder / "src"
    deep.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: clinic\nruntime: yaml\n")
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    organization = terminal.organization
    current = terminal.sandbox.make_key_by_hand(organization, make_mark(EHR, "", LINEAGE).name("ehr"))
    record = {
        "stateVersion": 1,
        "identity": {"project": "clinic", "stack": "prod", "name": "ehr"},
        "owner": "",
        "lineage": LINEAGE,
        "settings": {"organizationId": organization},
    }
    outputs = {"keyId": current.id, "pending": [], "record": record}
    resource = {"urn": URN, "type": "allomia:index:OrganizationApiKey", "outputs": outputs}
    answers: dict[str, Any] = {
        "stack --show-name": NAME,
        "config --json": json.dumps({"allomia:apiUrl": {"value": terminal.sandbox.address}}),
        "whoami --json": json.dumps({"url": (tmp_path / "backend").as_uri()}),
        "stack ls": json.dumps([{"name": NAME}]),
        f"stack export {NAME}": json.dumps({"deployment": {"resources": [resource]}}),
    }
    (tmp_path / "bin" / "answers.json").write_text(json.dumps(answers))
    environ = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "ALLOMIA_API_URL": f"http://127.0.0.1:{free_port()}",
    }
    return Project(terminal, folder, deep, current, environ)


def test_the_stack_of_the_folder_wins_over_the_environment_and_is_named_in_a_line(project: Project) -> None:
    shown = project.run("keys")
    assert (shown.returncode, shown.stderr) == (0, NOTE)
    row = next(line for line in shown.stdout.splitlines() if project.current.id in line)
    assert row.endswith("  clinic/prod ehr")
    document = project.run("keys", "-o", "json")
    assert json.loads(document.stdout)["stacks"] == ["clinic/prod"]
    assert document.stderr == NOTE


def test_an_option_wins_over_the_stack_and_no_stack_leaves_it_out(project: Project) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    pointed = project.run("keys", "--api-url", nobody)
    assert (pointed.returncode, pointed.stdout) == (6, "")
    assert nobody in pointed.stderr
    alone = project.run("keys", "--no-stack")
    assert alone.returncode == 6
    assert project.environ["ALLOMIA_API_URL"] in alone.stderr
    assert "note:" not in alone.stderr
    both = project.run("keys", "--no-stack", "--stack", "..")
    assert both.returncode == 2
    assert "--no-stack leaves it out" in both.stderr


@pytest.mark.parametrize("where", ["in the folder", "named"])
def test_revoke_reaches_allomia_as_the_stack_does_and_says_whose_the_key_is(
    project: Project, tmp_path: Path, where: str
) -> None:
    words = ["revoke", project.terminal.organization, project.current.id, "--yes"]
    if where == "named":
        done = project.run(*words, "--stack", str(project.folder), folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    else:
        done = project.run(*words)
        assert (done.returncode, done.stderr) == (0, NOTE)
    assert "clinic/prod ehr)" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1].startswith("revoked: ")
    assert project.terminal.sandbox.alive(project.terminal.organization) == []


def test_a_hint_carries_what_the_command_was_pointed_at(project: Project, tmp_path: Path) -> None:
    organization = project.terminal.organization
    missing = project.run("revoke", organization, "nope", "--yes", "--stack", str(project.folder), folder=tmp_path)
    assert missing.returncode == 3
    command = f"allomia keys --organization {organization} --stack {project.folder}"
    assert f"`{command}`" in missing.stderr
    assert project.run(*command.split()[1:], folder=tmp_path).returncode == 0
    here = project.run("revoke", organization, "nope", "--yes")
    assert f"`allomia keys --organization {organization}`" in here.stderr


def test_orphans_and_doctor_look_at_the_stack_of_the_folder(project: Project) -> None:
    lost = project.terminal.sandbox.make_key_by_hand(
        project.terminal.organization, make_mark(EHR, "", LINEAGE).name("ehr")
    )
    found = project.run("orphans", "--output", "json")
    assert (found.returncode, found.stderr) == (8, NOTE)
    assert [each["id"] for each in json.loads(found.stdout)["orphans"]] == [lost.id]
    examined = project.run("doctor", "-o", "json")
    checks = {check["id"]: check for check in json.loads(examined.stdout)["checks"]}
    assert (checks["stack"]["state"], checks["stack"]["stack"]) == ("ok", "clinic/prod")
    assert checks["configuration.apiUrl"]["found"].endswith("(stack configuration allomia:apiUrl)")
    assert checks["orphans"]["found"] == "1 that no state knows"
    assert examined.stderr == NOTE
    alone = json.loads(project.run("doctor", "--no-stack", "-o", "json").stdout)["checks"]
    assert {check["stack"] for check in alone} == {None}


def test_a_stack_that_does_not_open_says_how_to_go_without_it(project: Project) -> None:
    (project.folder.parent / "bin" / "answers.json").write_text("{}")
    for command in ("keys", "orphans"):
        failed = project.run(command)
        assert (failed.returncode, failed.stdout) == (2, "")
        assert failed.stderr.splitlines()[-1].endswith("Or leave the stack of this folder out: --no-stack.")
    checks = json.loads(project.run("doctor", "-o", "json").stdout)["checks"]
    states = {check["id"]: check["state"] for check in checks if check["stack"]}
    assert states == {"stack": "failed", "configuration": "skipped"}


def test_keys_shows_the_organizations_of_the_stack_and_counts_the_others_in_a_line(project: Project) -> None:
    terminal = project.terminal
    others = [terminal.sandbox.add_organization(terminal.tenant, f"Clinic {number}") for number in range(38)]
    elsewhere = terminal.sandbox.add_organization(terminal.tenant, "Elsewhere")
    by_hand = terminal.sandbox.make_key_by_hand(elsewhere, "by hand")
    shown = project.run("keys").stdout
    assert [line for line in shown.splitlines() if line.startswith("organization ")] == [
        f"organization {terminal.organization} Valley Health"
    ]
    more = "39 more organizations: 1 with keys that are not this stack's, 38 without keys (--all shows them)"
    assert shown.splitlines()[-1] == more
    assert by_hand.id not in shown
    everything = project.run("keys", "--all").stdout
    assert everything.count("organization ") == 40
    assert by_hand.id in everything
    document = json.loads(project.run("keys", "-o", "json").stdout)
    used = {each["id"]: each["isUsed"] for each in document["organizations"]}
    assert used == {terminal.organization: True, elsewhere: False, **dict.fromkeys(others, False)}


def test_without_a_stack_only_organizations_without_keys_are_counted(project: Project) -> None:
    terminal = project.terminal
    reached = {"ALLOMIA_API_URL": terminal.sandbox.address}
    terminal.sandbox.add_organization(terminal.tenant, "Empty")
    one = terminal.run("keys").stdout
    assert "0 of 5 slots used" in one, "a line would save nothing"
    terminal.sandbox.add_organization(terminal.tenant, "Empty, too")
    shown = project.run("keys", "--no-stack", **reached).stdout
    assert shown.splitlines()[-1] == "2 more organizations without keys (--all shows them)"
    assert project.current.id in shown
    document = json.loads(project.run("keys", "--no-stack", "-o", "json", **reached).stdout)
    assert [each["isUsed"] for each in document["organizations"]] == [None] * 3
