"""The stack that a command uses: the one that is named, else that of the folder, and none where it is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from allomia_pulumi.cli import target as module
from allomia_pulumi.cli.stacks import Stack, find_project_file
from allomia_pulumi.cli.target import Target, find_target
from allomia_pulumi.errors import InvalidConfiguration, InvalidInput


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: clinic\nruntime: python\n")
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "deeper")
    return tmp_path


def test_the_project_is_found_further_up_as_pulumi_finds_it(project: Path) -> None:
    assert find_project_file(Path()) == project / "Pulumi.yaml"
    assert find_target() == Target((".",), {}, is_found=True)
    (project / "deep" / "Pulumi.yml").write_text("name: nearer\nruntime: yaml\n")
    assert find_project_file(Path()) == project / "deep" / "Pulumi.yml"


@pytest.mark.usefixtures("project")
def test_what_is_named_wins_and_no_stack_leaves_the_folders_out() -> None:
    assert find_target(["../x", "../x", "y@z"]) == Target(("../x", "y@z"), {})
    alone = find_target(no_stack=True, api_url="https://a", tenant_key_ref="")
    assert alone == Target((), {"apiUrl": "https://a"}, is_alone=True)
    with pytest.raises(InvalidInput, match="--no-stack leaves it out"):
        find_target(["x"], no_stack=True)


def test_outside_a_project_there_is_no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_target() == Target()


def test_a_folder_that_is_gone_is_in_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert find_target() == Target()


def test_a_folder_above_that_may_not_be_looked_into_has_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(place: Path) -> bool:
        if place.parent == tmp_path.parent:
            raise PermissionError
        return False

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "is_file", refuse)
    assert find_target() == Target()


def test_the_options_point_a_pasted_command_at_the_same_target() -> None:
    assert Target((".",), is_found=True).options == ""
    assert Target(("my dir@prod",), {"apiUrl": "https://a"}).options == "--stack 'my dir@prod' --api-url https://a"
    assert Target(is_alone=True).options == "--no-stack"


def test_the_stack_that_nobody_named_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(Path(), "clinic", "organization/clinic/prod", "prod", {}, frozenset(), {})
    monkeypatch.setattr(module, "open_stack", lambda _: stack)
    assert Target(("folder",)).open() == [stack]
    assert capsys.readouterr().err == ""
    assert Target((".",), is_found=True).open() == [stack]
    told = capsys.readouterr()
    assert (told.out, told.err) == (
        "",
        "note: stack clinic/prod of this folder is used; --no-stack leaves it out\n",
    )


@pytest.mark.parametrize(
    ("settings", "arguments", "told"),
    [
        (
            {"apiUrl": "https://user:word@allomia.elsewhere.example/x"},
            {},
            ", with AlloMia at allomia.elsewhere.example",
        ),
        ({"apiUrl": "https://allomia.elsewhere.example"}, {"apiUrl": "https://allomia.example"}, ""),
        ({"apiUrl": "no address"}, {}, ""),
        ({"vault": '{"address": "https://token@v.example"}'}, {}, ", with Vault at v.example"),
        (
            {"apiUrl": "https://a.example", "vault": '{"address": "https://v.example"}'},
            {},
            ", with AlloMia at a.example and Vault at v.example",
        ),
        (
            {"apiUrl": "https://a.example", "vault": '{"address": "https://v.example"}'},
            {"apiUrl": "https://b.example"},
            ", with Vault at v.example",
        ),
        ({"vault": "{"}, {}, ""),
        ({"vault": "[]"}, {}, ""),
        ({"vault": '{"address": 7}'}, {}, ""),
        ({"apiUrl": "https://[broken"}, {}, ""),
    ],
)
def test_g3_where_the_folders_stack_has_the_tenant_key_sent_is_said_by_its_host_alone(
    settings: dict[str, str], arguments: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(Path(), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), {})
    Target((".",), arguments, is_found=True).tell(stack)
    assert (
        capsys.readouterr().err == f"note: stack clinic/prod of this folder is used{told}; --no-stack leaves it out\n"
    )


def test_g3_where_a_provider_of_the_folders_stack_has_secrets_sent_is_said_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inputs = {"apiUrl": "https://a.example", "vault": {"address": "https://v.example"}}
    urn = "urn:pulumi:prod::clinic::pulumi:providers:allomia::tenant"
    deployment = {"resources": [{"urn": urn, "type": "pulumi:providers:allomia", "inputs": inputs}]}
    settings = {"apiUrl": "https://own.example"}
    stack = Stack(Path(), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), deployment)
    Target((".",), is_found=True).tell(stack)
    assert "with AlloMia at own.example, a.example and Vault at v.example; " in capsys.readouterr().err


def test_a_stack_that_does_not_open_names_the_way_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Stack:
        raise InvalidConfiguration("no stack is selected", "Select one.")

    monkeypatch.setattr(module, "open_stack", refuse)
    with pytest.raises(InvalidConfiguration) as found:
        Target((".",), is_found=True).open()
    assert found.value.hint == "Select one. Or leave the stack of this folder out: --no-stack."
    with pytest.raises(InvalidConfiguration) as named:
        Target(("x",)).open()
    assert named.value.hint == "Select one."
