"""What a state keeps changes only with a state version or a recorded state (`docs/explanation/upgrades.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi._version import __version__
from allomia_pulumi.contracts.tokens import kind_of
from allomia_pulumi.core.record import FIRST_STATE_VERSION, STATE_VERSION
from tests.shapes import FILE, shapes

ROOT = Path(__file__).parents[2]
RECORDED = FILE.parent
SECTION = re.compile(r"(?m)^## \[?(\d+\.\d+\.\d+)")
ENCRYPTED = "ciphertext"
ELSEWHERE = {
    "DashboardApiKey pending[].keyId": "no step of a key made by hand names one",
    "DashboardApiKey pending[].step": "of the same model as an OrganizationApiKey's",
    "DashboardApiKey pending[].why": "the same",
    "OrganizationMetadata record.settings.tenantKeyRef": "of the same kind as an Organization's",
}
"""Properties that no recorded state has, and what holds them instead."""


def recorded_outputs(kind: str) -> Iterator[dict[str, Any]]:
    for file in RECORDED.glob("*/*/*/state.json"):
        for resource in json.loads(file.read_text())["deployment"]["resources"]:
            if kind_of(resource["type"]) == kind and "outputs" in resource:
                yield resource["outputs"]


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from paths(each, f"{path}[]")
    elif isinstance(value, dict) and ENCRYPTED not in value:
        for name, each in value.items():
            where = f"{path}.{name}".lstrip(".")
            yield where
            yield from paths(each, where)


def test_the_shape_of_what_a_state_keeps_is_the_pinned_one() -> None:
    pinned, today = json.loads(FILE.read_text()), json.loads(json.dumps(shapes()))
    assert today == pinned, (
        "What a state keeps has changed. If an older version may carry it along unread, and every older state means "
        "what it meant: record a state that has it (`python -m tests.engine.recording`). Otherwise raise STATE_VERSION "
        "and lift older states in `read_state`. Then run `python -m tests.shapes`."
    )


@pytest.mark.parametrize("kind", shapes()["outputs"])
def test_every_property_that_a_state_can_have_stands_in_a_recorded_state(kind: str) -> None:
    recorded = {path for outputs in recorded_outputs(kind) for path in paths(outputs)}
    # What the record has of an organization's fields is an output of its own.
    recorded |= {path.replace("applied.", "record.") for path in recorded}
    missing = {path for path in shapes()["outputs"][kind] if path not in recorded}
    hidden = {path for path in missing if path.startswith(("record.accepted", "record.settings."))}
    missing -= hidden if kind == "Organization" else set()
    assert {f"{kind} {path}" for path in missing} == {each for each in ELSEWHERE if each.startswith(f"{kind} ")}


def test_each_version_with_a_section_in_the_changelog_is_recorded() -> None:
    released = set(SECTION.findall((ROOT / "CHANGELOG.md").read_text()))
    assert "0.1.0" in released
    recorded = {folder.name.partition("-")[0] for folder in RECORDED.iterdir() if folder.is_dir()}
    assert released <= recorded, "Record what it writes: `python -m tests.engine.recording VERSION-COMMIT`."
    assert __version__ in recorded or __version__ not in released


def test_state_versions_of_recorded_states_are_ones_that_are_read() -> None:
    found = {outputs["record"]["stateVersion"] for kind in shapes()["outputs"] for outputs in recorded_outputs(kind)}
    assert found <= set(range(FIRST_STATE_VERSION, STATE_VERSION + 1))
    assert STATE_VERSION in found
