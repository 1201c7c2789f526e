"""The fault catalogue as a page: `python -m tests.faults.catalogue.page` writes it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.faults.catalogue.table import ROWS, Row

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "faults.md"
MARK = "catalogue"

INTRODUCTION = """# The fault catalogue

What can go wrong between Pulumi, AlloMia and Vault, what holds all the same, and the tests that play it. G1 to G8 are
the [guarantees](guarantees.md). This page is generated from `tests/faults/catalogue/table.py`.

| # | What goes wrong | What holds | Tests |
|---|---|---|---|
"""


def page() -> str:
    """Return the catalogue as a page."""
    return INTRODUCTION + "".join(_line(number, row) for number, row in ROWS.items())


def holding(number: int) -> list[str]:
    """Return the tests of a row: those that are named, then those that are marked."""
    named = ROWS[number].named()
    return [*named, *(node for node, rows in marked().items() if number in rows and node not in named)]


@cache
def marked() -> dict[str, tuple[int, ...]]:
    """Return the rows that each marked test holds."""
    return {node: rows for node, rows in collected().items() if rows}


@cache
def collected() -> dict[str, tuple[int, ...]]:
    """Return every test of the tree, and the rows that it is marked with, without importing any."""
    found = {}
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        tree = ast.parse(path.read_text())
        scopes: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
        scopes += [*((f"{each.name}::", each) for each in tree.body if isinstance(each, ast.ClassDef))]
        for prefix, scope in scopes:
            for each in scope.body:
                if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
                    found[f"{path.relative_to(ROOT)}::{prefix}{each.name}"] = _rows(each)
    return found


def _rows(test: ast.FunctionDef) -> tuple[int, ...]:
    calls = [each for each in test.decorator_list if isinstance(each, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == f"pytest.mark.{MARK}"]
    return tuple(ast.literal_eval(argument) for call in marks for argument in call.args)


def _line(number: int, row: Row) -> str:
    tests = [_link(node) for node in holding(number)]
    aside = [f"Set aside: {row.aside}."] if row.aside else []
    return f"| {number} | {row.fault} | {row.holds} | {'<br>'.join([*tests, *aside])} |\n"


def _link(node: str) -> str:
    path, _, name = node.partition("::")
    return f"[`{name.rpartition('::')[2].removeprefix('test_')}`](../{path})"


if __name__ == "__main__":
    PAGE.write_text(page())
