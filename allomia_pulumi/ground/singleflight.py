"""Single-flight cache: concurrent callers of one key share one call."""

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
    """Single-flight cache of results by key: each is computed once, then kept; thread-safe.

    Args:
        is_final: Tells which errors are kept too; after any other one the next caller tries again.
    """

    def __init__(self, is_final: Callable[[BaseException], bool] = lambda _: False) -> None:
        self._is_final = is_final
        self._lock = threading.Lock()
        self._futures: dict[K, Future[T]] = {}

    def get(self, key: K, call: Callable[[], T]) -> T:
        """Return the result for a key; callers that come during the call wait and share its outcome."""
        with self._lock:
            is_first = key not in self._futures
            future = self._futures.setdefault(key, Future())
        if is_first:
            self._run(key, future, call)
        if (problem := future.exception()) is not None:
            raise problem.copy() if isinstance(problem, AllomiaError) else problem
        return future.result()

    def results(self) -> list[T]:
        """Return every result so far."""
        with self._lock:
            futures = list(self._futures.values())
        return [future.result() for future in futures if future.done() and future.exception() is None]

    def _run(self, key: K, future: Future[T], call: Callable[[], T]) -> None:
        try:
            future.set_result(call())
        except BaseException as problem:  # noqa: BLE001 - whoever waits must not wait for ever
            if not self._is_final(problem):
                with self._lock:
                    self._futures.pop(key, None)
            future.set_exception(problem)
