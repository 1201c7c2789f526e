"""Keys that a bulk-import file takes: those that no stack knows, and of another stack's only if that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from allomia_pulumi.cli.exit_codes import warn
from allomia_pulumi.cli.import_file import Importable
from allomia_pulumi.cli.imports import DECLARED, NO_WAY, LeftOut, Selection, way_of
from allomia_pulumi.cli.state import declared_keys, newer_records
from allomia_pulumi.cli.survey import Row, View
from allomia_pulumi.contracts.tokens import DASHBOARD_API_KEY, ORGANIZATION_API_KEY, plugin_token
from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.orphans import Whose
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.settings import IMPORT_REFERENCE_VARIABLE

__all__ = ["write_key_imports"]

LOOK = "`allomia keys --all`"
ID_CHARACTERS = 8
REASONS: Final[Mapping[Whose, str]] = {
    Whose.UNSETTLED: "perhaps being made; look again when no run is under way",
    Whose.ORPHAN: "made by this stack, whose state does not know it; look with `allomia orphans`",
}
OTHERS = "with the mark of another stack, which may still hold it; --foreign takes it too"
HELD = (
    "perhaps what a DashboardApiKey of the stack holds; take one that is not by its id, with `pulumi import "
    f"{plugin_token(ORGANIZATION_API_KEY)} NAME ORGANIZATION/KEY_ID`"
)
NEWER = "perhaps what a record has that a newer allomia-pulumi wrote; upgrade it, and look again"
NO_ID = "no request can name it; delete it in AlloMia's dashboard"
TAKEN = (
    "keys with another stack's mark in the file: {count}. A destroy leaves such a key and names it; a rotation ends "
    "it, whoever still uses it"
)
SECRETS = (
    f"AlloMia shows no secret again: set {IMPORT_REFERENCE_VARIABLE} to where the keys lie in Vault, such as "
    "secret/allomia/{organizationId}/{keyId}#api_key, and the import proves each. Without it a key comes without its "
    "secret, and the first rotation brings one."
)


def write_key_imports(
    path: Path, view: View, arguments: Mapping[str, str], *, takes_foreign: bool, on_stderr: bool
) -> dict[str, Any]:
    """Write the file for the first of the view's stacks, and return what a document says of it.

    Raises:
        NotFound: It would import nothing.
        InvalidInput: It is there already, or cannot be written.
    """
    stack = view.stacks[0] if view.stacks else None
    held, is_newer = _held(view), any(newer_records(each) for each in view.stacks)
    taken: list[Row] = []
    resources: list[Importable] = []
    left_out: list[LeftOut] = []
    for row in view.rows:
        provider = way_of(row.holding.access, stack, arguments)
        reason = _reason(row, held, takes_foreign=takes_foreign, is_newer=is_newer)
        reason = reason or (NO_WAY if provider is None else "")
        if reason:
            left_out.append(LeftOut(row.key.id, label_of(row.key.name), reason))
        else:
            taken.append(row)
            resources.append(_importable(row, provider or ""))
    selection = Selection("key", LOOK, tuple(resources), tuple(left_out))
    written = selection.write(path, stack, (SECRETS,), on_stderr=on_stderr)
    if foreign := sum(parse_mark(row.key.name) is not None for row in taken):
        warn(TAKEN.format(count=foreign))
    return written


def _held(view: View) -> frozenset[str]:
    """Return the organizations that a DashboardApiKey has a key of: which one it is, no state says."""
    declared = (key for stack in view.stacks for key in declared_keys(stack.deployment))
    return frozenset(key.organization_id for key in declared if key.kind == DASHBOARD_API_KEY)


def _reason(row: Row, held: frozenset[str], *, takes_foreign: bool, is_newer: bool) -> str:
    """Say why the file leaves out a key; empty for one that it takes."""
    if not is_identifier(row.key.id):
        return NO_ID
    if row.verdict and row.verdict.whose.is_declared:
        return DECLARED
    if is_newer:
        return NEWER
    if row.verdict and row.verdict.whose in REASONS:
        return REASONS[row.verdict.whose]
    if parse_mark(row.key.name) is None:
        # A record that does not show its organization may be of any.
        return HELD if held & {row.holding.organization_id, ""} else ""
    return "" if takes_foreign else OTHERS


def _importable(row: Row, provider: str) -> Importable:
    holding = row.holding
    organization = holding.name or holding.organization_id[:ID_CHARACTERS]
    pulumi_id = f"{holding.organization_id}/{row.key.id}"
    return Importable(ORGANIZATION_API_KEY, pulumi_id, f"{organization} {label_of(row.key.name)}", provider)
