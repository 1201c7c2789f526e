"""The base of every model of the core, and the value that a preview cannot know yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import ConfigDict

from allomia_pulumi.ground.model import WireModel

__all__ = ["UNKNOWN", "Model", "Recorded", "Unknown"]


class Unknown:
    """A value that this preview cannot know; faces translate their own sentinel to it and back."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


class Model(WireModel):
    """A model of inputs, or of what is recorded; what a newer version has more is ignored."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


class Recorded(Model):
    """A model of what the engine keeps; what a newer version has more is carried along, and never dropped."""

    model_config = ConfigDict(extra="allow")

    @property
    def unread(self) -> dict[str, Any]:
        """Return what a newer version wrote and this one does not read, by its wire names."""
        return dict(self.model_extra or {})

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield the fields; what is not read may be a secret."""
        unread = self.unread
        return [(name, value) for name, value in super().__repr_args__() if name not in unread]
