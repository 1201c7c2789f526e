"""The fault catalogue is whole, its tests exist, and the page says what the table says."""

import pytest

from tests.faults.catalogue.page import PAGE, collected, holding, marked, page
from tests.faults.catalogue.table import ROWS


def test_every_fault_has_its_row() -> None:
    assert list(ROWS) == list(range(1, len(ROWS) + 1))


@pytest.mark.parametrize("number", ROWS)
def test_every_row_has_a_test_or_a_reason(number: int) -> None:
    row = ROWS[number]
    assert holding(number) or row.aside
    assert row.fault.isprintable()
    assert row.holds.isprintable()
    assert "|" not in row.fault + row.holds + row.aside


@pytest.mark.parametrize("number", ROWS)
def test_every_test_that_a_row_names_exists(number: int) -> None:
    assert not [node for node in ROWS[number].named() if node not in collected()]


def test_every_mark_is_of_a_row() -> None:
    assert {number for rows in marked().values() for number in rows} <= set(ROWS)
    assert len(marked()) > 40


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "write it with `python -m tests.faults.catalogue.page`"
