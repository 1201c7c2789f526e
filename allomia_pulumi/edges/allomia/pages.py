"""Read all pages of a list, and trust it only when its pages and its total agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Annotated, Protocol, TypeVar

from pydantic import Field

from allomia_pulumi.edges.allomia.bodies import Answer
from allomia_pulumi.errors import Unavailable, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock

__all__ = ["PAGE_SIZE", "Item", "Page", "Pagination", "read_pages"]

PAGE_SIZE = 100
"""The most that AlloMia gives per page (docs.allomia.com/api-reference/endpoint/list-organizations)."""

READS = 3
LIST_SECONDS = 120.0

MOST_ITEMS = 20_000
MOST_PAGES = 1_000
MOST_BYTES = 16 * 1024 * 1024
"""What is kept of a list at most: `LIST_SECONDS` bounds what is sent of it, and not what that becomes in memory."""


class Pagination(Answer):
    """The part of AlloMia's `pagination` object that we rely on."""

    total: Annotated[int, Field(ge=0, strict=True)]
    has_next_page: Annotated[bool, Field(strict=True)]


class Page(Answer):
    """One page of a list."""

    pagination: Pagination


class _Item(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=_Item)


def read_pages(read: Callable[[int], tuple[Sequence[Item], Pagination]], doing: str, clock: Clock) -> tuple[Item, ...]:
    """Read every page; start again when the list changed meanwhile.

    Args:
        read: Reads one page by its number, from 1.
        doing: What is being done, for the error.
        clock: What ends the reading after two minutes.

    Raises:
        UnexpectedAnswer: The number of items and the total did not agree, three times in a row, or there are more than
            can be.
        Unavailable: The pages did not come to an end in time.
    """
    end = clock.monotonic() + LIST_SECONDS
    for _ in range(READS):
        items: dict[str, Item] = {}
        page, count, size = 0, 0, 0
        while True:
            if clock.monotonic() > end:
                raise Unavailable(f"AlloMia did not come to an end in time with {doing}", "Run again later.")
            page += 1
            found, pagination = read(page)
            items.update((item.id, item) for item in found)
            count += len(found)
            size += sum(getsizeof(value) for item in found for value in vars(item).values())
            if max(count, pagination.total) > MOST_ITEMS or page > MOST_PAGES or size > MOST_BYTES:
                raise UnexpectedAnswer(
                    f"AlloMia's list is larger than this package reads ({MOST_ITEMS:,} items, 16 MiB) for {doing}",
                    "Nothing was concluded from it; tell AlloMia, or us if so many are really there.",
                )
            # An empty page, or more items than there are, is no list that another page could mend.
            if not (pagination.has_next_page and found and count <= pagination.total):
                break
        if len(items) == count == pagination.total and not pagination.has_next_page:
            return tuple(items.values())
    raise UnexpectedAnswer(
        f"AlloMia's pages and total do not agree for {doing}",
        "Nothing was concluded from that list; run again, and tell AlloMia if it stays so.",
    )
