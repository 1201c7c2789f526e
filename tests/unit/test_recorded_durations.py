"""A duration of a record is parsed once, written back byte for byte, and refused in the words of before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.core.handmade_key.state import read_dashboard_outputs
from allomia_pulumi.core.minted_key.state import Settings, read_outputs
from allomia_pulumi.errors import AllomiaError, InvalidInput
from tests.stacks import ORGANIZATION, Stack

DAY = timedelta(days=1)


def minted(**durations: object) -> dict[str, Any]:
    stack = Stack({"organizationId": ORGANIZATION, "rotateAfter": "90d", "overlap": "2d"})
    stack.up()
    assert stack.resource is not None
    outputs = stack.resource.outputs
    return {**outputs, "record": {**outputs["record"], "settings": {**outputs["record"]["settings"], **durations}}}


def handmade(**durations: object) -> dict[str, Any]:
    settings = {"organizationId": "org", "vaultSecret": "secret/a#b", "secretInState": True, **durations}
    record = {"stateVersion": 1, "identity": {"project": "p", "stack": "s", "name": "n"}, "settings": settings}
    return {"secretFingerprint": "0" * 12, "since": "2026-11-25T12:00:00Z", "record": record}


@pytest.mark.parametrize("text", ["90d", "1d", "24h", " 24h ", "P1D", "PT24H", "0s", "0d", "", "1w", "7d", "36500d"])
def test_a_recorded_duration_is_written_as_it_was_read(text: str) -> None:
    for read, outputs in (
        (read_outputs, minted(rotateAfter=text, overlap=text)),
        (read_dashboard_outputs, handmade(rotateAfter=text, overlap=text)),
    ):
        settings = read(outputs).to_outputs()["record"]["settings"]
        assert (settings["rotateAfter"], settings["overlap"]) == (text, text)


def test_whatever_a_stack_records_is_written_as_it_was_read() -> None:
    outputs = minted()
    assert read_outputs(outputs).to_outputs() == outputs


@pytest.mark.parametrize("text", ["soon", "1y", "-1d", "1.5h", "36501d", " "])
def test_a_text_that_is_no_duration_is_refused_in_the_same_words(text: str) -> None:
    for read, outputs in ((read_outputs, minted(overlap=text)), (read_dashboard_outputs, handmade(overlap=text))):
        with pytest.raises(InvalidInput, match="the recorded duration is not a duration"):
            read(outputs)


@pytest.mark.parametrize("value", [5, 1.5, True, ["1d"], {"days": 1}])
def test_what_is_no_text_is_an_unreadable_state(value: object) -> None:
    with pytest.raises(AllomiaError, match="the state of this key is not readable"):
        read_outputs(minted(overlap=value))


def test_another_form_of_the_same_length_is_still_a_difference_to_record() -> None:
    ours, theirs = (Settings(organization_id="org", name="ehr", overlap=text) for text in ("1d", "24h"))
    assert ours.overlap == DAY
    assert theirs.overlap is not None
    assert theirs.overlap + timedelta() == DAY
    assert ours != theirs
    assert theirs == Settings(organization_id="org", name="ehr", overlap="24h")
