"""`allomia revoke` ends the key that is meant: where a stack reaches several AlloMias, an id alone may name two."""

from __future__ import annotations

from typing import Any

import pytest

from allomia_pulumi.cli import clients
from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.clients import Connections, Holding, Survey, Visible
from allomia_pulumi.cli.keys import find_row
from allomia_pulumi.cli.survey import Row, View
from allomia_pulumi.errors import InvalidInput, NotFound
from tests.fakes import FakeAllomia, FakeClock

KEY = "key-1"


def holding(*, is_listed: bool, exists: bool) -> Holding:
    api: Any = FakeAllomia(FakeClock())
    key = api.make("org", "made by hand")
    assert key.id == KEY
    if not exists:
        api.keys["org"].clear()
    return Holding("org", "Valley Health", (key,) if is_listed else (), api)


def view(*holdings: Holding) -> View:
    rows = tuple(Row(each, key) for each in holdings for key in each.keys)
    return View((), Survey(holdings, ()), rows)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_key_of_one_id_at_two_allomias_is_a_question_and_no_choice(is_listed: bool) -> None:
    both = [holding(is_listed=is_listed, exists=True) for _ in range(2)]
    with pytest.raises(InvalidInput, match="nothing was revoked") as caught:
        find_row(view(*both), "org", KEY, "")
    assert "--api-url" in caught.value.hint


@pytest.mark.parametrize("is_listed", [True, False])
def test_the_one_allomia_that_has_the_key_is_taken(is_listed: bool) -> None:
    without, having = holding(is_listed=False, exists=False), holding(is_listed=is_listed, exists=True)
    found = find_row(view(without, having), "org", KEY, "")
    assert (found.holding, found.key.id) == (having, KEY)


def test_a_key_that_is_nowhere_is_said_to_be_so() -> None:
    without = holding(is_listed=False, exists=False)
    with pytest.raises(NotFound, match="it answers 404 itself"):
        find_row(view(without, without), "org", KEY, "")


def test_one_allomia_in_two_spellings_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def list_keys(found: Visible) -> Holding:
        return Holding(found.organization_id, "", (), found.sights[0].client)

    monkeypatch.setattr(clients, "_list_keys", list_keys)
    spellings = ("https://allomia.example", "https://ALLOMIA.example:443/", "https://other.example")
    accesses = [Access({"apiUrl": each}, {}) for each in spellings]
    survey = Connections({"ALLOMIA_TENANT_KEY": "alm_tenant"}).survey(accesses, ["org"])
    assert len(survey.holdings) == 2
