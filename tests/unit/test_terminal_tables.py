"""Tables and prose at the widths that terminals have, and at a pipe."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from allomia_pulumi.cli.clients import Holding
from allomia_pulumi.cli.prose import fold
from allomia_pulumi.cli.survey import Row
from allomia_pulumi.cli.tables import Tables
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.orphans import Verdict, Whose
from tests.fakes import LINEAGE

NOW = datetime(2026, 1, 2, tzinfo=UTC)
UUID = "2fed71e5-ce23-433f-9b49-bed79820b32{}"
URN = "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr-sync"
OURS = Verdict(Whose.CURRENT, "clinic/prod", URN)
MARK = make_mark(Identity(project="clinic", stack="prod", name="ehr-sync"), "", LINEAGE)
NAMES = (MARK.name("ehr-sync"), "院内システム 🏥 key", "by hand")
SHORT = f"ehr-sync--…{MARK.nonce}{str(MARK)[-1]}"
SHORTENED = "Marks are shortened: --output json has every name whole."


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    created_at: datetime | None = NOW - timedelta(days=12)
    last_used_at: datetime | None = None
    is_use_known: bool = True


def shown(width: int | None, *names: str, id_of: str = UUID, verdict: Verdict | None = OURS) -> list[str]:
    """Show keys at a terminal of a width, or at a pipe."""
    keys = tuple(Key(id_of.replace("{}", str(number)), name) for number, name in enumerate(names))
    holding = Holding("org", "Valley Health", keys, cast("Any", None))
    stream = StringIO()
    tables = Tables()
    if width is not None:
        tables.console = Console(file=stream, width=width, force_terminal=True, no_color=True, highlight=False)
    else:
        tables.console.file = stream
    tables.show(holding, [Row(holding, each, verdict) for each in keys], NOW, "3 of 5 slots used")
    tables.end()
    return stream.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_ids_and_marks_are_on_one(width: int) -> None:
    lines = shown(width, *NAMES)
    assert max(map(cell_len, lines)) <= width
    for number in range(len(NAMES)):
        assert sum(UUID.format(number) in line for line in lines) == 1
    assert sum(SHORT in line or NAMES[0] in line for line in lines) == 1
    assert (lines[-1] == SHORTENED) == (width < 120)


def test_at_80_columns_whose_a_key_is_has_a_line_of_its_own() -> None:
    lines = shown(80, *NAMES)
    assert lines[1].split() == ["NAME", "ID", "AGE", "LAST", "USED"]
    assert lines[2] == "  WHOSE"
    assert lines[3].split() == [SHORT, UUID.format(0), "12", "d", "never"]
    assert lines[4] == "  clinic/prod ehr-sync"


def test_where_names_fit_they_are_whole_and_nothing_is_said_to_be_shortened() -> None:
    lines = shown(160, *NAMES)
    assert lines[2].split() == [NAMES[0], UUID.format(0), "12", "d", "never", "clinic/prod", "ehr-sync"]
    assert SHORTENED not in lines
    short_ids = shown(80, "by hand", id_of="k{}", verdict=None)
    assert short_ids[2].split() == ["by", "hand", "k0", "12", "d", "never", "nobody:", "by", "hand"]
    assert SHORTENED not in short_ids


def test_at_60_columns_a_key_takes_lines() -> None:
    lines = shown(60, *NAMES[:1])
    assert lines[1:4] == [SHORT, f"  id {UUID.format(0)}", "  12 d old, last used: never, clinic/prod ehr-sync"]


def test_at_a_pipe_a_key_is_one_line_with_its_whole_name_whatever_columns_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", StringIO())
    lines = shown(None, *NAMES, "a" * 300, id_of="k{}" * 60)
    assert len(lines) == 1 + 1 + 4 + 1
    assert lines[2].startswith(NAMES[0])
    assert sum(line.count("k3" * 60) for line in lines) == 1


@pytest.mark.parametrize("width", [80, 120, 160])
def test_wide_characters_are_aligned(width: int) -> None:
    lines = shown(width, *NAMES)
    rows = [line for line in lines if "2fed71e5" in line]
    title = next(line for line in lines if line.startswith("NAME"))
    starts = {cell_len(line.partition("2fed71e5")[0]) for line in rows}
    assert starts == {title.index("ID")}


def test_an_organization_without_keys_has_no_table() -> None:
    assert shown(80) == ["organization org Valley Health", "3 of 5 slots used"]


WORDS = st.lists(st.text(alphabet="ab院 🏥`", min_size=1, max_size=12), max_size=12).map(" ".join)


@given(WORDS, st.integers(min_value=2, max_value=40))
def test_folded_prose_loses_nothing_and_keeps_commands_whole(text: str, width: int) -> None:
    lines = fold(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width or "`" in line for line in lines)


def test_a_command_is_never_folded() -> None:
    text = "Look with `allomia keys --organization org --stack ../clinic@prod`, then go on."
    assert fold(text, 30) == ["Look with", "`allomia keys --organization org --stack ../clinic@prod`,", "then go on."]
