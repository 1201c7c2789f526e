"""The scene that the tests of organizations begin with."""

import pytest

from tests.unit.organization.scenes import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()
