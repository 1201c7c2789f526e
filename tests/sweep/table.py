"""The table of the crash sweep: a row for each boundary of each scene, in a file and at the end of the run."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

FILE = "ALLOMIA_SWEEP_TABLE"
PROPERTY = "crash sweep"
# Widths of the columns.
NAMES, CELLS = 57, 26


@dataclass(frozen=True)
class Row:
    """What one strike at one boundary came to.

    Attributes:
        alive: Keys of the organization after the recovery.
        lost: Those of them whose secret nobody has.
        named: Those of them that no state knows, and that were named.
        named_by: What named them first.
        left: Keys that no state knows after `allomia orphans --revoke`.
        runs: How often the command had to be run after the strike.
        wrong: Broken promises.
    """

    operation: str
    step: int
    write: str
    side: str
    strike: str
    face: str
    vault: bool
    alive: int
    lost: int
    named: int
    named_by: str
    left: int
    runs: int
    wrong: list[str]

    @property
    def boundary(self) -> tuple[int, str, bool]:
        return self.step, self.side, self.vault


def write_rows(rows: Iterable[Row], request: pytest.FixtureRequest) -> None:
    """Keep rows for the end of the run, and append them to the file that the environment names."""
    lines = [json.dumps(asdict(row)) for row in rows]
    request.node.user_properties += [(PROPERTY, line) for line in lines]
    if file := os.environ.get(FILE):
        # One write, so that the lines of several workers do not mix.
        with open(file, "a", encoding="utf-8") as table:  # noqa: PTH123 - Path cannot append
            table.write("".join(f"{line}\n" for line in lines))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table; under xdist the rows come with the reports of the workers."""
    reports = (report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, []))
    found = (value for report in reports for name, value in report.user_properties if name == PROPERTY)
    if rows := [Row(**json.loads(line)) for line in found]:
        terminalreporter.section("crash sweep")
        for line in render(rows):
            terminalreporter.write_line(line)


def render(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table: a boundary each, and a cell for each strike and face."""
    cells: dict[tuple[int, str, bool], dict[tuple[str, str], Row]] = {}
    for row in rows:
        cells.setdefault(row.boundary, {})[row.strike, row.face] = row
    columns = sorted({(row.strike, row.face) for row in rows})
    yield "keys or organizations alive / secrets lost / unknown to state and named / left at the end"
    yield f"{'':{NAMES}}" + "".join(f"{f'{strike}: {face}':{CELLS}}" for strike, face in columns)
    for found in (cells[boundary] for boundary in sorted(cells)):
        row = next(iter(found.values()))
        where = f"{row.step:>2} {row.operation}, {row.write}, {row.side}{', Vault' if row.vault else ''}"
        yield f"{where:{NAMES}}" + "".join(f"{_cell(found.get(column)):{CELLS}}" for column in columns)
    totals = Counter({name: sum(getattr(row, name) for row in rows) for name in ("lost", "named", "left")})
    broken = sum(bool(row.wrong) for row in rows)
    yield (
        f"{len(rows)} strikes at {len(cells)} boundaries: {totals['lost']} secrets lost, {totals['named']} keys "
        f"or organizations unknown to state and named, {totals['left']} left at the end, at most "
        f"{max(row.runs for row in rows)} runs to recover, {broken} with a broken promise"
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row.alive}/{row.lost}/{row.named}/{row.left}{' BROKEN' if row.wrong else ''}"
