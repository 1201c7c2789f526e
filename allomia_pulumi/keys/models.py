"""What a declared key is: its identity, its inputs, and the record that Pulumi keeps of it.

Wire names are camelCase and exist only through the aliases of these models. `Unknown` stands for a value that a
preview cannot know yet; faces translate their own sentinel to it and back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.redaction import guard
from allomia_pulumi.references import VaultReference, parse_reference

__all__ = [
    "KEY_LIMIT",
    "NO_TRIGGERS",
    "SECRET_OUTPUTS",
    "STATE_VERSION",
    "UNKNOWN",
    "Identity",
    "Inputs",
    "KeyState",
    "Reason",
    "Record",
    "Settings",
    "Unknown",
    "hash_triggers",
    "read_outputs",
]

KEY_LIMIT: Final = 5
"""Keys that AlloMia allows per organization (docs.allomia.com/api-reference/authentication)."""

STATE_VERSION: Final = 1
"""Version of the record's shape; `read_outputs` lifts older ones."""

NO_TRIGGERS: Final = ""
"""The hash that records "no triggers", as opposed to an absent one: never recorded."""

SECRET_OUTPUTS: Final = frozenset({"secret", "previousSecret", "triggersHash"})
"""Outputs that both faces mark as secret, whatever else marks them."""


class Unknown:
    """A value that this preview cannot know."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )


class Reason(StrEnum):
    """Why the current key was made."""

    CREATED = "created"
    TRIGGER = "trigger"
    RENAMED = "renamed"


class Identity(_Model):
    """What tells one declared key from another, on AlloMia's side and in this process.

    Attributes:
        parents: The chain of parent types as it stands in a URN, without the own type; empty under the stack.
        name: The logical name of the resource.
    """

    project: str
    stack: str
    parents: str = ""
    name: str


class Inputs(_Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    organization_id: str | Unknown
    """Id of the AlloMia organization that the key belongs to. A change replaces the key."""

    name: str | Unknown
    """Label in AlloMia's dashboard, 1 to 60 printable characters; by default the resource's name. A change rotates."""

    rotation_triggers: Mapping[str, str] | Unknown | None = None
    """A map of texts. A change from one non-empty map to another rotates; first use and removal are only recorded."""

    tenant_key_ref: VaultReference | Unknown | None = None
    """Where the tenant key for this key lies in Vault, instead of `allomia:tenantKeyRef`. A change moves no key."""


class Settings(_Model):
    """The applied inputs without triggers: what delete, read and refresh know, since they see outputs only."""

    organization_id: str
    name: str
    tenant_key_ref: str | Mapping[str, Any] | None = None

    @property
    def reference(self) -> VaultReference | None:
        """Return the per-key reference to the tenant key, if the program gave one."""
        return parse_reference(self.tenant_key_ref, "the recorded tenantKeyRef") if self.tenant_key_ref else None


class Record(_Model):
    """What the key was made with; kept in the outputs, so that no operation depends on the inputs."""

    state_version: int = STATE_VERSION
    identity: Identity
    owner: str = ""
    settings: Settings


class KeyState(_Model):
    """The outputs of a declared key; the descriptions are those of the schema."""

    key_id: str
    """AlloMia's id of the current key."""

    key_name: str
    """Full name of the current key in AlloMia: the label and the mark that says whose key it is."""

    created_at: str
    """When AlloMia made the current key, ISO 8601 in UTC."""

    secret: SecretStr | None = None
    """The key itself, always a Pulumi secret."""

    secret_fingerprint: str
    """First 12 hex digits of the secret's SHA-256: compare without revealing."""

    rotation_reason: Reason
    """Why the current key was made: `created`, `trigger` or `renamed`."""

    triggers_hash: str | None = None
    """Hash of the applied triggers, a Pulumi secret; empty for none, absent if they were never recorded."""

    record: Record
    """What the key was made with: identity, owner and the applied settings."""

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form, the secret in clear: the face marks it before it leaves the process."""
        outputs = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"secret"})
        if self.secret is not None:
            outputs["secret"] = self.secret.get_secret_value()
        return outputs


def hash_triggers(triggers: Mapping[str, str] | None) -> str:
    """Return the SHA-256 of the triggers' canonical JSON, or `NO_TRIGGERS` for an absent or empty map."""
    if not triggers:
        return NO_TRIGGERS
    canonical = json.dumps(dict(triggers), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_outputs(outputs: Mapping[str, Any]) -> KeyState:
    """Read the outputs that the engine kept, whatever version of this package wrote them.

    Raises:
        AllomiaError: They were not written by this package, or by a newer version of it.
    """
    record = outputs.get("record")
    version = record.get("stateVersion", STATE_VERSION) if isinstance(record, Mapping) else STATE_VERSION
    if version > STATE_VERSION:
        raise AllomiaError(
            f"the state of this key was written by a newer allomia-pulumi (state version {version:g})",
            "Upgrade allomia-pulumi and run again.",
        )
    try:
        state = KeyState.model_validate(dict(outputs))
    except ValidationError:
        raise AllomiaError(
            "the state of this key is not readable: outputs are missing or of the wrong kind",
            "Restore the stack's state from a backup, or see `pulumi stack export`.",
        ) from None
    if state.secret is not None:
        guard(state.secret.get_secret_value())
    return state
