"""AlloMia's clock and ours differ: rotations come once and in time, and never in a loop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from tests.fakes import FakeAllomia, FakeClock, FakeTenants, Listener

IDENTITY = Identity(project="p", stack="s", name="ehr")
HOUR = 3600.0


@pytest.mark.catalogue(31, 32)
@pytest.mark.parametrize(
    ("minutes", "overlap"),
    [*((minutes, None) for minutes in (-600, -10, -1, 0, 1, 10, 600)), *((minutes, "1h") for minutes in (-10, 0, 10))],
)
def test_a_key_whose_maker_has_another_clock_rotates_once_when_it_is_due(minutes: int, overlap: str | None) -> None:
    clock = FakeClock()
    api = FakeAllomia(clock, skew=timedelta(minutes=minutes))
    news = {"organizationId": "org", "name": "ehr", "rotateAfter": "24h", **({"overlap": overlap} if overlap else {})}

    def change(pulumi_id: str, outputs: dict[str, Any]) -> tuple[bool, OrganizationKeys]:
        """Ask as a process of its own does: one per run."""
        keys = OrganizationKeys(FakeTenants(api), clock)
        inputs = keys.check(news, news, Call(IDENTITY, Listener(), old_identity=IDENTITY)).inputs
        return keys.diff(outputs, inputs, Call(IDENTITY, Listener(), pulumi_id)).has_changes, keys

    pulumi_id, state = OrganizationKeys(FakeTenants(api), clock).create(news, Call(IDENTITY, Listener()))
    assert not change(pulumi_id, state.to_outputs())[0]
    clock.advance(35 * HOUR)
    is_due, keys = change(pulumi_id, state.to_outputs())
    assert is_due
    if overlap:
        state = keys.update(state.to_outputs(), news, Call(IDENTITY, Listener(), pulumi_id))
    else:
        pulumi_id, new = keys.create(news, Call(IDENTITY, Listener()))
        keys.delete(state.to_outputs(), Listener())
        state = new
    assert api.minted == 2
    assert not change(pulumi_id, state.to_outputs())[0]
