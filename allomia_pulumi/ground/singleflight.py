"""One thread works, and all that want the same thing share what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from allomia_pulumi.errors import AllomiaError

__all__ = ["SingleFlight"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Results by key: made once, then remembered.

    Args:
        is_final: Tells which errors are remembered too; after any other one the next caller tries again.
    """

    def __init__(self, is_final: Callable[[BaseException], bool] = lambda _: False) -> None:
        self._is_final = is_final
        self._lock = threading.Lock()
        self._flights: dict[K, Future[T]] = {}

    def get(self, key: K, make: Callable[[], T]) -> T:
        """Return the result for a key; callers that come while it is being made wait and share the outcome."""
        with self._lock:
            known = self._flights.get(key)
            flight = self._flights.setdefault(key, Future())
        if known is None:
            self._make(key, flight, make)
        if (problem := flight.exception()) is not None:
            raise problem.copy() if isinstance(problem, AllomiaError) else problem
        return flight.result()

    def results(self) -> list[T]:
        """Return every result so far."""
        with self._lock:
            flights = list(self._flights.values())
        return [flight.result() for flight in flights if flight.done() and flight.exception() is None]

    def _make(self, key: K, flight: Future[T], make: Callable[[], T]) -> None:
        try:
            flight.set_result(make())
        except BaseException as problem:  # noqa: BLE001 - whoever waits must not wait for ever
            if not self._is_final(problem):
                with self._lock:
                    self._flights.pop(key, None)
            flight.set_exception(problem)
