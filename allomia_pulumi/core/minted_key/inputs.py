"""The inputs of an `OrganizationApiKey`: from what a program wrote to values that can be trusted, or to failures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from allomia_pulumi.contracts.vault_delivery import WRITTEN_FIELDS, VaultLocation
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import LINEAGE, Failure, Form
from allomia_pulumi.core.marks import LONGEST_LABEL, clean_label
from allomia_pulumi.core.model import UNKNOWN, Model, Unknown
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.identifiers import is_lineage
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "SUPPORTED",
    "Adoption",
    "Declaration",
    "Inputs",
    "digest",
    "former_place",
    "lineage_of",
    "parse_inputs",
    "read_declaration",
    "with_lineage",
    "with_name",
]

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
    "adopt",
)
TRIGGER_HINT: Final = (
    "Every trigger is a text, a number or a truth value: leave out what has no value, and write a map or a list as one "
    "text, such as its JSON."
)


class Adoption(Model):
    """A key that exists already."""

    key_id: str
    """AlloMia's id of the key."""

    vault_secret: VaultReference
    """Where its secret lies in Vault."""


class Inputs(Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    organization_id: str | Unknown
    """Id of the AlloMia organization that the key belongs to. A change replaces the key."""

    name: str | Unknown
    """Label in AlloMia's dashboard, 1 to 60 printable characters; by default the resource's name. A change rotates."""

    rotation_triggers: Mapping[str, str] | Unknown | None = None
    """A map of texts. A change from one non-empty map to another rotates; first use and removal are only recorded."""

    rotate_after: timedelta | Unknown | None = None
    """Duration such as `90d`: the first `pulumi up` after that age rotates."""

    overlap: timedelta | Unknown | None = None
    """Duration, shorter than `rotateAfter`: how long the predecessor stays valid after a rotation, which is then an
    update in place. Without it, rotation is a replacement."""

    vault_secret: VaultLocation | Unknown | None = None
    """Where in Vault the key is also written to, a field of a KV v2 secret: `mount/path#field`, or an object."""

    secret_in_state: bool | Unknown = True
    """Whether Pulumi's state holds the secret; false needs `vaultSecret`."""

    verify: bool | Unknown = True
    """Prove a new key with one harmless call before anyone is given it."""

    tenant_key_ref: VaultReference | Unknown | None = None
    """Where the tenant key for this key lies in Vault, instead of `allomia:tenantKeyRef`: `mount/path#field`, or an
    object. A change moves no key."""

    adopt: Adoption | Unknown | None = None
    """A key that exists already: it is taken over instead of making one. Only the creation looks at it."""


@dataclass(frozen=True)
class Declaration:
    """The inputs of one operation.

    Attributes:
        lineage: The lineage that check put into them, if it did.
        digest: What tells that another call asks for the same.
    """

    inputs: Inputs
    lineage: str | None
    digest: str


def with_name(news: Mapping[str, Any], olds: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Fill in the label: the old inputs' one, so that a renamed resource keeps its key, else the logical name."""
    if news.get("name") is not None:
        return dict(news)
    return {**news, "name": olds.get("name") or clean_label(identity.name)}


def with_lineage(news: Mapping[str, Any], olds: Mapping[str, Any], lineage: str) -> dict[str, Any]:
    """Carry the lineage of the old inputs on; a new resource, which has none, gets the given one."""
    kept = lineage_of(olds) if olds else lineage
    others = {name: value for name, value in news.items() if name != LINEAGE}
    return {**others, LINEAGE: kept} if kept else others


def lineage_of(inputs: Mapping[str, Any]) -> str | None:
    """Return the lineage that check put into the inputs; what is not one counts as absent."""
    found = inputs.get(LINEAGE)
    return str(found) if is_lineage(found) else None


def parse_inputs(news: Mapping[str, Any]) -> tuple[Inputs | None, list[Failure]]:
    """Read wire inputs whose name is filled in; return them, or every failure at once."""
    form = Form(news, SUPPORTED)
    inputs = Inputs(
        organization_id=form.read("organizationId", input_fields.organization_id),
        name=form.read("name", _name),
        rotation_triggers=form.read("rotationTriggers", _triggers),
        rotate_after=form.read("rotateAfter", input_fields.rotate_after),
        overlap=form.read("overlap", input_fields.overlap),
        vault_secret=form.read("vaultSecret", _place),
        secret_in_state=form.read("secretInState", input_fields.switch("secretInState")),
        verify=form.read("verify", input_fields.switch("verify")),
        tenant_key_ref=form.read("tenantKeyRef", input_fields.reference("tenantKeyRef")),
        adopt=form.read("adopt", _adoption),
    )
    if input_fields.has_long_overlap(inputs.rotate_after, inputs.overlap):
        form.fail("overlap", input_fields.describe_long_overlap())
    if inputs.secret_in_state is False and inputs.vault_secret is None:
        form.fail(
            "secretInState",
            f"{spell('secretInState')} is false without {spell('vaultSecret')}, so nobody would have the secret. Say "
            "where to write it.",
        )
    return (None, form.failures) if form.failures else (inputs, [])


def read_declaration(news: Mapping[str, Any]) -> Declaration:
    """Read what an operation was asked for.

    Raises:
        SetupError: An input is still unknown, or not acceptable after all; nothing was done.
    """
    return Declaration(input_fields.require_known(parse_inputs(news)), lineage_of(news), digest(news))


def digest(properties: Mapping[str, Any]) -> str:
    """Return a digest of inputs or outputs, which may hold secrets."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True, default=str).encode()).hexdigest()


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
        raise InvalidInput(
            f"{spell('rotationTriggers')} is not a map{_but(value)}", 'Write it like {"quarter": "2026-Q4"}.'
        )
    if any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    for name, item in value.items():
        if not isinstance(item, str | int | float):
            trigger = f"{spell('rotationTriggers')}.{printable(str(name))}"
            raise InvalidInput(f"{trigger} is not a text{_but(item)}", TRIGGER_HINT)
    return {name: _trigger(item) for name, item in value.items()}


def _but(value: object) -> str:
    """Say what a value is instead, and never which."""
    if value is None:
        return ", but null"
    if value == {}:
        return ", but null or an empty map"
    return ", but a map" if isinstance(value, Mapping) else ", but a list" if isinstance(value, list | tuple) else ""


def _trigger(value: str | float) -> str:
    """Return a trigger as a text: YAML reads `2027` and `true` as a number and a truth value, whatever is declared."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
    try:
        return str(int(value)) if float(value).is_integer() else repr(value)
    except OverflowError:
        raise InvalidInput(f"a number in {spell('rotationTriggers')} is too large", "Write it as a text.") from None


def former_place(olds: Mapping[str, Any]) -> VaultLocation | None:
    """Read the place of former inputs, in whatever form; None if they name none, or none that this version reads."""
    try:
        place = _place(olds.get("vaultSecret"))
    except InvalidInput:
        return None
    return place if isinstance(place, VaultLocation) else None


def _place(value: object) -> VaultLocation | Unknown | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return _place_in_parts(value)
    reference = parse_reference(value, spell("vaultSecret"))
    if reference.version is not None or reference.kv_version is not None:
        raise InvalidInput(
            f"{spell('vaultSecret')} has a version, and each delivery makes a new one in KV v2", "Leave it out."
        )
    return _location(reference)


def _place_in_parts(value: Mapping[str, Any]) -> VaultLocation | Unknown:
    if any(isinstance(item, Unknown) for item in value.values()):
        return UNKNOWN
    given = {name: item for name, item in value.items() if item is not None}
    take_over = given.pop("takeOver", False)
    if not isinstance(take_over, bool):
        raise InvalidInput(f"{spell('vaultSecret.takeOver')} is neither true nor false", "Write true or false.")
    if set(given) != {"mount", "path", "field"}:
        raise InvalidInput(
            f"{spell('vaultSecret')} has not exactly mount, path and field",
            'Write it like {"mount": "secret", "path": "allomia/ehr-sync", "field": "api_key"}.',
        )
    return _location(parse_reference(given, spell("vaultSecret")), take_over=take_over)


def _location(reference: VaultReference, *, take_over: bool = False) -> VaultLocation:
    if reference.field in WRITTEN_FIELDS:
        raise InvalidInput(
            f"{spell('vaultSecret')}.field {reference.field} is written beside the key", "Choose another field."
        )
    return VaultLocation(mount=reference.mount, path=reference.path, field=reference.field, take_over=take_over)


def _adoption(value: object) -> Adoption | Unknown | None:
    if value is None:
        return None
    key_id, place_name = spell("keyId"), spell("vaultSecret")
    example = f'Write it like {{"{key_id}": "…", "{place_name}": "secret/allomia/ehr#api_key"}}.'
    if not isinstance(value, Mapping) or set(value) != {"keyId", "vaultSecret"}:
        raise InvalidInput(f"adopt has not exactly {key_id} and {place_name}", example)
    place = input_fields.reference("adopt.vaultSecret")(value["vaultSecret"])
    if isinstance(value["keyId"], Unknown) or isinstance(place, Unknown):
        return UNKNOWN
    if place is None:
        raise InvalidInput(f"adopt.{place_name} is missing", example)
    return Adoption(key_id=input_fields.identifier(value["keyId"], f"adopt.{key_id}"), vault_secret=place)
