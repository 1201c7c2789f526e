"""The help of the command line: at 80 columns, options that mean one thing, and flags without a type."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from allomia_pulumi.cli.app import app

GROUP: Any = typer.main.get_command(app)
NAMES = ["", *GROUP.commands]


def shown(name: str) -> str:
    result = CliRunner().invoke(
        app, [*name.split(), "--help"], env={"COLUMNS": "80", "TERM": "dumb"}, prog_name="allomia"
    )
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", NAMES)
def test_flags_show_no_type_and_no_line_is_too_wide(name: str) -> None:
    text = shown(name)
    assert "<bool>" not in text
    assert "BOOLEAN" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_short_option_means_the_same_everywhere() -> None:
    meanings: dict[str, set[str]] = {}
    for command in GROUP.commands.values():
        for parameter in command.params:
            for option in (each for each in parameter.opts if not each.startswith("--") and each.startswith("-")):
                meanings.setdefault(option, set()).add(next(each for each in parameter.opts if each.startswith("--")))
    assert meanings == {"-s": {"--stack"}, "-o": {"--output"}, "-y": {"--yes"}, "-a": {"--all"}}


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in shown("")


@pytest.mark.parametrize("name", ["keys", "organizations", "orphans", "revoke", "doctor"])
def test_whatever_reaches_allomia_takes_a_stack(name: str) -> None:
    options = {option for parameter in GROUP.commands[name].params for option in parameter.opts}
    assert options >= {"--stack", "--no-stack"}


@pytest.mark.parametrize("name", GROUP.commands)
def test_every_option_and_argument_says_what_it_is(name: str) -> None:
    command = GROUP.commands[name]
    assert command.epilog
    assert [parameter.name for parameter in command.params if not parameter.help] == []
