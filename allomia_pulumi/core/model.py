"""The base of every model of the core, and the value that a preview cannot know yet."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

from allomia_pulumi.ground.model import WireModel

__all__ = ["UNKNOWN", "Model", "Unknown"]


class Unknown:
    """A value that this preview cannot know; faces translate their own sentinel to it and back."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


class Model(WireModel):
    """A model of inputs, outputs or the record; what a newer version has more is ignored."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)
