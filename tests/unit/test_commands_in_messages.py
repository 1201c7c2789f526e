"""Every `allomia …` command that the package can print is one that its command line takes."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

import allomia_pulumi
from allomia_pulumi.cli.app import app
from allomia_pulumi.cli.target import Target
from allomia_pulumi.core.messages import look_command, orphans_command, revoke_command
from allomia_pulumi.ground.identifiers import is_identifier

PACKAGE = Path(allomia_pulumi.__file__).parent
COMMANDS = ("keys", "orphans", "revoke", "doctor", "sandbox")
PRINTED = re.compile(rf"`?allomia ((?:{'|'.join(COMMANDS)})\b[^`\n]*)`?")

GROUP: Any = typer.main.get_command(app)
FILLED_IN = "X"
TEXTS = st.text(min_size=1, max_size=20)
IDS = TEXTS.filter(is_identifier)


def parse(command: str) -> dict[str, Any]:
    """Parse a command as the command line would, without running it; a usage error is an exception."""
    program, *words = shlex.split(command.removeprefix("`").removesuffix("`"))
    assert program == "allomia"
    name, *arguments = words
    parent = GROUP.make_context("allomia", [name, *arguments])
    parameters: dict[str, Any] = GROUP.commands[name].make_context(name, arguments, parent=parent).params
    return parameters


def texts(tree: ast.AST) -> Iterator[str]:
    """Return the texts of a module; what is only known when it runs is filled in, and docstrings are left out."""
    parts = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else FILLED_IN for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def printed() -> Iterator[tuple[str, str]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        for text in texts(ast.parse(file.read_text(encoding="utf-8"))):
            yield from ((f"{file.relative_to(PACKAGE)}: {found[1]}", text) for found in PRINTED.finditer(text))


FOUND = dict(printed())


def test_there_are_commands_in_the_texts() -> None:
    told = " ".join(FOUND)
    assert {name for name in COMMANDS if f": {name}" in told} >= {"keys", "orphans", "revoke"}


@pytest.mark.parametrize("where", FOUND)
def test_a_command_in_a_text_is_taken_as_it_is_printed(where: str) -> None:
    assert parse(f"allomia {where.partition(': ')[2]}") is not None


def test_what_the_command_line_does_not_take_is_found() -> None:
    for wrong in ("allomia revoke", "allomia keys --organisation X", "allomia orphans DIR", "allomia doctor --yes"):
        with pytest.raises(Exception, match=r"(Missing|No such|unexpected)"):
            parse(wrong)


@settings(max_examples=40, deadline=None)
@given(IDS, IDS)
def test_the_commands_of_messages_name_what_they_were_given(organization: str, key: str) -> None:
    revoked = parse(revoke_command(organization, key))
    assert (revoked["organization"], revoked["key_id"]) == (organization, key)
    assert parse(look_command(organization))["organization"] == [organization]


@pytest.mark.parametrize("key", ["-rf", "--yes", "-"])
def test_an_id_that_looks_like_an_option_is_none(key: str) -> None:
    parsed = parse(revoke_command("org", key, "--stack x"))
    assert (parsed["key_id"], parsed["yes"], parsed["stack"]) == (key, False, ["x"])


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS.filter(str.isprintable), max_size=2, unique=True), TEXTS, st.booleans())
def test_a_hint_points_at_what_the_command_was_pointed_at(stacks: list[str], given: str, is_alone: bool) -> None:
    target = Target(tuple(stacks), {"apiUrl": given, "tenantKeyRef": given}, is_alone=is_alone and not stacks)
    parsed = parse(look_command("org", target.options))
    assert list(parsed["stack"] or ()) == ([] if stacks == ["."] else stacks)
    assert (parsed["api_url"], parsed["tenant_key_ref"], parsed["no_stack"]) == (given, given, target.is_alone)


@settings(max_examples=40, deadline=None)
@given(TEXTS.filter(str.isprintable))
def test_the_command_for_lost_keys_names_the_folder(folder: str) -> None:
    assert parse(orphans_command(folder))["stack"] == [folder]
