"""What hypothesis throws at parsers: JSON of any shape with secrets and hostile characters planted in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from allomia_pulumi.errors import AllomiaError

T = TypeVar("T")

CANARY = "alm_tenant_canary_0000000000000001"
HOSTILE = (
    CANARY,
    f"{CANARY}\n",
    f" {CANARY}",
    f"\x1b[31m{CANARY}",
    "\x1b]8;;http://evil\x07",
    "\u202e",
    "a\r\nb",
    "\x00",
    "..",
    "a/../b",
    "%2e%2e",
    "NaN",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+23:59",
    "2026-11-25T12:00:00Z",
    "1" * 5000,
    "",
)

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
numbers = st.one_of(
    st.integers(),
    st.sampled_from([0, 1, -1, 10**18, 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from([1e308, float("inf"), float("-inf"), float("nan")]),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)


def values(*names: str) -> st.SearchStrategy[Any]:
    """Return any JSON value; its objects prefer these names."""
    keys = st.one_of(st.sampled_from(names), texts) if names else texts
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
        max_leaves=12,
    )


def mutated(whole: Any, *names: str) -> st.SearchStrategy[Any]:
    """Return the whole with one part, wherever it lies, replaced by any value, doubled or left out."""
    places = list(_places(whole))
    return st.tuples(st.sampled_from(places), st.one_of(values(*names), st.just(LEFT_OUT))).map(
        lambda chosen: _replaced(whole, *chosen)
    )


LEFT_OUT = object()


def survives(call: Callable[[], T]) -> T | None:
    """Return a value, or None after one of our errors: of one printable line, without the canary."""
    try:
        return call()
    except AllomiaError as problem:
        text = str(problem)
        if CANARY in text or CANARY in repr(problem):
            raise AssertionError("an error repeats a secret") from None
        if not text.isprintable():
            raise AssertionError(f"an error is not fit for a terminal: {text!r}") from None
        return None


def encoded(value: object) -> bytes:
    """Return JSON as a careless peer writes it: with NaN, and with surrogates as escapes."""
    return json.dumps(value).encode()


def _places(whole: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    parts = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


def _replaced(whole: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return None if new is LEFT_OUT else new
    copy = dict(whole) if isinstance(whole, dict) else list(whole)
    if len(path) == 1 and new is LEFT_OUT:
        del copy[path[0]]
    else:
        copy[path[0]] = _replaced(whole[path[0]], path[1:], new)
    return copy
