"""A property that is made once, by one thread, on every Python."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from allomia_pulumi.ground.cached_property import locked_cached_property


class Owner:
    def __init__(self) -> None:
        self.made = 0
        self.faults = 0

    @locked_cached_property
    def value(self) -> object:
        self.made += 1
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError
        threading.Event().wait(0.01)  # lets every other thread come here
        return object()


@pytest.mark.catalogue(76)
def test_sixty_four_threads_get_one_value() -> None:
    owner, start = Owner(), threading.Barrier(64)

    def use(_: int) -> object:
        start.wait(60)
        return owner.value

    with ThreadPoolExecutor(64) as pool:
        assert len(set(pool.map(use, range(64)))) == 1
    assert owner.made == 1
    assert owner.value is not Owner().value


def test_what_raised_is_tried_again() -> None:
    owner = Owner()
    owner.faults = 1
    with pytest.raises(ZeroDivisionError):
        _ = owner.value
    assert owner.value is owner.value
    assert owner.made == 2
