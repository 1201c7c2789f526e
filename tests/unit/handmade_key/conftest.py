"""The two stacks that most tests of a key made by hand begin with."""

import pytest

from tests.unit.handmade_key.scenes import HOUR, Stack


@pytest.fixture
def stack() -> Stack:
    """Return a stack whose first key is up."""
    stack = Stack()
    stack.make("first")
    stack.up()
    return stack


@pytest.fixture
def rotated(stack: Stack) -> Stack:
    """Return a stack whose second key is up and whose first is in its overlap of a day."""
    stack.declare(overlap="24h")
    stack.up()
    stack.clock.advance(HOUR)
    stack.make("second")
    stack.up()
    return stack
