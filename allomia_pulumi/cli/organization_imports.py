"""Organizations that a bulk-import file takes: those that no stack declares and that are active."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from allomia_pulumi.cli.import_file import Importable
from allomia_pulumi.cli.imports import DECLARED, NO_WAY, LeftOut, Selection, way_of
from allomia_pulumi.cli.roster import Entry, Roster
from allomia_pulumi.contracts.tokens import ORGANIZATION

__all__ = ["write_organization_imports"]

LOOK = "`allomia organizations`"
DEACTIVATED = "deactivated; --organization ID takes one all the same"
NOT_READ = "not readable; look again later"
PERHAPS = (
    "perhaps being made by an operation without a recorded end; look again when no run is under way, or take one by "
    "--organization ID"
)


def write_organization_imports(
    path: Path, roster: Roster, chosen: Collection[str], arguments: Mapping[str, str], *, on_stderr: bool
) -> dict[str, Any]:
    """Write the file for the first of the roster's stacks, and return what a document says of it.

    Args:
        path: The file.
        roster: The organizations, each of them asked for itself.
        chosen: The ids that were named, whose owner knows what they are.
        arguments: The settings that the command was given.
        on_stderr: Whether stdout is a document's.

    Raises:
        NotFound: It would import nothing.
        InvalidInput: It is there already, or cannot be written.
    """
    stack = roster.stacks[0] if roster.stacks else None
    resources: list[Importable] = []
    left_out: list[LeftOut] = []
    for entry in roster.entries:
        provider = way_of(entry.access, stack, arguments)
        reason = _reason(entry, chosen) or (NO_WAY if provider is None else "")
        if reason:
            left_out.append(LeftOut(entry.id, entry.name, reason))
        else:
            resources.append(Importable(ORGANIZATION, entry.id, entry.name, provider or ""))
    selection = Selection("organization", LOOK, tuple(resources), tuple(left_out))
    return selection.write(path, stack, on_stderr=on_stderr)


def _reason(entry: Entry, chosen: Collection[str]) -> str:
    """Say why the file leaves out an organization; empty for one that it takes."""
    if entry.declared:
        return DECLARED
    if not entry.is_asked:
        return NOT_READ
    if entry.id in chosen:
        return ""
    if entry.perhaps:
        return PERHAPS
    return DEACTIVATED if entry.is_active is False else ""
