"""The identity of a declared key, which tells it from every other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError

from allomia_pulumi.core.model import Model

__all__ = ["Identity", "Origin", "recorded_identity"]


class Identity(Model):
    """The identity of one declared key, on AlloMia's side and in this process.

    Attributes:
        parents: The chain of parent types as it stands in a URN, without the own type; empty under the stack.
        name: The logical name of the resource.
    """

    # Marks are made of every part: one that a newer version added is neither to be ignored nor dropped.
    model_config = ConfigDict(extra="forbid")

    project: str
    stack: str
    parents: str = ""
    name: str


class Origin(Model):
    """The origin that a mark is hashed from: an identity, and the owner that tells people of the same names apart."""

    model_config = ConfigDict(extra="forbid")

    identity: Identity
    owner: str = ""


def recorded_identity(outputs: Mapping[str, Any]) -> Identity | None:
    """Return whose outputs these are, or None if they do not say so."""
    record = outputs.get("record")
    try:
        return Identity.model_validate(record.get("identity")) if isinstance(record, Mapping) else None
    except ValidationError:
        return None
