"""The fault catalogue is whole: each row has tests, each mark a row, and the page says what the table says."""

import pytest

from tests.faults.catalogue.page import PAGE, find_tests, marked_tests, page
from tests.faults.catalogue.table import ROWS


def test_the_rows_stand_in_order() -> None:
    assert list(ROWS) == sorted(ROWS)
    assert min(ROWS) == 1


@pytest.mark.parametrize("number", ROWS)
def test_every_row_has_a_test_and_two_sentences(number: int) -> None:
    assert find_tests(number)
    for sentence in ROWS[number]:
        assert sentence.isprintable()
        assert "|" not in sentence
        assert ". " not in sentence.removesuffix(".")


def test_every_mark_is_of_a_row() -> None:
    assert {node: rows for node, rows in marked_tests().items() if not ROWS.keys() >= set(rows)} == {}


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "write it with `python -m tests.faults.catalogue.page`"
