"""Listings of what exists already: pages in an order that no change between two of them disturbs.

A page ends with a token: the ids of its last entry. The next page has what comes after these ids, so what is made or
ended meanwhile makes no other entry be repeated or left out.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.input_fields import Form
from allomia_pulumi.core.model import Model, Unknown
from allomia_pulumi.errors import Interrupted, InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "LARGEST_PAGE",
    "Entry",
    "Listing",
    "Page",
    "PageRequest",
    "explaining_sources",
    "is_showable",
    "optional_text",
    "read_query",
]

Q = TypeVar("Q", bound=Model)

LARGEST_PAGE: Final = 1_000
"""Entries of a page at most, and of one whose size nobody asked for."""
LONGEST_TOKEN: Final = 4_000
DEEPEST: Final = 2
"""Ids of an entry at most: an organization's and a key's."""
DIGEST_DIGITS: Final = 16


@dataclass(frozen=True)
class Entry:
    """What a listing shows of one thing that exists.

    Attributes:
        ids: What tells it from the others, and orders it.
        name: What AlloMia calls it, fit for a terminal; empty if it has no name.
    """

    ids: tuple[str, ...]
    name: str

    @property
    def pulumi_id(self) -> str:
        """Return its id as an import takes it."""
        return "/".join(self.ids)


@dataclass(frozen=True)
class PageRequest:
    """The page that is asked for.

    Attributes:
        limit: How many entries there may be on all pages; below 1 for no limit. A caller may also give what is left.
        size: How many entries the page may have; below 1 for as many as the provider likes.
        token: The token of the page before; empty for the first page.
        is_awaited: Tells whether somebody still waits for the page.
    """

    limit: int = 0
    size: int = 0
    token: str = field(default="", repr=False)
    is_awaited: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Page:
    """A page of a listing; without a token, it is the last one."""

    entries: tuple[Entry, ...] = ()
    token: str = field(default="", repr=False)


def read_query(model: type[Q], given: Mapping[str, Any], parsers: Mapping[str, Callable[[Any], Any]]) -> Q | None:
    """Read a query as it came; return None if a part of it is not known yet.

    Args:
        model: The query's model.
        given: Its parts by their wire names.
        parsers: What reads each field of the model.

    Raises:
        InvalidInput: It is not acceptable.
    """
    names = {name: str(field.alias) for name, field in model.model_fields.items()}
    form = Form(given, names.values())
    values = {name: form.read(wire_name, parsers[name]) for name, wire_name in names.items()}
    if form.failures:
        raise InvalidInput("; ".join(failure.reason for failure in form.failures))
    return None if any(isinstance(value, Unknown) for value in values.values()) else model(**values)


def optional_text(name: str) -> Callable[[object], str | None]:
    """Return what reads a text that an entry has to match; an empty one is refused, since nobody means every entry."""

    def read(value: object) -> str | None:
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        raise InvalidInput(f"{spell(name)} is not a text or is empty", "Write what to look for, or leave it out.")

    return read


@contextmanager
def explaining_sources() -> Iterator[None]:
    """Add where a listing's configuration comes from to errors that another configuration could mend."""
    try:
        yield
    except InvalidConfiguration as problem:
        raise problem.with_hint(
            "`pulumi do` does not read the configuration of a stack: it takes settings from the environment, from "
            "--provider-file, and by --provider from a provider in the state."
        ) from None


def is_showable(identifier: str) -> bool:
    """Tell whether an id can be shown, and be given to an import: a request can name it, and it holds no secret."""
    return is_identifier(identifier) and scrub(identifier) == identifier


def _id(value: str) -> str:
    if not is_identifier(value):
        raise ValueError("is not an id")
    return value


class _Position(WireModel):
    """What a token says: the listing that it is of, the last ids, and what was shown of the limit by then."""

    listing: str
    after: Annotated[tuple[Annotated[str, AfterValidator(_id)], ...], Field(min_length=1, max_length=DEEPEST)]
    limit: Annotated[int, Field(ge=0)]
    shown: Annotated[int, Field(ge=0)]


class Listing:
    """One page of a listing in the making.

    Args:
        asked: The page that is asked for.
        scope: Everything that makes it this listing and no other: what is listed, of which AlloMia, by which query.
        depth: How many ids an entry has.

    Attributes:
        room: How many entries the page may have.

    Raises:
        InvalidInput: The token is not of this listing.
    """

    def __init__(self, asked: PageRequest, scope: Iterable[object], *, depth: int) -> None:
        self._asked = asked
        self._digest = hashlib.sha256(json.dumps([*scope], default=str).encode()).hexdigest()[:DIGEST_DIGITS]
        position = self._read(asked.token, depth) if asked.token else None
        self._after = position.after if position else ()
        # The protocol repeats the limit with every page, and Pulumi's command gives what is left of it.
        self._shown = position.shown if position and position.limit == asked.limit else 0
        size = min(asked.size, LARGEST_PAGE) if asked.size > 0 else LARGEST_PAGE
        self.room = size if asked.limit < 1 else max(0, min(size, asked.limit - self._shown))

    def is_ahead(self, ids: tuple[str, ...]) -> bool:
        """Tell whether entries with these ids, or that begin with them, may stand on this page or a later one."""
        shared = min(len(ids), len(self._after))
        mine, last = ids[:shared], self._after[:shared]
        return mine > last or (mine == last and (not shared or len(ids) < len(self._after)))

    def require_awaited(self, cancellation: Cancellation) -> None:
        """See that somebody still waits for the page.

        Raises:
            Interrupted: The run is being stopped, or the caller is gone.
        """
        if cancellation.is_requested or not self._asked.is_awaited():
            raise Interrupted("the listing was stopped, and nothing of it is shown", "List again.")

    def end(self, entries: Sequence[Entry], last: tuple[str, ...], reporter: Reporter) -> Page:
        """Return the page; `last` are the ids behind which more may come, empty if there is no more."""
        shown = self._shown + len(entries)
        if not last or 0 < self._asked.limit <= shown:
            return Page(tuple(entries))
        is_whole_expected = not self._asked.token and self._asked.size < 1 and self._asked.limit < 1
        if is_whole_expected:
            reporter.warn(
                f"this page has {len(entries):,} entries, and more may follow: `pulumi do … list` shows them only with "
                "--all"
            )
        return Page(tuple(entries), self._write(last, shown))

    def _read(self, token: str, depth: int) -> _Position:
        position = None
        if len(token) <= LONGEST_TOKEN:
            try:
                position = _Position.model_validate_json(urlsafe_b64decode(token.encode("ascii")), strict=True)
            except ValueError:
                position = None
        if position is not None and position.listing != self._digest:
            raise InvalidInput(
                "the continuation token is of another listing: another kind, query, AlloMia or tenant key",
                "List again from the first page, or with what that page was asked for.",
            )
        if position is None or len(position.after) > depth:
            raise InvalidInput(
                "the continuation token is none that this provider has given", "List again from the first page."
            )
        return position

    def _write(self, last: tuple[str, ...], shown: int) -> str:
        limit = max(0, self._asked.limit)
        position = _Position(listing=self._digest, after=last, limit=limit, shown=shown if limit else 0)
        return urlsafe_b64encode(position.model_dump_json().encode()).decode("ascii")
