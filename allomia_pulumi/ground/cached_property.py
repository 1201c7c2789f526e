"""A cached property with a lock: `functools.cached_property` has none since Python 3.12."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["locked_cached_property"]

T = TypeVar("T")


class locked_cached_property(Generic[T]):  # noqa: N801 - it is read as a decorator
    """Cached property, computed by one thread and shared by all; what raises is tried again by the next use.

    Each object has a lock of its own for each such property, so one that is being computed holds up nobody else's.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type | None = None) -> T: ...

    def __get__(self, owner: object | None, kind: type | None = None) -> Self | T:
        if owner is None:
            return self
        # `setdefault` of a dict whose keys are texts is one step for all threads.
        with owner.__dict__.setdefault(f"{self._name} lock", threading.RLock()):
            # Having no `__set__`, this is asked only until the value stands in its place.
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._make(owner)
            value: T = owner.__dict__[self._name]
            return value
