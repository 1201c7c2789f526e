"""`docs/explanation/guarantees.md` and the tests: every promise has tests that name it, and every link leads to one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
GUARANTEES = ["g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8"]
LINK = re.compile(r"\[`(test_\w+)`\]\(\.\./\.\./(tests/[\w/]+\.py)\)")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


def bullets() -> dict[str, list[str]]:
    """Return the promises of the page, by the guarantee in whose section they stand."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        section[:2].lower(): re.findall(r"^- .*?(?=^- |^$)", section, flags=re.MULTILINE | re.DOTALL)
        for section in sections
    }


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_every_guarantee_has_tests_whose_name_starts_with_it(guarantee: str) -> None:
    names = {name for path in (ROOT / "tests").rglob("test_*.py") for name in names_in(path)}
    assert [name for name in names if name.startswith(f"test_{guarantee}_")]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_every_promise_of_the_page_is_linked_to_a_test(guarantee: str) -> None:
    promises = bullets()[guarantee]
    assert promises
    assert [promise for promise in promises if not LINK.search(promise)] == []


def test_every_link_leads_to_a_test() -> None:
    links = LINK.findall(PAGE.read_text())
    assert len(links) > len(GUARANTEES)
    assert [name for name, path in links if name not in names_in(ROOT / path)] == []


def test_every_file_that_the_page_names_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)[)#]", PAGE.read_text())
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
