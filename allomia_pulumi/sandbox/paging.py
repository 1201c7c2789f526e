"""Paging as AlloMia documents it: `page` and `limit` in, six keys of `pagination` out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from allomia_pulumi.sandbox.exchange import RefusalError
from allomia_pulumi.sandbox.records import JsonObject

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

__all__ = ["Page"]

DIGITS = re.compile(r"[0-9]{1,6}")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its number, from 1, and its size."""

    number: int
    limit: int

    @classmethod
    def of(cls, query: QueryParams, *, default: int, largest: int) -> Page:
        """Read the page that a request asks for.

        Raises:
            RefusalError: 400, a value is not a number or out of range.
        """
        number = _positive(query, "page", 1)
        limit = _positive(query, "limit", default)
        if limit > largest:
            raise RefusalError(400, f"limit must be at most {largest}")
        return cls(number, limit)

    def of_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items of this page; none beyond the last one."""
        return items[(self.number - 1) * self.limit : self.number * self.limit]

    def pagination(self, total: int) -> JsonObject:
        """Return the documented `pagination` object."""
        pages = math.ceil(total / self.limit)
        return {
            "page": self.number,
            "limit": self.limit,
            "total": total,
            "totalPages": pages,
            "hasNextPage": self.number < pages,
            "hasPreviousPage": self.number > 1,
        }


def _positive(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not DIGITS.fullmatch(text) or int(text) < 1:
        raise RefusalError(400, f"{name} must be a positive integer")
    return int(text)
