"""What a declared key is: its identity, its inputs, and the record that Pulumi keeps of it.

Wire names are camelCase and exist only through the aliases of these models. `Unknown` stands for a value that a
preview cannot know yet; faces translate their own sentinel to it and back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import ConfigDict, SecretStr, ValidationError

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.identifiers import Identifier, Lineage, Moment
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, parse_reference

__all__ = [
    "NO_TRIGGERS",
    "SECRET_OUTPUTS",
    "STATE_VERSION",
    "UNKNOWN",
    "Adoption",
    "Identity",
    "Inputs",
    "KeyState",
    "Model",
    "Origin",
    "Owed",
    "OwedStep",
    "Reason",
    "Record",
    "Settings",
    "Unknown",
    "hash_triggers",
    "read_outputs",
    "read_state",
    "recorded_identity",
]

STATE_VERSION: Final = 1
"""Version of the record's shape; `read_outputs` lifts older ones."""

NO_TRIGGERS: Final = ""
"""The hash that records "no triggers", as opposed to an absent one: never recorded."""

SECRET_OUTPUTS: Final = frozenset({"secret", "previousSecret", "triggersHash"})
"""Outputs that both faces mark as secret, whatever else marks them."""


S = TypeVar("S", bound="Model")


class Unknown:
    """A value that this preview cannot know."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


class Model(WireModel):
    """A model of inputs, outputs or the record; what a newer version has more is ignored."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


class Reason(StrEnum):
    """Why the current key was made."""

    CREATED = "created"
    IMPORTED = "imported"
    TRIGGER = "trigger"
    SCHEDULE = "schedule"
    RENAMED = "renamed"
    REVOKED = "revoked"


class Identity(Model):
    """What tells one declared key from another, on AlloMia's side and in this process.

    Attributes:
        parents: The chain of parent types as it stands in a URN, without the own type; empty under the stack.
        name: The logical name of the resource.
    """

    project: str
    stack: str
    parents: str = ""
    name: str


class Origin(Model):
    """What a key's mark is hashed from: who declares it, and the owner that tells people of the same names apart."""

    identity: Identity
    owner: str = ""


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
    """Where the key is also written to: a field of a KV v2 secret in Vault."""

    secret_in_state: bool | Unknown = True
    """Whether Pulumi's state holds the secret; false needs `vaultSecret`."""

    verify: bool | Unknown = True
    """Prove a new key with one harmless call before anyone is given it."""

    tenant_key_ref: VaultReference | Unknown | None = None
    """Where the tenant key for this key lies in Vault, instead of `allomia:tenantKeyRef`. A change moves no key."""

    adopt: Adoption | Unknown | None = None
    """A key that exists already: it is taken over instead of making one. Only the creation looks at it."""


class Settings(Model):
    """The applied inputs without triggers: what delete, read and refresh know, since they see outputs only."""

    organization_id: Identifier
    name: str
    rotate_after: str | None = None
    overlap: str | None = None
    vault_secret: VaultLocation | None = None
    secret_in_state: bool = True
    verify: bool = True
    tenant_key_ref: str | Mapping[str, Any] | None = None

    @property
    def reference(self) -> VaultReference | None:
        """Return the per-key reference to the tenant key, if the program gave one."""
        return parse_reference(self.tenant_key_ref, "the recorded tenantKeyRef") if self.tenant_key_ref else None


class OwedStep(StrEnum):
    """What a half-finished update, or a refresh that found something, still owes."""

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


class Record(Model):
    """What the key was made with; kept in the outputs, so that no operation depends on the inputs.

    What an older version of this package did not record is absent, which is never a difference.
    """

    state_version: int = STATE_VERSION
    identity: Identity
    owner: str = ""
    settings: Settings
    vault_versions: tuple[int, ...] = ()

    lineage: Lineage | None = None
    """Which life of the resource this is; part of the mark of every key that it makes."""

    former: tuple[Origin, ...] = ()
    """What the resource was known as before: renamed, moved, or under another owner."""

    api_url: str | None = None
    """The AlloMia that made the key, normalised."""

    keys_path: str | None = None
    """The key collection there, as `allomia:keysPath` has it, normalised."""

    foreign_keys: tuple[Identifier, ...] = ()
    """Keys of this record that were taken over with another declared key's mark: destroy leaves them."""

    has_made_place: bool = False
    """Whether Vault had no secret at the place before the first delivery, so that nobody else has a part in it."""

    @property
    def made_place(self) -> VaultLocation | None:
        """Return the place in Vault, if the first delivery made it."""
        return self.settings.vault_secret if self.has_made_place else None

    @property
    def origin(self) -> Origin:
        """Return who the resource is."""
        return Origin(identity=self.identity, owner=self.owner)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Return everything that the resource is and was known as."""
        return (self.origin, *self.former)


class KeyState(Model):
    """The outputs of a declared key; the descriptions are those of the schema."""

    key_id: Identifier
    """AlloMia's id of the current key."""

    key_name: str
    """Full name of the current key in AlloMia: the label and the mark that says whose key it is."""

    created_at: Moment
    """When AlloMia made the current key, ISO 8601 in UTC."""

    secret: SecretStr | None = None
    """The key itself, always a Pulumi secret."""

    secret_fingerprint: str
    """First 12 hex digits of the secret's SHA-256: compare without revealing. Empty while the secret is not known."""

    previous_key_id: Identifier | None = None
    """The predecessor while its overlap runs."""

    previous_secret: SecretStr | None = None
    """The predecessor's key while its overlap runs, always a Pulumi secret."""

    previous_revoke_at: Moment | None = None
    """When the overlap ends: the first `pulumi up` after it revokes the predecessor. ISO 8601 in UTC."""

    rotate_at: str | None = None
    """When `rotateAfter` falls due, ISO 8601 in UTC."""

    next_action_at: str | None = None
    """The earliest moment at which a `pulumi up` has something to do, ISO 8601 in UTC; absent if never by itself."""

    rotation_reason: Reason
    """How the current key came: `created`, `imported`, `trigger`, `schedule`, `renamed` or `revoked`."""

    vault_secret_version: int | None = None
    """The KV version that holds the current key."""

    pending: tuple[Owed, ...] = ()
    """What a half-finished update still owes: steps, key ids and reasons. Empty when all is well."""

    triggers_hash: str | None = None
    """Hash of the applied triggers, a Pulumi secret; empty for none, absent if they were never recorded."""

    record: Record
    """What the key was made with: identity, owner and the applied settings."""

    @property
    def made_at(self) -> datetime:
        """Return when the current key was made, which is also when its predecessor's overlap began."""
        return datetime.fromisoformat(self.created_at)

    @property
    def key_ids(self) -> frozenset[str]:
        """Return the keys that the record knows: current, predecessor, and what is still to be revoked."""
        owed = (each.key_id for each in self.pending if each.step is OwedStep.REVOKE)
        return frozenset(filter(None, (self.key_id, self.previous_key_id, *owed)))

    @property
    def is_unapplied_import(self) -> bool:
        """Tell whether the key was imported and no program's settings have been applied to it yet."""
        return self.rotation_reason is Reason.IMPORTED and self.triggers_hash is None

    @property
    def is_secret_unknown(self) -> bool:
        """Tell whether nobody ever gave this record the key's secret: it was imported, or left behind, without it."""
        return not self.secret_fingerprint

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form, the secret in clear: the face marks it before it leaves the process."""
        outputs = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"secret", "previous_secret"})
        for name, secret in (("secret", self.secret), ("previousSecret", self.previous_secret)):
            if secret is not None:
                outputs[name] = secret.get_secret_value()
        return outputs


def hash_triggers(triggers: Mapping[str, str] | None) -> str:
    """Return the SHA-256 of the triggers' canonical JSON, or `NO_TRIGGERS` for an absent or empty map."""
    if not triggers:
        return NO_TRIGGERS
    canonical = json.dumps(dict(triggers), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def recorded_identity(outputs: Mapping[str, Any]) -> Identity | None:
    """Return whose outputs these are, or None if they do not say so."""
    record = outputs.get("record")
    try:
        return Identity.model_validate(record.get("identity")) if isinstance(record, Mapping) else None
    except ValidationError:
        return None


def read_outputs(outputs: Mapping[str, Any]) -> KeyState:
    """Read the outputs of an `OrganizationApiKey`, as `read_state` does."""
    state = read_state(KeyState, outputs)
    for secret in (state.secret, state.previous_secret):
        if secret is not None:
            guard(secret.get_secret_value())
    return state


def read_state(kind: type[S], outputs: Mapping[str, Any]) -> S:
    """Read the outputs that the engine kept, whatever version of this package wrote them.

    Raises:
        AllomiaError: They were not written by this package, or by a newer version of it.
    """
    record = outputs.get("record")
    version = record.get("stateVersion", STATE_VERSION) if isinstance(record, Mapping) else STATE_VERSION
    if isinstance(version, int | float) and version > STATE_VERSION:
        raise AllomiaError(
            f"the state of this key was written by a newer allomia-pulumi (state version {version:g})",
            "Upgrade allomia-pulumi and run again.",
        )
    try:
        return kind.model_validate(dict(outputs))
    except ValidationError:
        raise AllomiaError(
            "the state of this key is not readable: outputs are missing or of the wrong kind",
            "Restore the stack's state from a backup, or see `pulumi stack export`.",
        ) from None
