"""Help texts: flags show no type, since they take no value."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

__all__ = ["Command", "Group"]


class Command(TyperCommand):
    """A command whose flags show no type."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the class that typer has of its own
        """Return the parameters, as the help shows them."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """The whole command line, whose flags show no type."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the same
        """Return the parameters, as the help shows them."""
        return _without_types(super().get_params(ctx))


def _without_types(params: list[Any]) -> list[Any]:
    for each in params:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
    return params
