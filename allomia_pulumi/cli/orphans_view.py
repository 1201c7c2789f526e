"""View of `allomia orphans`, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from allomia_pulumi.cli.prose import say_prose
from allomia_pulumi.cli.render import key_as_json, whole_id
from allomia_pulumi.cli.survey import Row, View
from allomia_pulumi.cli.tables import Tables
from allomia_pulumi.core.marks import parse_mark
from allomia_pulumi.core.orphans import Whose

__all__ = [
    "CLEAR_PENDING",
    "NEEDS_STACK",
    "WHY_STACK",
    "Outcome",
    "document",
    "rows_of",
    "show_candidates",
    "show_findings",
]

DOCUMENT_VERSION = 1
INDENT = 2

WHY_STACK = "a mark tells which stack made a key, and only that stack's state tells which keys it knows"
NEEDS_STACK = "Run it in the project's folder, or name the folder: `allomia orphans --stack DIR --revoke`."
WITHOUT_STACK = (
    f"Nothing is revoked without a stack: {WHY_STACK}. Run it in the project's folder, or name the folder of each: "
    "`allomia orphans --stack DIR`"
)
LACKING = (
    "an operation whose record was lost, or a restored state, or the wrong backend: AlloMia has keys of {labels} that "
    "no state has"
)
UNSEARCHED = "history and backups were not looked through: those of {labels} lie in no folder"
CLEAR_PENDING = (
    "When no run is under way: `pulumi cancel`, then `pulumi up`, and look again. For a resource that the program no "
    "longer has, `pulumi refresh --clear-pending-creates`: what its creation left is then asked for at a terminal."
)


class Outcome(StrEnum):
    """Outcome for an orphan."""

    REVOKED = "revoked"
    KEPT = "kept"
    KNOWN = "known"
    FAILED = "failed"


def rows_of(rows: Iterable[Row], *kinds: Whose) -> list[Row]:
    """Return the keys that are one of these to the stacks."""
    return [row for row in rows if row.verdict and row.verdict.whose in kinds]


def show_findings(tables: Tables, view: View, now: datetime) -> None:
    """Show orphans first, then what may be one, then what is not touched."""
    console = tables.console
    if notice := lacking_notice(view):
        say_prose(console, notice)
    declared = sum(1 for row in view.rows if row.verdict and row.verdict.whose.is_declared)
    labels = ", ".join(stack.label for stack in view.stacks)
    say_prose(console, f"{labels}: {_keys(declared, 'declared key')} alive")
    orphans, unsettled = rows_of(view.rows, Whose.ORPHAN), rows_of(view.rows, Whose.UNSETTLED)
    if orphans:
        its = "a mark of this stack" if len(view.stacks) == 1 else "a mark of these stacks"
        _show_group(tables, orphans, now, f"[bold]{_keys(len(orphans), 'orphan')}[/]: {its}, and in no state")
    else:
        console.print("no orphans")
    if unsettled:
        _show_group(tables, unsettled, now, f"{_keys(len(unsettled))} not touched: perhaps being made")
        say_prose(console, CLEAR_PENDING)
    if view.unsearched:
        say_prose(console, UNSEARCHED.format(labels=", ".join(view.unsearched)))
    others, by_hand = rows_of(view.rows, Whose.OTHER), rows_of(view.rows, Whose.BY_HAND)
    if others or by_hand:
        what = f"{len(others)} of other stacks, {len(by_hand)} made by hand"
        untouched = rows_of(view.rows, Whose.OTHER, Whose.BY_HAND)
        _show_group(tables, untouched, now, f"{_keys(len(untouched))} not touched: {what}")
    tables.end()


def lacking_notice(view: View) -> str:
    """Say what it may mean that AlloMia has keys which the states lack; empty when they lack nothing."""
    if not any(row.verdict and row.verdict.is_lacking for row in view.rows):
        return ""
    return LACKING.format(labels=", ".join(stack.label for stack in view.stacks))


def show_candidates(tables: Tables, view: View, now: datetime) -> None:
    """Show the keys with a mark, by the stack that made them, and why none is revoked."""
    by_mark: dict[str, list[Row]] = {}
    for row in view.rows:
        if mark := parse_mark(row.key.name):
            by_mark.setdefault(mark.stack, []).append(row)
    for stack, rows in sorted(by_mark.items()):
        _show_group(tables, rows, now, f"stack mark [bold]{stack}[/]: {_keys(len(rows))}")
    by_hand = len(view.rows) - sum(map(len, by_mark.values()))
    console = tables.console
    console.print(f"\n{_keys(by_hand)} made by hand" if by_mark else f"no key has a mark, {by_hand} made by hand")
    tables.end()
    say_prose(console, WITHOUT_STACK)


def document(view: View, now: datetime, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """Lay the findings out for programs; the shape grows, and its version changes when it breaks."""
    if not view.stacks:
        candidates = [row for row in view.rows if parse_mark(row.key.name)]
        groups: dict[str, Sequence[Row]] = {"candidates": candidates}
    else:
        groups = {
            "orphans": rows_of(view.rows, Whose.ORPHAN),
            "unsettled": rows_of(view.rows, Whose.UNSETTLED),
            "notTouched": rows_of(view.rows, Whose.OTHER, Whose.BY_HAND),
        }
    return {
        "version": DOCUMENT_VERSION,
        "stacks": [stack.label for stack in view.stacks],
        **{name: [_row_as_json(row, now, outcomes) for row in rows] for name, rows in groups.items()},
        "notice": lacking_notice(view) or None,
        "unread": [problem.message for problem in view.survey.failures],
        "unsearched": list(view.unsearched),
    }


def _row_as_json(row: Row, now: datetime, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    shown = {"organizationId": row.holding.organization_id, **key_as_json(row, now)}
    if outcome := outcomes.get(row.key.id):
        shown["outcome"] = outcome.value
    return shown


def _show_group(tables: Tables, rows: Sequence[Row], now: datetime, title: str) -> None:
    tables.console.print(f"\n{title}", soft_wrap=True)
    for _, group in groupby(rows, key=lambda row: id(row.holding)):
        found = list(group)
        tables.show(found[0].holding, found, now)
    doubts: dict[str, list[str]] = {}
    for row in rows:
        if row.verdict and row.verdict.doubt:
            doubts.setdefault(row.verdict.doubt, []).append(whole_id(row.key.id))
    for doubt, ids in doubts.items():
        say_prose(tables.console, f"{', '.join(ids)}: {doubt}", INDENT)


def _keys(count: int, what: str = "key") -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
