"""The state of an `OrganizationApiKey`: its outputs, and the record that Pulumi keeps in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.model import Recorded
from allomia_pulumi.core.record import STATE_VERSION, Owed, OwedStep, State, read_state
from allomia_pulumi.ground.durations import RecordedDuration
from allomia_pulumi.ground.identifiers import Identifier, Lineage
from allomia_pulumi.ground.moments import RecordedMoment
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = ["NO_TRIGGERS", "KeyState", "Reason", "Record", "Settings", "hash_triggers", "read_outputs"]


NO_TRIGGERS: Final = ""
"""The hash that records "no triggers", as opposed to an absent one: never recorded."""


class Reason(StrEnum):
    """The reason for which the current key was made."""

    CREATED = "created"
    IMPORTED = "imported"
    TRIGGER = "trigger"
    SCHEDULE = "schedule"
    RENAMED = "renamed"
    REVOKED = "revoked"


class Settings(Recorded):
    """The applied inputs without triggers: what delete, read and refresh know, since they see outputs only."""

    organization_id: Identifier
    name: str
    rotate_after: RecordedDuration | None = None
    overlap: RecordedDuration | None = None
    vault_secret: VaultLocation | None = None
    secret_in_state: bool = True
    verify: bool = True
    tenant_key_ref: str | Mapping[str, Any] | None = None

    @property
    def reference(self) -> VaultReference | None:
        """Return the per-key reference to the tenant key, if the program gave one."""
        return (
            parse_reference(self.tenant_key_ref, f"the recorded {spell('tenantKeyRef')}")
            if self.tenant_key_ref
            else None
        )


class Record(Recorded):
    """The facts that the key was made with; kept in the outputs, so that no operation depends on the inputs.

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


class KeyState(State):
    """The outputs of a declared key; the descriptions are those of the schema."""

    key_id: Identifier
    """AlloMia's id of the current key."""

    key_name: str
    """Full name of the current key in AlloMia: the label and the mark that says whose key it is."""

    created_at: RecordedMoment
    """When AlloMia made the current key, ISO 8601 in UTC."""

    secret: SecretStr | None = None
    """The key itself, always a Pulumi secret."""

    secret_fingerprint: str
    """First 12 hex digits of the secret's SHA-256: compare without revealing. Empty while the secret is not known."""

    previous_key_id: Identifier | None = None
    """The predecessor while its overlap runs."""

    previous_secret: SecretStr | None = None
    """The predecessor's key while its overlap runs, always a Pulumi secret."""

    previous_revoke_at: RecordedMoment | None = None
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

    def owes(self, step: OwedStep) -> bool:
        """Tell whether a step of a kind is owed."""
        return any(owed.step is step for owed in self.pending)

    def with_owed(self, owed: Owed) -> KeyState:
        """Return the state with one thing more that is owed."""
        return self if owed in self.pending else self.model_copy(update={"pending": (*self.pending, owed)})

    def without_owed(self, owed: Owed | OwedStep) -> KeyState:
        """Return the state without one thing that was owed, or without all of a kind."""
        left = tuple(each for each in self.pending if owed not in (each.step, each))
        return self.model_copy(update={"pending": left})

    def without_predecessor(self) -> KeyState:
        """Return the state without a predecessor."""
        gone = {"previous_key_id": None, "previous_secret": None, "previous_revoke_at": None}
        return self.model_copy(update=gone)

    def with_lineage(self, lineage: str) -> KeyState:
        """Return the state whose record has a lineage."""
        return self.model_copy(update={"record": self.record.model_copy(update={"lineage": lineage})})

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


def read_outputs(outputs: Mapping[str, Any]) -> KeyState:
    """Read the outputs of an `OrganizationApiKey`, as `read_state` does."""
    state = read_state(KeyState, outputs)
    for secret in (state.secret, state.previous_secret):
        if secret is not None:
            guard(secret.get_secret_value())
    return state
