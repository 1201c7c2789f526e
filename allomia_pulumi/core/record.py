"""The record of any declared key: its version, what it owes, and settings as they are written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from allomia_pulumi._version import __version__
from allomia_pulumi.core.input_fields import is_internal
from allomia_pulumi.core.model import Model, Recorded, Unknown
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.durations import RecordedDuration, format_duration
from allomia_pulumi.ground.identifiers import Identifier
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = [
    "SECRET_OUTPUTS",
    "STATE_VERSION",
    "Owed",
    "OwedStep",
    "State",
    "is_newer_version",
    "is_readable_version",
    "read_state",
    "record_settings",
]

FIRST_STATE_VERSION: Final = 1
STATE_VERSION: Final = 1
"""Version of the shape of outputs and record; `docs/explanation/upgrades.md` says when it goes up."""

SECRET_OUTPUTS: Final = frozenset({"secret", "previousSecret", "triggersHash", "metadataHash", "applied"})
"""Outputs that both faces mark as secret, whatever else marks them."""

STATE_VERSION_FIELD: Final = "stateVersion"
LONGEST_VERSION: Final = 20

S = TypeVar("S", bound=Recorded)


class OwedStep(StrEnum):
    """A kind of step that a half-finished update, or a refresh that found something, still owes."""

    REVOKE = "revoke"
    ROTATE = "rotate"
    DELIVER = "deliver"


class Owed(Recorded):
    """One step that is owed, why, and for which key; never with a secret."""

    step: OwedStep
    """`revoke`, `rotate` or `deliver`."""

    why: str
    """What happened."""

    key_id: Identifier | None = None
    """The key that the step is about."""


class State(Recorded):
    """The outputs of a resource, as the engine keeps them."""

    @property
    def secret_outputs(self) -> frozenset[str]:
        """Return which outputs are secret; one that this version does not read may be."""
        return SECRET_OUTPUTS | self.unread.keys()


def is_readable_version(version: object) -> bool:
    """Tell whether this package reads records of a version; a text, a boolean and none at all are no version."""
    is_number = isinstance(version, int | float) and not isinstance(version, bool)
    return is_number and version in range(FIRST_STATE_VERSION, STATE_VERSION + 1)


def is_newer_version(version: object) -> bool:
    """Tell whether only a newer package reads records of a version."""
    return isinstance(version, int | float) and not isinstance(version, bool) and version > STATE_VERSION


def read_state(kind: type[S], outputs: Mapping[str, Any], what: str = "key") -> S:
    """Read the outputs that the engine kept, whatever version of this package wrote them.

    What a newer version added to them without another state version is carried along.

    Args:
        kind: The model of the outputs.
        outputs: What the engine kept.
        what: What the resource is called in messages.

    Raises:
        AllomiaError: They were not written by this package, or by a newer version of it.
    """
    record = outputs.get("record")
    version = record.get(STATE_VERSION_FIELD) if isinstance(record, Mapping) else None
    if is_newer_version(version):
        raise AllomiaError(
            f"the state of this {what} was written by a newer allomia-pulumi: it has state version {_shown(version)}, "
            f"and allomia-pulumi {__version__} reads up to {STATE_VERSION}; nothing was changed",
            "Upgrade allomia-pulumi, and the plugin where it is used, to the version that wrote it or a later one, and "
            "run again.",
        )
    state = _parse(kind, outputs) if is_readable_version(version) else None
    if state is None:
        raise AllomiaError(
            f"the state of this {what} is not readable: outputs are missing or of the wrong kind; nothing was changed",
            "If a newer allomia-pulumi has written it, upgrade to that version; else restore the stack's state from a "
            "backup, or see `pulumi stack export`.",
        )
    return state


def _parse(kind: type[S], outputs: Mapping[str, Any]) -> S | None:
    try:
        return kind.model_validate({name: value for name, value in outputs.items() if not is_internal(name)})
    except ValidationError:
        return None


def _shown(version: object) -> str:
    is_whole = isinstance(version, float) and version.is_integer()
    return printable(f"{version:.0f}" if is_whole else str(version), LONGEST_VERSION)


def record_settings(kind: type[S], inputs: Model, before: S | None) -> S:
    """Return any resource's settings: its inputs of the same names as the record keeps them, the rest as before."""
    settings = {name: _recorded(getattr(inputs, name), getattr(before, name, None)) for name in kind.model_fields}
    return kind(**settings, **(before.unread if before else {}))


def _recorded(value: object, before: object) -> object:
    match value:
        case Unknown():
            return before
        case timedelta():
            return RecordedDuration(format_duration(value)) if value else None
        case VaultReference():
            return value.to_wire()
    return value
