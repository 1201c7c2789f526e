"""A duration of a record is parsed once, written back byte for byte, and refused only where its length is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.core.handmade_key.state import read_dashboard_outputs
from allomia_pulumi.core.minted_key.state import Settings, read_outputs
from allomia_pulumi.errors import AllomiaError, InvalidInput
from allomia_pulumi.ground.durations import recorded_length
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


NO_DURATIONS = ["soon", "1y", "-1d", "1.5h", "36501d", " "]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_a_text_that_is_no_duration_is_kept_and_refused_where_its_length_is_asked_for(text: str) -> None:
    for read, outputs in (
        (read_outputs, minted(rotateAfter=text, overlap=text)),
        (read_dashboard_outputs, handmade(rotateAfter=text, overlap=text)),
    ):
        state = read(outputs)
        settings = state.record.settings
        assert state.to_outputs()["record"]["settings"] == outputs["record"]["settings"]
        for recorded in (settings.rotate_after, settings.overlap):
            with pytest.raises(InvalidInput, match="the recorded duration is not a duration"):
                recorded_length(recorded)


def edited(text: str, program: str) -> Stack:
    """Return a stack whose key is in its overlap, and whose record has a text in place of the overlap."""
    stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": {"n": "1"}, "overlap": "2d"})
    stack.up()
    stack.edit(rotationTriggers={"n": "2"})
    stack.up()
    stack.edit(overlap=program)
    record = stack.outputs["record"]
    stack.edit_outputs(record={**record, "settings": {**record["settings"], "overlap": text}})
    return stack


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_a_text_that_is_no_duration_holds_up_no_destroy(text: str) -> None:
    stack = edited(text, "2d")
    assert len(stack.alive) == 2
    assert stack.destroy().failure is None
    assert not stack.alive


def test_a_text_that_is_no_duration_ends_no_predecessor() -> None:
    stack = edited("soon", "1d")
    refused = stack.up()
    assert "the recorded duration is not a duration" in str(refused.failure)
    assert refused.writes == ()
    assert len(stack.alive) == 2


def test_a_text_that_is_no_duration_is_mended_by_the_next_update() -> None:
    stack = Stack({"organizationId": ORGANIZATION, "overlap": "2d"})
    stack.up()
    record = stack.outputs["record"]
    stack.edit_outputs(record={**record, "settings": {**record["settings"], "overlap": "soon"}})
    assert stack.up().failure is None
    assert stack.outputs["record"]["settings"]["overlap"] == "2d"


@pytest.mark.parametrize("value", [5, 1.5, True, ["1d"], {"days": 1}])
def test_what_is_no_text_is_an_unreadable_state(value: object) -> None:
    with pytest.raises(AllomiaError, match="the state of this key is not readable"):
        read_outputs(minted(overlap=value))


def test_another_form_of_the_same_length_is_still_a_difference_to_record() -> None:
    ours, theirs = (Settings(organization_id="org", name="ehr", overlap=text) for text in ("1d", "24h"))
    assert recorded_length(ours.overlap) == recorded_length(theirs.overlap) == DAY
    assert ours != theirs
    assert theirs == Settings(organization_id="org", name="ehr", overlap="24h")
