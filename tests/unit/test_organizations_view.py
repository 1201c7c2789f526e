"""The table of organizations at the widths that terminals have."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.organizations_view import NOT_ASKED, show_organizations
from allomia_pulumi.cli.roster import Declaration, Entry, Question, Roster
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.edges.allomia import Organization
from tests.unit.test_import_file import stack_of

UUID = "0b09c4f1-4287-483c-a8cc-efb08a07dfbf"
URN = "urn:pulumi:prod::clinic::allomia:index:Organization::valley"
DECLARED = (Declaration("clinic/prod", URN),)


def entry(name: str, *, is_asked: bool = True, **more: Any) -> Entry:
    details = Organization.model_validate({"id": UUID, "name": name, "city": "San Francisco", **more})
    return Entry(UUID, details, details.is_active, Access({}, {}), DECLARED, None, 2, is_asked=is_asked)


def shown(width: int, *entries: Entry, stacks: tuple[Stack, ...] = ()) -> list[str]:
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=True, no_color=True, highlight=False)
    show_organizations(Roster(stacks, entries, (), {}), Question(asks_keys=True), console)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_ids_are_whole(width: int) -> None:
    lines = shown(width, entry("院内システム 🏥 clinic"), entry("Clinic " * 9, timezone="America/Los_Angeles"))
    assert max(map(cell_len, lines)) <= width
    assert sum(UUID in line for line in lines) == 2


def test_a_narrow_terminal_has_a_paragraph_for_each_and_leaves_out_what_nobody_knows() -> None:
    assert shown(60, entry("Valley Health", isActive=False), stacks=(stack_of(),)) == [
        "Valley Health",
        f"  id {UUID}",
        "  city San Francisco, active no, keys 2 of 5, declared by",
        "  clinic/prod valley",
    ]


def test_hostile_names_are_harmless_and_what_was_not_asked_is_said() -> None:
    lines = shown(200, entry("a\x1b[31m[bold]b\u202ec", is_asked=False))
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]
    assert "[bold]b" in lines[1]
    assert lines[-1] == NOT_ASKED
