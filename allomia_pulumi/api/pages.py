"""Reading all pages of a list, and believing it only when its pages and its total agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Protocol, TypeVar

from pydantic import ConfigDict, Field

from allomia_pulumi.errors import UnexpectedAnswer
from allomia_pulumi.wire import WireModel

__all__ = ["PAGE_SIZE", "Pagination", "read_pages"]

PAGE_SIZE = 100
"""The most that AlloMia gives per page (docs.allomia.com/api-reference/endpoint/list-organizations)."""

MOST_PAGES = 1000
READS = 3


class Pagination(WireModel):
    """The part of AlloMia's `pagination` object that we rely on."""

    model_config = ConfigDict(extra="ignore")

    total: Annotated[int, Field(ge=0)]
    has_next_page: bool


class _Item(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=_Item)


def read_pages(read: Callable[[int], tuple[Iterable[Item], Pagination]], doing: str) -> tuple[Item, ...]:
    """Read every page; start again when the list changed meanwhile.

    Args:
        read: Reads one page by its number, from 1.
        doing: What is being done, for the error.

    Raises:
        UnexpectedAnswer: The number of items and the total did not agree, three times in a row.
    """
    for _ in range(READS):
        items: dict[str, Item] = {}
        page, pagination, count = 0, Pagination(total=0, has_next_page=True), 0
        while pagination.has_next_page and page < MOST_PAGES:
            page += 1
            found, pagination = read(page)
            for item in found:
                items[item.id] = item
                count += 1
        if len(items) == count == pagination.total and not pagination.has_next_page:
            return tuple(items.values())
    raise UnexpectedAnswer(
        f"AlloMia's pages and total do not agree for {doing}",
        "Nothing was concluded from that list; run again, and tell AlloMia if it stays so.",
    )
