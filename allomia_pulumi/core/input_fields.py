"""Input fields: parsers from what a program wrote to a value that can be trusted, or to what to change about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

from allomia_pulumi.core.model import UNKNOWN, Model, Unknown
from allomia_pulumi.errors import InvalidInput, SetupError
from allomia_pulumi.ground.durations import parse_duration
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "LINEAGE",
    "Failure",
    "Form",
    "describe_long_overlap",
    "has_long_overlap",
    "identifier",
    "is_internal",
    "organization_id",
    "overlap",
    "reference",
    "require_checked",
    "require_known",
    "rotate_after",
    "switch",
    "switch_off",
]

T = TypeVar("T", bound=Model)

LINEAGE: Final = "__lineage"
"""The input that check adds for a new resource, so that an operation without a recorded end still tells which it was.

Programs do not write it, and the engine shows no input whose name begins so.
"""


def is_internal(name: str) -> bool:
    """Tell whether a property is the engine's or a face's own, such as `__provider`, and no input of a resource."""
    return name.startswith("__") and name != LINEAGE


@dataclass(frozen=True)
class Failure:
    """An input that is not acceptable; the reason never repeats its value."""

    property: str
    reason: str


class Form:
    """The inputs of one resource: reads each by its own parser, and collects every failure.

    Attributes:
        failures: What is wrong so far.
    """

    def __init__(self, news: Mapping[str, Any], supported: Iterable[str]) -> None:
        self._news = news
        self.failures = [
            Failure(printable(name), f"`{printable(name)}` is not supported by this version. Remove it, or upgrade.")
            for name, value in news.items()
            if name not in supported and name != LINEAGE and value is not None
        ]

    def read(self, name: str, parse: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - each input has a type of its own
        """Return the parsed input; what a preview does not know yet, and what failed, is unknown."""
        value = self._news.get(name)
        try:
            return UNKNOWN if isinstance(value, Unknown) else parse(value)
        except InvalidInput as problem:
            self.fail(name, str(problem))
            return UNKNOWN

    def fail(self, name: str, reason: str) -> None:
        """Note that an input is not acceptable."""
        self.failures.append(Failure(name, reason))


def require_checked(parsed: tuple[T | None, list[Failure]]) -> T:
    """Return parsed inputs that check has let through.

    Raises:
        SetupError: They are not acceptable after all.
    """
    inputs, failures = parsed
    if inputs is None:
        raise SetupError("; ".join(failure.reason for failure in failures))
    return inputs


def require_known(parsed: tuple[T | None, list[Failure]]) -> T:
    """Return parsed inputs that check has let through and that are all known by now.

    Raises:
        SetupError: One is still unknown; nothing was done.
    """
    inputs = require_checked(parsed)
    if any(isinstance(getattr(inputs, name), Unknown) for name in type(inputs).model_fields):
        raise SetupError("an input is still unknown, so nothing was done", "Run `pulumi up` again.")
    return inputs


def has_long_overlap(after: timedelta | Unknown | None, length: timedelta | Unknown | None) -> bool:
    """Tell whether an overlap is not shorter than the age at which the next rotation is due."""
    return isinstance(after, timedelta) and isinstance(length, timedelta) and length >= after


def describe_long_overlap() -> str:
    """Say why an overlap has to be shorter."""
    return f"overlap is not shorter than {spell('rotateAfter')}, so a third key would be due. Shorten it."


def identifier(value: object, name: str) -> str:
    """Read an id of AlloMia's."""
    if value is None:
        raise InvalidInput(f"{name} is missing", "Give the id, as AlloMia has it.")
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name} is not a text or is empty", "Give the id, as AlloMia has it.")
    if not is_identifier(value):
        raise InvalidInput(
            f"{name} is not an id: it has spaces around it, a slash, a dash in front, control characters or too many "
            "characters",
            "Copy the id from AlloMia.",
        )
    return value


def organization_id(value: object) -> str:
    """Read the id of an organization."""
    return identifier(value, spell("organizationId"))


def rotate_after(value: object) -> timedelta | None:
    """Read the age at which a rotation falls due."""
    length = None if value is None else parse_duration(value, spell("rotateAfter"))
    if length == timedelta():
        raise InvalidInput(f"{spell('rotateAfter')} is zero", "Give the age at which the key is rotated.")
    return length


def overlap(value: object) -> timedelta | None:
    """Read how long a predecessor stays valid."""
    return None if value is None else parse_duration(value, "overlap")


def switch(name: str) -> Callable[[object], bool]:
    """Return what reads a switch that is on unless it is turned off."""

    def read(value: object) -> bool:
        if value is None or isinstance(value, bool):
            return value is not False
        raise InvalidInput(f"{spell(name)} is neither true nor false", "Write true or false.")

    return read


def switch_off(name: str) -> Callable[[object], bool]:
    """Return what reads a switch that is off unless it is turned on."""
    read = switch(name)
    return lambda value: value is not None and read(value)


def reference(name: str) -> Callable[[object], VaultReference | Unknown | None]:
    """Return what reads an optional reference to a field of a secret."""

    def read(value: object) -> VaultReference | Unknown | None:
        if value is None:
            return None
        if isinstance(value, Mapping) and any(isinstance(item, Unknown) for item in value.values()):
            return UNKNOWN
        return parse_reference(value, spell(name))

    return read
