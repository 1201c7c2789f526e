"""The commands of `allomia` with their arguments and options, from the click tree that typer builds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

import typer.main

from allomia_pulumi.cli.app import app
from tools.docs.tables import table

__all__ = ["describe_commands"]

# What typer adds to a program by itself.
ADDED: Final = {"help"}


def describe_commands() -> str:
    """Return a section for each command, in the order of the help."""
    # Typer brings a click of its own, which need not be the one that is installed.
    group: Any = typer.main.get_command(app)
    return "".join(_section(name, command) for name, command in group.commands.items() if not command.hidden)


def _section(name: str, command: Any) -> str:  # noqa: ANN401 - a command of typer's own click
    parameters = [each for each in command.params if each.name not in ADDED and not getattr(each, "hidden", False)]
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    options = [each for each in parameters if each.param_type_name == "option"]
    words = ["allomia", name, *(each.name.upper() for each in arguments), *(["[OPTIONS]"] if options else [])]
    parts = [f"## `{' '.join(words)}`\n\n{_prose(command.help)}\n\n"]
    if arguments:
        parts.append(
            table(["argument", "meaning"], [[f"`{each.name.upper()}`", each.help or ""] for each in arguments])
        )
    if options:
        parts.append(table(["option", "meaning", "default"], [list(_option(each)) for each in options]))
    return "".join(parts)


def _option(option: Any) -> Iterator[str]:  # noqa: ANN401 - an option of typer's own click
    default = option.default
    choices = f" One of {_listed(each.value for each in type(default))}." if isinstance(default, Enum) else ""
    yield _listed([*option.opts, *option.secondary_opts])
    yield f"{option.help or ''}{choices}"
    yield "" if option.is_flag or not option.show_default or default is None else f"`{_plain(default)}`"


def _plain(default: object) -> object:
    return default.value if isinstance(default, Enum) else default


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _prose(text: str | None) -> str:
    return "\n\n".join(" ".join(each.split()) for each in (text or "").split("\n\n"))
