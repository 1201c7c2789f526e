"""Target of a command: the stacks that it looks at, and the settings that win over theirs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from allomia_pulumi.cli.access import accesses
from allomia_pulumi.cli.exit_codes import note
from allomia_pulumi.cli.stacks import Stack, find_project_file, open_stack
from allomia_pulumi.errors import AllomiaError, InvalidInput
from allomia_pulumi.ground.redaction import printable

__all__ = ["LEAVE_OUT", "ApiUrl", "NoStack", "Stacks", "Target", "TenantKeyRef", "find_target"]

HERE = "."
LEAVE_OUT = "Or leave the stack of this folder out: --no-stack."

Stacks = Annotated[
    list[str] | None,
    typer.Option(
        "--stack",
        "-s",
        metavar="DIR[@STACK]",
        help="Folder of a Pulumi project, for its selected stack or another. Repeatable. Default: the project that the "
        "current folder is in.",
        show_default=False,
    ),
]
NoStack = Annotated[
    bool, typer.Option("--no-stack", help="Leave out the stack of the current folder: the environment alone counts.")
]
ApiUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="AlloMia's address; wins over the stack and ALLOMIA_API_URL.", show_default=False),
]
TenantKeyRef = Annotated[
    str | None,
    typer.Option(
        metavar="MOUNT/PATH#FIELD",
        help="Where the tenant key lies in Vault; wins over the stack and ALLOMIA_TENANT_KEY_REF.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Target:
    """The stacks of a command, and what it was given that wins over their configuration.

    Attributes:
        stacks: Each as `--stack` takes it.
        arguments: The settings that were given, by their names in the configuration.
        is_found: Whether the stack is that of the current folder, which nobody asked for.
        is_alone: Whether the stack of the current folder was left out.
    """

    stacks: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    is_found: bool = False
    is_alone: bool = False

    @property
    def options(self) -> str:
        """Return the options that point another command, pasted into the same shell, at the same target."""
        # The stack of this folder is found there again.
        named = [] if self.stacks == (HERE,) else [("--stack", each) for each in self.stacks]
        options = {"apiUrl": "--api-url", "tenantKeyRef": "--tenant-key-ref"}
        named += [(option, self.arguments[name]) for name, option in options.items() if name in self.arguments]
        words = [f"{option} {shlex.quote(value)}" for option, value in named]
        return " ".join([*words, "--no-stack"] if self.is_alone else words)

    def open(self) -> list[Stack]:
        """Open the stacks; say which one it is that nobody asked for.

        Raises:
            AllomiaError: A stack does not show.
        """
        try:
            opened = [open_stack(each) for each in self.stacks]
        except AllomiaError as problem:
            raise (problem.with_hint(LEAVE_OUT) if self.is_found else problem) from None
        if self.is_found:
            self.tell(opened[0])
        return opened

    def tell(self, stack: Stack) -> None:
        """Say that the stack of the current folder is used, and where it has secrets sent, unless it was asked for."""
        if self.is_found:
            asked = " and ".join(filter(None, (self._asked("AlloMia", stack), self._asked("Vault", stack))))
            told = f", with {asked}" if asked else ""
            note(f"stack {stack.label} of this folder is used{told}; --no-stack leaves it out")

    def _asked(self, what: Literal["AlloMia", "Vault"], stack: Stack) -> str:
        """Name the hosts that the stack's configuration and providers have asked, beside what was given."""
        if what == "AlloMia" and "apiUrl" in self.arguments:
            return ""
        settings = ({**way.stack, **way.arguments} for way in accesses(stack, {}))
        addresses = (each.get("apiUrl", "") if what == "AlloMia" else _vault_address(each) for each in settings)
        hosts = dict.fromkeys(filter(None, map(_host, addresses)))
        return f"{what} at {', '.join(hosts)}" if hosts else ""


def find_target(
    stacks: Sequence[str] | None = None,
    *,
    no_stack: bool = False,
    api_url: str | None = None,
    tenant_key_ref: str | None = None,
) -> Target:
    """Return the target: the stacks that were named, else that of the project which the current folder is in.

    Raises:
        InvalidInput: A stack was named, and none was wanted.
    """
    named = tuple(dict.fromkeys(stacks or ()))
    if named and no_stack:
        raise InvalidInput("--stack names a stack, and --no-stack leaves it out", "Give one of them.")
    given = {"apiUrl": api_url, "tenantKeyRef": tenant_key_ref}
    arguments = {name: value for name, value in given.items() if value}
    if named or no_stack or find_project_file(Path(HERE)) is None:
        return Target(named, arguments, is_alone=no_stack)
    return Target((HERE,), arguments, is_found=True)


def _vault_address(settings: Mapping[str, str]) -> str:
    try:
        vault = json.loads(settings.get("vault", ""))
    except ValueError:
        return ""
    address = vault.get("address") if isinstance(vault, dict) else None
    return address if isinstance(address, str) else ""


def _host(address: str) -> str:
    """Return the host of an address: the folder may be another person's, and a tenant key or a token is sent there."""
    try:
        return printable(urlsplit(address).hostname or "")
    except ValueError:
        return ""
