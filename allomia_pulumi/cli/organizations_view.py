"""View of `allomia organizations`, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from allomia_pulumi.cli.prose import say_prose
from allomia_pulumi.cli.render import whole_id
from allomia_pulumi.cli.roster import Entry, Question, Roster
from allomia_pulumi.cli.tables import columns, open_console
from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import printable

__all__ = ["document", "show_organizations"]

DOCUMENT_VERSION = 1
INDENT = 2
UNKNOWN = "not known"
NOBODY = "-"
NOT_ASKED = "AlloMia's list does not say which are active: --active asks each."


def show_organizations(roster: Roster, question: Question, console: Console | None = None) -> None:
    """Show a line for each organization, or a few where the terminal is too narrow for that."""
    console = console or open_console()
    if not roster.entries:
        say_prose(console, "no organization has that in its name" if question.search else "there are no organizations")
        return
    titles, rows = _table(roster, question)
    lines = columns(rows, titles)
    if max(map(cell_len, lines)) <= console.width:
        for line in lines:
            console.print(Text(line), soft_wrap=True)
    else:
        for row in rows:
            _show_below(console, titles, row)
    if not any(each.is_asked for each in roster.entries):
        say_prose(console, NOT_ASKED)


def document(roster: Roster) -> dict[str, Any]:
    """Lay the organizations out for programs; the shape grows, and its version changes when it breaks."""
    return {
        "version": DOCUMENT_VERSION,
        "stacks": [stack.label for stack in roster.stacks],
        "organizations": [_as_json(each, is_asked=bool(roster.stacks)) for each in roster.entries],
        "missing": [{"id": key, "stack": each.stack, "urn": each.urn} for key, each in roster.missing.items()],
        "unread": [problem.message for problem in roster.failures],
    }


def _table(roster: Roster, question: Question) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return titles and rows, with the columns for which there was a question."""
    is_asked = any(each.is_asked for each in roster.entries)
    shown: list[tuple[str, bool, Callable[[Entry], str]]] = [
        ("NAME", True, lambda each: printable(each.name)),
        ("ID", True, lambda each: whole_id(each.id)),
        ("CITY", True, lambda each: _told(each.details.city)),
        ("TIME ZONE", True, lambda each: _told(each.details.timezone)),
        ("ACTIVE", is_asked, lambda each: {True: "yes", False: "no", None: UNKNOWN}[each.is_active]),
        ("KEYS", question.asks_keys, lambda each: UNKNOWN if each.keys is None else f"{each.keys} of {KEY_LIMIT}"),
        ("DECLARED BY", bool(roster.stacks), _declared),
    ]
    kept = [(title, cell) for title, is_shown, cell in shown if is_shown]
    return tuple(title for title, _ in kept), [tuple(cell(each) for _, cell in kept) for each in roster.entries]


def _show_below(console: Console, titles: Sequence[str], row: Sequence[str]) -> None:
    name, identifier, *others = row
    say_prose(console, name)
    console.print(Text(f"{' ' * INDENT}id {identifier}"), soft_wrap=True)
    told = [f"{title.lower()} {cell}" for title, cell in zip(titles[2:], others, strict=True) if cell != NOBODY]
    say_prose(console, ", ".join(told), INDENT)


def _declared(entry: Entry) -> str:
    if entry.declared:
        return ", ".join(each.name for each in entry.declared)
    return f"perhaps {entry.perhaps.name}, being made" if entry.perhaps else NOBODY


def _told(text: str | None) -> str:
    return printable(text) if text else NOBODY


def _as_json(entry: Entry, *, is_asked: bool) -> dict[str, Any]:
    details = entry.details
    return {
        "id": entry.id,
        "name": entry.name,
        "city": details.city,
        "country": details.country,
        "timezone": details.timezone,
        "createdAt": format_moment(details.created_at) if details.created_at else None,
        "isActive": entry.is_active,
        "slots": None if entry.keys is None else {"used": entry.keys, "limit": KEY_LIMIT},
        "declaredBy": [{"stack": each.stack, "urn": each.urn} for each in entry.declared] if is_asked else None,
        "perhapsBy": {"stack": entry.perhaps.stack, "urn": entry.perhaps.urn} if entry.perhaps else None,
    }
