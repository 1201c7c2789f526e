"""What a bulk-import file takes of what AlloMia has, and why it leaves out the rest."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from allomia_pulumi.cli.access import Access, accesses
from allomia_pulumi.cli.doctor.steps import shorten
from allomia_pulumi.cli.exit_codes import note, warn
from allomia_pulumi.cli.import_file import Importable, import_document, write_import_file
from allomia_pulumi.cli.render import whole_id
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.errors import NotFound
from allomia_pulumi.ground.redaction import printable

__all__ = ["DECLARED", "NO_WAY", "ImportFile", "LeftOut", "Selection", "way_of"]

LONGEST_PATH = 1000
HERE = "."
DECLARED = "declared already"
NO_WAY = (
    "no provider of the stack has the tenant key that sees it; declare an explicit provider with that key and run "
    "`pulumi up`, or adopt it with a tenantKeyRef of its own"
)

ImportFile = Annotated[
    Path | None,
    typer.Option(
        "--import-file",
        metavar="FILE",
        help="Write a new file for `pulumi import --file`, with what no stack declares, in place of the table.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class LeftOut:
    """Something that the file leaves out.

    Attributes:
        reason: Why, as it stands behind a colon; the same for all that are left out for it.
    """

    id: str
    title: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """What a file takes, and what it leaves out.

    Attributes:
        noun: What one of them is called.
        look: The command that shows them all.
    """

    noun: str
    look: str
    resources: tuple[Importable, ...]
    left_out: tuple[LeftOut, ...]

    def write(self, path: Path, stack: Stack | None, hints: Iterable[str] = (), *, on_stderr: bool) -> dict[str, Any]:
        """Write the file, say what it leaves out and what comes next, and return what a document says of it.

        Raises:
            NotFound: The file would be empty.
            InvalidInput: It is there already, or cannot be written.
        """
        if not self.resources:
            raise self._is_empty(path)
        write_import_file(path, import_document(self.resources, stack))
        for reason, line in self._reasons().items():
            # That what is declared is not imported again is what everybody expects.
            (note if reason == DECLARED else warn)(line)
        say(f"{self._count(len(self.resources))} written to {_shown(path)}", err=on_stderr)
        say(f"Next: `{_command(path, stack)}`.", err=on_stderr)
        for hint in hints:
            say(hint, err=on_stderr)
        left_out = [{"id": each.id, "reason": each.reason} for each in self.left_out]
        return {"file": str(path), "resources": len(self.resources), "leftOut": left_out}

    def _is_empty(self, path: Path) -> NotFound:
        reasons = "; ".join(self._reasons().values()) or f"there is no {self.noun}"
        return NotFound(
            f"{_shown(path)} was not written, since it would import nothing: {reasons}", f"Look with {self.look}."
        )

    def _reasons(self) -> dict[str, str]:
        """Say of each reason how many are left out for it, and which."""
        groups: dict[str, list[str]] = {}
        for each in self.left_out:
            name = f" {printable(each.title)}" if each.title else ""
            groups.setdefault(each.reason, []).append(f"{whole_id(each.id)}{name}")
        return {
            reason: f"{self._count(len(names))} left out ({shorten(names)}): {reason}"
            for reason, names in groups.items()
        }

    def _count(self, number: int) -> str:
        return f"{number} {self.noun}" if number == 1 else f"{number} {self.noun}s"


def way_of(access: Access | None, stack: Stack | None, arguments: Mapping[str, str]) -> str | None:
    """Return the URN of the provider that imports what is seen on a way; empty for the configured one.

    None means that none does: the way is another stack's, or only a resource's own reference leads to its tenant key.
    """
    if access is None or access.reference is not None:
        return None
    return access.provider if stack is None or access in accesses(stack, arguments) else None


def _command(path: Path, stack: Stack | None) -> str:
    """Return the command that imports the file into the stack whose state was looked at."""
    if stack is None or stack.argument == HERE:
        return f"pulumi import --file {_quoted(path)}"
    return f"pulumi import --cwd {_quoted(stack.folder)} --stack {shlex.quote(printable(stack.full_name))} --file " + (
        _quoted(path.absolute())
    )


def _quoted(path: Path) -> str:
    return shlex.quote(_shown(path))


def _shown(path: Path) -> str:
    return printable(str(path), LONGEST_PATH)
