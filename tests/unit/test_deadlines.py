"""One deadline for what a thread does on the wire."""

from __future__ import annotations

import pytest

from allomia_pulumi.edges.net.deadline import deadline, seconds_left


@pytest.mark.parametrize(("outer", "inner"), [(10.0, 500.0), (500.0, 10.0)])
def test_of_two_deadlines_the_nearer_end_holds(outer: float, inner: float) -> None:
    with deadline(outer), deadline(inner):
        left = seconds_left()
    assert left is not None
    assert left <= 10.0
    assert seconds_left() is None
