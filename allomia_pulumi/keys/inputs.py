"""From what a program wrote to inputs that the plan can trust, or to failures that say what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.keys.marks import LONGEST_LABEL, clean_label
from allomia_pulumi.keys.models import UNKNOWN, Identity, Inputs, Unknown
from allomia_pulumi.redaction import printable
from allomia_pulumi.references import VaultReference, parse_reference

__all__ = ["SUPPORTED", "Failure", "parse_inputs", "with_name"]

SUPPORTED: Final = ("organizationId", "name", "rotationTriggers", "tenantKeyRef")
LONGEST_ID: Final = 200


@dataclass(frozen=True)
class Failure:
    """An input that is not acceptable; the reason never repeats its value."""

    property: str
    reason: str


def with_name(news: Mapping[str, Any], olds: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Fill in the label: the old inputs' one, so that a renamed resource keeps its key, else the logical name."""
    if news.get("name") is not None:
        return dict(news)
    return {**news, "name": olds.get("name") or clean_label(identity.name)}


def parse_inputs(news: Mapping[str, Any]) -> tuple[Inputs | None, list[Failure]]:
    """Read wire inputs whose name is filled in; return them, or every failure at once."""
    failures: list[Failure] = []

    def read(name: str, parse: Any) -> Any:  # noqa: ANN401 - one parser per input, each typed on its own
        value = news.get(name)
        try:
            return UNKNOWN if isinstance(value, Unknown) else parse(value)
        except InvalidInput as problem:
            failures.append(Failure(name, str(problem)))
            return UNKNOWN

    failures += [
        Failure(printable(name), f"`{printable(name)}` is not supported by this version. Remove it, or upgrade.")
        for name, value in news.items()
        if name not in SUPPORTED and value is not None
    ]
    inputs = Inputs(
        organization_id=read("organizationId", _organization_id),
        name=read("name", _name),
        rotation_triggers=read("rotationTriggers", _triggers),
        tenant_key_ref=read("tenantKeyRef", _reference),
    )
    return (None, failures) if failures else (inputs, [])


def _organization_id(value: object) -> str:
    if value is None:
        raise InvalidInput("organizationId is missing", "Give the id of the AlloMia organization.")
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("organizationId is not a text or is empty", "Give the id of the AlloMia organization.")
    if value != value.strip() or not value.isprintable() or "/" in value or len(value) > LONGEST_ID:
        raise InvalidInput(
            "organizationId is not an id: it has spaces around it, a slash, control characters or too many characters",
            "Copy the id from AlloMia.",
        )
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("name is not a text or is empty", "Give a label, or leave it out.")
    if len(value) > LONGEST_LABEL:
        raise InvalidInput(
            f"name has {len(value)} characters, and AlloMia's label has room for {LONGEST_LABEL}", "Shorten it."
        )
    if value != value.strip() or not value.isprintable():
        raise InvalidInput("name has control or bidi characters, or spaces around it", "Use printable characters.")
    return value


def _triggers(value: object) -> Mapping[str, str] | Unknown | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput("rotationTriggers is not a map", 'Write it like {"quarter": "2026-Q4"}.')
    if any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    if wrong := [printable(str(name)) for name, item in value.items() if not isinstance(item, str)]:
        raise InvalidInput(f"rotationTriggers.{wrong[0]} is not a text", "Every trigger is a text; convert it.")
    return dict(value)


def _reference(value: object) -> VaultReference | Unknown | None:
    if value is None:
        return None
    if isinstance(value, Mapping) and any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    return parse_reference(value, "tenantKeyRef")
