"""The fault catalogue as a page: `python -m tests.faults.catalogue.page` writes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.faults.catalogue.table import ROWS, Row

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "faults.md"
MARK = "pytest.mark.catalogue"

INTRODUCTION = """# The fault catalogue

What can go wrong between Pulumi, AlloMia and Vault, what holds all the same, and the tests that play it. G1 to G8 are
the [guarantees](guarantees.md). This page is generated from `tests/faults/catalogue/table.py` and the marks of the
tests.

| # | What goes wrong | What holds | Tests |
|---|---|---|---|
"""


def page() -> str:
    """Return the catalogue as a page."""
    return INTRODUCTION + "".join(_line(number, row) for number, row in ROWS.items())


def find_tests(number: int) -> list[str]:
    """Return the tests that are marked with a row, as pytest calls them."""
    return [node for node, rows in marked_tests().items() if number in rows]


@cache
def marked_tests() -> dict[str, tuple[int, ...]]:
    """Return the rows that each marked test holds, without importing any."""
    return {
        f"{path.relative_to(ROOT)}::{name}": rows
        for path in sorted(ROOT.glob("tests/**/test_*.py"))
        for name, test in _tests_in(ast.parse(path.read_text()))
        if (rows := _rows_of(test))
    }


def _tests_in(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    scopes: list[tuple[str, ast.Module | ast.ClassDef]] = [("", module)]
    scopes += [(f"{each.name}::", each) for each in module.body if isinstance(each, ast.ClassDef)]
    for prefix, scope in scopes:
        for test in scope.body:
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                yield f"{prefix}{test.name}", test


def _rows_of(test: ast.FunctionDef) -> tuple[int, ...]:
    calls = [each for each in test.decorator_list if isinstance(each, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == MARK]
    return tuple(ast.literal_eval(argument) for call in marks for argument in call.args)


def _line(number: int, row: Row) -> str:
    return f"| {number} | {row.situation} | {row.promise} | {'<br>'.join(map(_link, find_tests(number)))} |\n"


def _link(node: str) -> str:
    path, _, name = node.partition("::")
    return f"[`{name.rpartition('::')[2].removeprefix('test_')}`](../../{path})"


if __name__ == "__main__":
    PAGE.write_text(page())
