"""Table of keys: ids whole, marks short where space is, and wide characters aligned.

At a pipe there is no width: names are whole, and a key is a line. At a terminal names are whole where all fit; else
marks are shortened to what tells one mint from another; then whose a key is goes below it, and at last everything.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from allomia_pulumi.cli.clients import Holding
from allomia_pulumi.cli.prose import say_prose
from allomia_pulumi.cli.render import used_words, whole_id, whose_words
from allomia_pulumi.cli.survey import Row
from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.messages import describe_age
from allomia_pulumi.ground.redaction import printable, scrub

__all__ = ["Tables", "columns", "open_console"]

PIPE_WIDTH = 2000
"""More than a row can have: every cell is cut long before."""

TITLES = ("NAME", "ID", "AGE", "LAST USED", "WHOSE")
INDENT = 2
SHORTENED = "Marks are shortened: --output json has every name whole."


@dataclass(frozen=True)
class _Cells:
    """A key in words; the name whole, and with a short mark."""

    name: str
    short: str
    id: str
    age: str
    used: str
    whose: str


class Tables:
    """Tables of one command on stdout, which say once at the end what was shortened."""

    def __init__(self) -> None:
        self.console = open_console()
        self._is_shortened = False

    def show(self, holding: Holding, rows: Sequence[Row], now: datetime, caption: str = "") -> None:
        """Show keys of one organization under its name."""
        name = f" {printable(holding.name)}" if holding.name else ""
        heading = Text(f"organization {whole_id(holding.organization_id)}").append(name, "bold")
        self.console.print(heading, soft_wrap=True)
        if rows:
            self._show_rows([_cells(row, now) for row in rows])
        if caption:
            self.console.print(caption)

    def end(self) -> None:
        """Say where the whole names are, if some were not shown."""
        if self._is_shortened:
            say_prose(self.console, SHORTENED)

    def _show_rows(self, keys: Sequence[_Cells]) -> None:
        whole = columns([(each.name, each.id, each.age, each.used, each.whose) for each in keys], TITLES)
        short = columns([(each.short, each.id, each.age, each.used, each.whose) for each in keys], TITLES)
        # Whose a key is has a line of its own below.
        narrow = columns([(each.short, each.id, each.age, each.used) for each in keys], TITLES[:-1])
        fitting = [each for each in (whole, short, narrow) if max(map(cell_len, each)) <= self.console.width]
        self._is_shortened |= whole not in fitting and any(each.name != each.short for each in keys)
        if not fitting:
            self._list(keys)
            return
        title, *lines = fitting[0]
        self._print(title)
        if fitting[0] is narrow:
            self._print(" " * INDENT + TITLES[-1])
        for line, each in zip(lines, keys, strict=True):
            self._print(line)
            if fitting[0] is narrow:
                say_prose(self.console, each.whose, INDENT)

    def _list(self, keys: Sequence[_Cells]) -> None:
        for key in keys:
            say_prose(self.console, key.short)
            self._print(f"  id {key.id}")
            say_prose(self.console, f"{key.age} old, last used: {key.used}, {key.whose}", INDENT)

    def _print(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)


def open_console() -> Console:
    """Return a console on stdout: of the terminal's width, or at a pipe of as good as none."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def columns(rows: Sequence[tuple[str, ...]], titles: tuple[str, ...]) -> list[str]:
    """Lay out titles and rows in columns, by the cells that characters take; the last column is not filled up."""
    table = [titles, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(set_cell_size, row, widths)).rstrip() for row in table]


def _cells(row: Row, now: datetime) -> _Cells:
    key = row.key
    return _Cells(
        name=printable(key.name),
        short=_short(scrub(key.name)),
        id=whole_id(key.id),
        age=describe_age(key, now),
        used=used_words(key, now),
        whose=whose_words(key, row.verdict),
    )


def _short(name: str) -> str:
    """Shorten a mark to its end: the nonce, which is another one for every mint."""
    mark = parse_mark(name)
    if mark is None:
        return printable(name)
    return f"{printable(label_of(name))}--…{mark.nonce}{str(mark)[-1]}"
