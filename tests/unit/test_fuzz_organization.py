"""Whatever a program writes for an organization: read to values that can be trusted, or refused in printable lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.inputs import FIELDS, SUPPORTED, parse_organization_inputs, wire_name
from allomia_pulumi.ground.spelling import Caller, spelled_for
from tests.faults.garbage import CANARY, HOSTILE, survives, values

NINE = {wire_name(name): f"the {name}" for name in FIELDS}
CONTROL = [text for text in HOSTILE if not text.isprintable()]


@pytest.mark.catalogue(111)
@given(st.dictionaries(st.sampled_from([*SUPPORTED, "organizationId", "__lineage"]), values("path"), max_size=6))
@example({"name": "\ud800", "duplicateOf": [{}], "adopt": []})
@settings(max_examples=200)
def test_any_inputs_are_read_or_refused_without_their_values(changes: dict[str, Any]) -> None:
    with spelled_for(Caller.PYTHON):
        read = survives(lambda: parse_organization_inputs({**NINE, **changes}))
    assert read is not None, "check answers with failures, and raises nothing"
    inputs, failures = read
    assert (inputs is None) == bool(failures)
    for failure in failures:
        assert failure.reason.isprintable()
        assert CANARY not in failure.reason
    if inputs is None:
        return
    for name in FIELDS:
        value = getattr(inputs, name)
        assert value == changes.get(wire_name(name), NINE[wire_name(name)]), "nothing is trimmed or made up"
        assert isinstance(value, str)
    assert isinstance(inputs.deactivate_on_destroy, bool)
    assert isinstance(inputs.duplicate_of, tuple)


@pytest.mark.catalogue(111)
@pytest.mark.parametrize("text", CONTROL)
@pytest.mark.parametrize("name", [*NINE, "externalId"])
def test_a_text_with_control_characters_is_refused(name: str, text: str) -> None:
    inputs, failures = parse_organization_inputs({**NINE, name: text})
    assert inputs is None
    assert [failure.property for failure in failures] == [name]


@pytest.mark.parametrize("name", NINE)
def test_every_failure_is_told_at_once(name: str) -> None:
    _, failures = parse_organization_inputs({name: NINE[name]})
    assert {failure.property for failure in failures} == NINE.keys() - {name}


def test_what_a_preview_does_not_know_is_no_failure() -> None:
    inputs, failures = parse_organization_inputs(dict.fromkeys(SUPPORTED, Unknown()))
    assert failures == []
    assert inputs is not None
    assert all(isinstance(value, Unknown) for value in dict(inputs).values())
