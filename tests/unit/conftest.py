"""The stand-ins that most unit tests begin with."""

import pytest

from tests.fakes import FakeAllomia, FakeClock
from tests.unit.sandboxes import Local


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(clock: FakeClock) -> FakeAllomia:
    return FakeAllomia(clock)


@pytest.fixture
def local() -> Local:
    return Local()
