"""From what a program wrote to inputs that the plan can trust, or to failures that say what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from allomia_pulumi.durations import parse_duration
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.keys.marks import LONGEST_LABEL, clean_label
from allomia_pulumi.keys.models import UNKNOWN, Identity, Inputs, Place, Unknown
from allomia_pulumi.redaction import printable
from allomia_pulumi.references import VaultReference, parse_reference

__all__ = ["SUPPORTED", "Failure", "parse_inputs", "with_name"]

SUPPORTED: Final = (
    "organizationId",
    "name",
    "rotationTriggers",
    "rotateAfter",
    "overlap",
    "vaultSecret",
    "secretInState",
    "verify",
    "tenantKeyRef",
)
OUR_FIELDS: Final = frozenset({"key_id", "organization_id"})
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
        rotate_after=read("rotateAfter", _rotate_after),
        overlap=read("overlap", _overlap),
        vault_secret=read("vaultSecret", _place),
        secret_in_state=read("secretInState", _switch("secretInState")),
        verify=read("verify", _switch("verify")),
        tenant_key_ref=read("tenantKeyRef", _reference),
    )
    failures += _contradictions(inputs)
    return (None, failures) if failures else (inputs, [])


def _contradictions(inputs: Inputs) -> list[Failure]:
    """Return what is wrong with inputs that are each fine by themselves."""
    found = []
    after, overlap = inputs.rotate_after, inputs.overlap
    if isinstance(after, timedelta) and isinstance(overlap, timedelta) and overlap >= after:
        reason = "overlap is not shorter than rotateAfter, so a third key would be due. Shorten it."
        found.append(Failure("overlap", reason))
    if inputs.secret_in_state is False and inputs.vault_secret is None:
        reason = "secretInState is false without vaultSecret, so nobody would have the secret. Say where to write it."
        found.append(Failure("secretInState", reason))
    return found


def _organization_id(value: object) -> str:
    if value is None:
        raise InvalidInput("organizationId is missing", "Give the id of the AlloMia organization.")
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("organizationId is not a text or is empty", "Give the id of the AlloMia organization.")
    is_plain = value == value.strip() and value.isprintable() and "/" not in value
    if not is_plain or len(value) > LONGEST_ID or value in {".", ".."}:
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


def _rotate_after(value: object) -> timedelta | None:
    length = None if value is None else parse_duration(value, "rotateAfter")
    if length == timedelta():
        raise InvalidInput("rotateAfter is zero", "Give the age at which the key is rotated.")
    return length


def _overlap(value: object) -> timedelta | None:
    return None if value is None else parse_duration(value, "overlap")


def _switch(name: str) -> Callable[[object], bool]:
    def read(value: object) -> bool:
        if value is None or isinstance(value, bool):
            return value is not False
        raise InvalidInput(f"{name} is neither true nor false", "Write true or false.")

    return read


def _place(value: object) -> Place | Unknown | None:
    if value is None:
        return None
    example = 'Write it like {"mount": "secret", "path": "allomia/ehr-sync", "field": "api_key"}.'
    if not isinstance(value, Mapping):
        raise InvalidInput("vaultSecret is not an object", example)
    if any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    given = {name: item for name, item in value.items() if item is not None}
    take_over = given.pop("takeOver", False)
    if not isinstance(take_over, bool):
        raise InvalidInput("vaultSecret.takeOver is neither true nor false", "Write true or false.")
    if set(given) != {"mount", "path", "field"}:
        raise InvalidInput("vaultSecret has not exactly mount, path and field", example)
    place = parse_reference(given, "vaultSecret")
    if place.field in OUR_FIELDS:
        raise InvalidInput(f"vaultSecret.field {place.field} is written beside the key", "Choose another field.")
    return Place(mount=place.mount or "", path=place.path, field=place.field, take_over=take_over)


def _reference(value: object) -> VaultReference | Unknown | None:
    if value is None:
        return None
    if isinstance(value, Mapping) and any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    return parse_reference(value, "tenantKeyRef")
