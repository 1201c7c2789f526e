"""The state of a `DashboardApiKey`: its outputs, and the record that Pulumi keeps in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import Recorded
from allomia_pulumi.core.record import STATE_VERSION, Owed, State, read_state
from allomia_pulumi.ground.durations import RecordedDuration
from allomia_pulumi.ground.identifiers import Identifier
from allomia_pulumi.ground.moments import RecordedMoment, format_moment
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "DashboardRecord",
    "DashboardSettings",
    "DashboardState",
    "OldKey",
    "read_dashboard_outputs",
]


class DashboardSettings(Recorded):
    """The applied inputs: what delete and read know, since they see outputs only."""

    organization_id: Identifier
    vault_secret: str | Mapping[str, Any]
    rotate_after: RecordedDuration | None = None
    overlap: RecordedDuration | None = None
    secret_in_state: bool = True

    @property
    def reference(self) -> VaultReference:
        """Return where the key lies."""
        return parse_reference(self.vault_secret, f"the recorded {spell('vaultSecret')}")


class OldKey(Recorded):
    """A key from before, known by its version in Vault only; forgotten once AlloMia refuses it."""

    vault_secret: str
    """The secret in Vault, `mount/path#field`."""

    version: int
    """Its KV version."""

    fingerprint: str
    """First 12 hex digits of the key's SHA-256; empty until Vault has let somebody read that version."""

    since: RecordedMoment
    """When it was written to Vault, ISO 8601 in UTC."""

    replaced_at: RecordedMoment
    """When its successor was taken over, ISO 8601 in UTC."""

    delete_at: RecordedMoment
    """When its overlap ends: from then on every `pulumi up` asks for its deletion. ISO 8601 in UTC."""

    looked_at: RecordedMoment | None = None
    """When a refresh last saw AlloMia accept it, ISO 8601 in UTC; absent if none did."""

    @property
    def token(self) -> str:
        """Return what tells it from other old keys: its fingerprint, or its place as long as that is not known."""
        return self.fingerprint or f"{self.vault_secret} {self.version}"

    @property
    def reference(self) -> VaultReference:
        """Return the version of the secret that holds it."""
        where = parse_reference(self.vault_secret, f"the recorded {spell('vaultSecret')}")
        return where.model_copy(update={"version": self.version})

    def until(self, overlap: timedelta) -> OldKey:
        """Return the same key with the end of its overlap."""
        return self.model_copy(update={"delete_at": format_moment(datetime.fromisoformat(self.replaced_at) + overlap)})

    def describe(self) -> str:
        """Say which key it is; AlloMia's dashboard knows neither versions nor fingerprints, but dates."""
        mark = self.fingerprint or "unknown"
        return f"version {self.version} of Vault {self.vault_secret}, written {self.since}, fingerprint {mark}"


class DashboardRecord(Recorded):
    """The applied settings and identity; kept in the outputs, so that no operation depends on the inputs."""

    state_version: int = STATE_VERSION
    identity: Identity
    settings: DashboardSettings
    written_at: str | None = None
    """When the current version was written to Vault: a secret that is made anew begins with version 1 again."""


class DashboardState(State):
    """The outputs of a key made by hand; the descriptions are those of the schema."""

    secret: SecretStr | None = None
    """The key itself, always a Pulumi secret."""

    secret_fingerprint: str
    """First 12 hex digits of the secret's SHA-256: compare without revealing."""

    vault_secret_version: int | None = None
    """The KV version that holds the current key; absent for KV v1."""

    since: RecordedMoment
    """When the current key was written to Vault (KV v1: noticed there), ISO 8601 in UTC."""

    rotate_at: str | None = None
    """When `rotateAfter` falls due, ISO 8601 in UTC."""

    next_action_at: str | None = None
    """The earliest moment at which somebody has something to do, ISO 8601 in UTC; absent if never by itself."""

    previous_keys: tuple[OldKey, ...] = ()
    """Earlier keys that no refresh has seen AlloMia refuse, by their place and KV version."""

    pending: tuple[Owed, ...] = ()
    """What a refresh found to be wrong: the next `pulumi up` looks again. Empty when all is well."""

    record: DashboardRecord
    """What was applied: identity and settings."""

    @property
    def began_at(self) -> datetime:
        """Return when the current key began."""
        return datetime.fromisoformat(self.since)

    def describe(self) -> str:
        """Say which key it is."""
        version = f"version {self.vault_secret_version} of " if self.vault_secret_version else ""
        where = f"{version}Vault {self.record.settings.reference}"
        return f"{where}, since {self.since}, fingerprint {self.secret_fingerprint}"

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form, the secret in clear: the face marks it before it leaves the process."""
        outputs = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"secret"})
        return outputs if self.secret is None else {**outputs, "secret": self.secret.get_secret_value()}


def read_dashboard_outputs(outputs: Mapping[str, Any]) -> DashboardState:
    """Read the outputs that the engine kept, as `read_state` does."""
    state = read_state(DashboardState, outputs)
    if state.secret is not None:
        guard(state.secret.get_secret_value())
    return state
