"""The clock that jumps, and the real OpenBao that a bad wire lies before."""

from collections.abc import Iterator

import pytest

from tests.deliveries import Shelf
from tests.fakes import FakeClock
from tools.engine.openbao import OpenBao


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev() as server:
        yield server


@pytest.fixture(scope="module")
def shelf(bao: OpenBao) -> Shelf:
    return Shelf(bao)
