"""The record of any declared key: its version, what it owes, and settings as they are written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from allomia_pulumi.core.model import Model, Unknown
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.durations import RecordedDuration, format_duration
from allomia_pulumi.ground.identifiers import Identifier
from allomia_pulumi.ground.references import VaultReference

__all__ = ["SECRET_OUTPUTS", "STATE_VERSION", "Owed", "OwedStep", "read_state", "record_settings"]

STATE_VERSION: Final = 1
"""Version of the record's shape."""

SECRET_OUTPUTS: Final = frozenset({"secret", "previousSecret", "triggersHash", "metadataHash", "applied"})
"""Outputs that both faces mark as secret, whatever else marks them."""

S = TypeVar("S", bound=Model)


class OwedStep(StrEnum):
    """A kind of step that a half-finished update, or a refresh that found something, still owes."""

    REVOKE = "revoke"
    ROTATE = "rotate"
    DELIVER = "deliver"


class Owed(Model):
    """One step that is owed, why, and for which key; never with a secret."""

    step: OwedStep
    """`revoke`, `rotate` or `deliver`."""

    why: str
    """What happened."""

    key_id: Identifier | None = None
    """The key that the step is about."""


def read_state(kind: type[S], outputs: Mapping[str, Any], what: str = "key") -> S:
    """Read the outputs that the engine kept, whatever version of this package wrote them.

    Args:
        kind: The model of the outputs.
        outputs: What the engine kept.
        what: What the resource is called in messages.

    Raises:
        AllomiaError: They were not written by this package, or by a newer version of it.
    """
    record = outputs.get("record")
    version = record.get("stateVersion", STATE_VERSION) if isinstance(record, Mapping) else STATE_VERSION
    if isinstance(version, int | float) and version > STATE_VERSION:
        raise AllomiaError(
            f"the state of this {what} was written by a newer allomia-pulumi (state version {version:g})",
            "Upgrade allomia-pulumi and run again.",
        )
    try:
        return kind.model_validate(dict(outputs))
    except ValidationError:
        raise AllomiaError(
            f"the state of this {what} is not readable: outputs are missing or of the wrong kind",
            "Restore the stack's state from a backup, or see `pulumi stack export`.",
        ) from None


def record_settings(kind: type[S], inputs: Model, before: S | None) -> S:
    """Return any resource's settings: its inputs of the same names as the record keeps them, unknown ones as before."""
    return kind(**{name: _recorded(getattr(inputs, name), getattr(before, name, None)) for name in kind.model_fields})


def _recorded(value: object, before: object) -> object:
    match value:
        case Unknown():
            return before
        case timedelta():
            return RecordedDuration(format_duration(value)) if value else None
        case VaultReference():
            return value.to_wire()
    return value
