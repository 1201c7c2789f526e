"""The secrets that a test's servers handed out: what must stand nowhere in clear when the test is over.

Servers plant them by themselves; who looks for them is the tests' affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["forget", "lasting", "plant", "plant_from_answer", "planted"]

# Of Vault's answers: what logs in. The secret data of a test comes from AlloMia or from the test itself.
SECRET_FIELDS = frozenset({"client_token", "secret_id", "token"})

_of_this_test: set[str] = set()
_lasting: set[str] = set()


def plant(value: str) -> str:
    """Remember a secret until `forget`, and return it."""
    if value:
        _of_this_test.add(value)
    return value


@contextmanager
def lasting(*values: str) -> Iterator[None]:
    """Remember the secrets of a server for as long as it runs, and then until `forget`."""
    _lasting.update(values)
    try:
        yield
    finally:
        _lasting.difference_update(values)
        _of_this_test.update(values)


def plant_from_answer(answer: object) -> None:
    """Remember every token and secret id of a JSON answer of Vault, whatever its depth."""
    if isinstance(answer, Mapping):
        for name, value in answer.items():
            if isinstance(value, str) and name in SECRET_FIELDS:
                plant(value)
            plant_from_answer(value)
    elif isinstance(answer, list):
        for each in answer:
            plant_from_answer(each)


def planted() -> frozenset[str]:
    """Return every secret that is remembered."""
    return frozenset(_of_this_test | _lasting)


def forget() -> None:
    """Forget the secrets of this test; those of running servers stay."""
    _of_this_test.clear()
