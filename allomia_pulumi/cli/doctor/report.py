"""Report of the checks for a terminal, a pipe and JSON; foreign text is made safe here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from allomia_pulumi.cli.doctor.steps import Check, State, shorten
from allomia_pulumi.cli.prose import fold
from allomia_pulumi.ground.redaction import printable, scrub

__all__ = ["needs_care", "show_document", "show_table"]

DOCUMENT_VERSION = 1
LONGEST = 1000
STYLES = {State.OK: "green", State.CARE: "yellow", State.FAILED: "red", State.SKIPPED: "dim"}
HERE = "this machine"
INDENT = 2
ARROW = "→ "


def needs_care(checks: Iterable[Check]) -> bool:
    """Tell whether somebody has something to do."""
    return any(check.state in {State.CARE, State.FAILED} for check in checks)


def show_table(checks: Sequence[Check], console: Console) -> None:
    """Show the checks: folded and grouped on a terminal, one line each at a pipe."""
    for stack, group in groupby(checks, lambda check: check.stack):
        console.print(Text(_safe(f"stack {stack}" if stack else HERE), style="bold"), soft_wrap=True)
        rows = _merge(list(group))
        show = _fold if console.is_terminal else _line
        for row in rows:
            show(row, max(len(one.state) for one in rows), max(cell_len(one.title) for one in rows), console)
        if console.is_terminal:
            console.print()
    console.print(_summary(checks), soft_wrap=True)


def show_document(checks: Sequence[Check]) -> str:
    """Lay the checks out for programs; the shape grows, and its version changes when it breaks."""
    counts = Counter(check.state for check in checks)
    document = {
        "version": DOCUMENT_VERSION,
        "needsCare": needs_care(checks),
        "counts": {state.value: counts[state] for state in State},
        "checks": [
            {
                "id": check.id,
                "stack": _safe(check.stack) or None,
                "title": _safe(check.title),
                "state": check.state.value,
                "found": _safe(check.finding.found),
                "fix": _safe(check.finding.fix) or None,
            }
            for check in checks
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


@dataclass(frozen=True)
class _Row:
    """A check in words, or several that were not made for one reason, and which."""

    state: State
    title: str
    found: str
    fix: str = ""
    which: str = ""


def _merge(checks: Sequence[Check]) -> list[_Row]:
    """Return a row for each check; those that were not made for one reason share one, after the others."""
    reasons: dict[str, list[Check]] = {}
    for check in checks:
        if check.state is State.SKIPPED and not check.finding.fix:
            reasons.setdefault(check.finding.found, []).append(check)
    shared = {reason: skipped for reason, skipped in reasons.items() if len(skipped) > 1}
    rows = [
        _Row(check.state, _safe(check.title), _safe(check.finding.found), _safe(check.finding.fix))
        for check in checks
        if check not in shared.get(check.finding.found, ())
    ]
    for reason, skipped in shared.items():
        which = _safe(", ".join(check.title for check in skipped))
        rows.append(_Row(State.SKIPPED, f"{len(skipped)} checks", _safe(reason), which=which))
    return rows


def _fold(row: _Row, state: int, title: int, console: Console) -> None:
    """Show a row at a terminal: what was found beside its title, and the fix below, where commands have space."""
    start = INDENT + state + INDENT
    beside = start + title + INDENT
    style = STYLES[row.state] if row.state is State.SKIPPED else ""
    first, *others = fold(row.found, console.width - beside)
    line = Text(" " * INDENT).append(f"{row.state.value:{state}}", STYLES[row.state])
    line.append(f"  {set_cell_size(row.title, title)}  ").append(first, style)
    console.print(line, soft_wrap=True)
    for one in others:
        console.print(Text(" " * beside).append(one, style), soft_wrap=True)
    for lead, text, its in ((ARROW, row.fix, "cyan"), ("", row.which, style)):
        lines = fold(text, console.width - start - len(lead)) if text else []
        for index, one in enumerate(lines):
            before = lead if index == 0 else " " * len(lead)
            console.print(Text(" " * start).append(f"{before}{one}", its), soft_wrap=True)


def _line(row: _Row, state: int, title: int, console: Console) -> None:
    which = f" ({row.which})" if row.which else ""
    fix = f". {row.fix}" if row.fix else ""
    line = f"  {row.state.value:{state}}  {set_cell_size(row.title, title)}  {row.found}{which}{fix}"
    console.print(Text(line), soft_wrap=True)


def _summary(checks: Sequence[Check]) -> Text:
    """Count the checks, and name those that somebody has to look at."""
    parts = []
    for state, word in ((State.OK, "ok"), (State.CARE, "to care for"), (State.FAILED, "failed")):
        titles = [check.title for check in checks if check.state is state]
        names = f" ({shorten([_safe(title) for title in titles])})" if state is not State.OK else ""
        parts += [Text(f"{len(titles)} {word}{names}", STYLES[state])] * bool(titles)
    skipped = sum(check.state is State.SKIPPED for check in checks)
    parts += [Text(f"{skipped} not looked at", STYLES[State.SKIPPED])] * bool(skipped)
    return Text(", ").join(parts)


def _safe(text: str) -> str:
    """Return a text without secrets and without what a terminal would obey."""
    return printable(scrub(text), LONGEST)
