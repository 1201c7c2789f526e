"""Report of the checks for a terminal, a pipe and JSON; foreign text is made safe here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from allomia_pulumi.cli.doctor.steps import Check, State
from allomia_pulumi.ground.redaction import printable, scrub

__all__ = ["needs_care", "show_document", "show_table"]

DOCUMENT_VERSION = 1
LONGEST = 1000
STYLES = {State.OK: "green", State.CARE: "yellow", State.FAILED: "red", State.SKIPPED: "dim"}
HERE = "this machine"


def needs_care(checks: Iterable[Check]) -> bool:
    """Tell whether somebody has something to do."""
    return any(check.state in {State.CARE, State.FAILED} for check in checks)


def show_table(checks: Sequence[Check], console: Console) -> None:
    """Show the checks: folded and grouped on a terminal, one line each at a pipe."""
    for stack, group in groupby(checks, lambda check: check.stack):
        console.print(Text(_safe(f"stack {stack}" if stack else HERE), style="bold"), soft_wrap=True)
        if console.is_terminal:
            console.print(Padding(_folded(list(group)), (0, 0, 1, 2)))
        else:
            _lines(list(group), console)
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


def _folded(checks: Sequence[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        found = Text(_safe(check.finding.found), style="dim" if check.state is State.SKIPPED else "")
        if check.finding.fix:
            found.append(f"\n→ {_safe(check.finding.fix)}", style="cyan")
        table.add_row(Text(check.state.value, style=STYLES[check.state]), Text(_safe(check.title)), found)
    return table


def _lines(checks: Sequence[Check], console: Console) -> None:
    widths = max(map(len, State)), max(len(check.title) for check in checks)
    for check in checks:
        fix = f". {_safe(check.finding.fix)}" if check.finding.fix else ""
        line = f"  {check.state.value:{widths[0]}}  {_safe(check.title):{widths[1]}}  {_safe(check.finding.found)}{fix}"
        console.print(Text(line), soft_wrap=True)


def _summary(checks: Sequence[Check]) -> Text:
    counts = Counter(check.state for check in checks)
    words = [(State.OK, "ok"), (State.CARE, "to care for"), (State.FAILED, "failed"), (State.SKIPPED, "skipped")]
    return Text(", ").join(
        Text(f"{counts[state]} {word}", style=STYLES[state]) for state, word in words if counts[state]
    )


def _safe(text: str) -> str:
    """Return a text without secrets and without what a terminal would obey."""
    return printable(scrub(text), LONGEST)
