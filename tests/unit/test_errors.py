"""Every kind of error has a code, and each table that is made from the codes has each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from allomia_pulumi import errors
from allomia_pulumi.cli.app import app
from allomia_pulumi.cli.exit_codes import EXIT_CODES, ExitCode
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, RequestRefused
from allomia_pulumi.provider.plugin.failures import STATUS_CODES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "messages.md"


def tree(kind: type[AllomiaError] = AllomiaError) -> Iterator[type[AllomiaError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from tree(each)


KINDS = [kind for kind in tree() if kind.__module__ == errors.__name__]


def rows() -> list[list[str]]:
    """Return the cells of the page's table of messages."""
    table = PAGE.read_text(encoding="utf-8").partition("| the message says | what to do | code |\n")[2]
    lines = table.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def codes_of(cells: Iterable[str]) -> set[str]:
    return {code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)}


def test_the_tree_is_what_the_module_offers() -> None:
    assert {kind.__name__ for kind in KINDS} == set(errors.__all__)


def test_every_class_has_a_code_of_its_own() -> None:
    assert [kind.__name__ for kind in KINDS if "code" not in vars(kind)] == []
    assert [code for code, count in Counter(kind.code for kind in KINDS).items() if count > 1] == []
    assert [kind.code for kind in KINDS if not re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)] == []


@pytest.mark.parametrize("table", [EXIT_CODES, STATUS_CODES], ids=["exit codes", "status codes"])
def test_every_code_is_in_each_table(table: dict[str, object]) -> None:
    assert sorted(table) == sorted(kind.code for kind in KINDS)


def test_the_table_of_messages_names_every_code_that_an_error_can_have_and_no_other() -> None:
    assert all(len(cells) == 3 for cells in rows())
    bases = {"temporary", "unsettled"}
    assert codes_of(cells[2] for cells in rows()) == {kind.code for kind in KINDS} - bases


def test_the_exit_codes_are_told_alike_in_the_help_and_on_the_page() -> None:
    told = re.search(r"Exit codes: (.*)\.", app.info.help or "")
    assert told
    numbers = [int(each.split()[0]) for each in told[1].split(", ")]
    assert numbers == [code.value for code in ExitCode]
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert told[1] in page


def test_an_error_shows_what_it_is_and_who_said_it() -> None:
    refused = RequestRefused("no", "Do something.", status=400).as_said_by("AlloMia")
    assert repr(refused) == "RequestRefused(code='request-refused', message='no', said_by='AlloMia')"
    left = KeyLeftBehind("left", organization_id="org", key_id="key")
    assert repr(left) == "KeyLeftBehind(code='key-left-behind', message='left', said_by='us')"
