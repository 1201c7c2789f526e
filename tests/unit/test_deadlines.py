"""One deadline for what a thread does on the wire."""

from __future__ import annotations

import pytest

from allomia_pulumi.edges.net.deadline import bounded_timeout, deadline


@pytest.mark.parametrize(("outer", "inner"), [(10.0, 500.0), (500.0, 10.0)])
def test_of_two_deadlines_the_nearer_end_holds(outer: float, inner: float) -> None:
    with deadline(outer), deadline(inner):
        left = bounded_timeout(None, TimeoutError)
    assert left is not None
    assert left <= 10.0
    assert bounded_timeout(None, TimeoutError) is None
