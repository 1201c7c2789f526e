"""What a key made by hand is: its inputs, and the record that Pulumi keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from allomia_pulumi.core import input_fields
from allomia_pulumi.core.input_fields import Failure, Form
from allomia_pulumi.core.minted_key.record import at
from allomia_pulumi.core.minted_key.state import STATE_VERSION, Identity, Model, Owed, Unknown, read_state
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.identifiers import Identifier, Moment
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, parse_reference

__all__ = [
    "DashboardInputs",
    "DashboardRecord",
    "DashboardSettings",
    "DashboardState",
    "OldKey",
    "parse_dashboard_inputs",
    "read_dashboard_outputs",
]

SUPPORTED: Final = ("organizationId", "vaultSecret", "rotateAfter", "overlap", "secretInState")


class DashboardInputs(Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    organization_id: str | Unknown
    """Id of the AlloMia organization that the key belongs to. A change replaces the resource."""

    vault_secret: VaultReference | Unknown
    """Where in Vault the key lies: `mount/path#field`, or an object; always the latest version."""

    rotate_after: timedelta | Unknown | None = None
    """Duration such as `90d`: a key of that age is warned of, until a new one is written to Vault."""

    overlap: timedelta | Unknown | None = None
    """Duration, shorter than `rotateAfter`: how long the old key may live on after a rotation."""

    secret_in_state: bool | Unknown = True
    """Whether Pulumi's state holds the secret; if not, dependents follow version and fingerprint."""


class DashboardSettings(Model):
    """The applied inputs: what delete and read know, since they see outputs only."""

    organization_id: Identifier
    vault_secret: str | Mapping[str, Any]
    rotate_after: str | None = None
    overlap: str | None = None
    secret_in_state: bool = True

    @property
    def reference(self) -> VaultReference:
        """Return where the key lies."""
        return parse_reference(self.vault_secret, "the recorded vaultSecret")


class OldKey(Model):
    """A key from before, known by its version in Vault only; forgotten once AlloMia refuses it."""

    vault_secret: str
    """The secret in Vault, `mount/path#field`."""

    version: int
    """Its KV version."""

    fingerprint: str
    """First 12 hex digits of the key's SHA-256; empty until Vault has let somebody read that version."""

    since: Moment
    """When it was written to Vault, ISO 8601 in UTC."""

    replaced_at: Moment
    """When its successor was taken over, ISO 8601 in UTC."""

    delete_at: Moment
    """When its overlap ends: from then on every `pulumi up` asks for its deletion. ISO 8601 in UTC."""

    looked_at: Moment | None = None
    """When a refresh last saw AlloMia accept it, ISO 8601 in UTC; absent if none did."""

    @property
    def token(self) -> str:
        """Return what tells it from other old keys: its fingerprint, or its place as long as that is not known."""
        return self.fingerprint or f"{self.vault_secret} {self.version}"

    @property
    def reference(self) -> VaultReference:
        """Return the version of the secret that holds it."""
        where = parse_reference(self.vault_secret, "the recorded vaultSecret")
        return where.model_copy(update={"version": self.version})

    def until(self, overlap: timedelta) -> OldKey:
        """Return the same key with the end of its overlap."""
        return self.model_copy(update={"delete_at": at(datetime.fromisoformat(self.replaced_at) + overlap)})

    def describe(self) -> str:
        """Say which key it is; AlloMia's dashboard knows neither versions nor fingerprints, but dates."""
        mark = self.fingerprint or "unknown"
        return f"version {self.version} of Vault {self.vault_secret}, written {self.since}, fingerprint {mark}"


class DashboardRecord(Model):
    """What was applied; kept in the outputs, so that no operation depends on the inputs."""

    state_version: int = STATE_VERSION
    identity: Identity
    settings: DashboardSettings
    written_at: str | None = None
    """When the current version was written to Vault: a secret that is made anew begins with version 1 again."""


class DashboardState(Model):
    """The outputs of a key made by hand; the descriptions are those of the schema."""

    secret: SecretStr | None = None
    """The key itself, always a Pulumi secret."""

    secret_fingerprint: str
    """First 12 hex digits of the secret's SHA-256: compare without revealing."""

    vault_secret_version: int | None = None
    """The KV version that holds the current key; absent for KV v1."""

    since: Moment
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


def parse_dashboard_inputs(news: Mapping[str, Any]) -> tuple[DashboardInputs | None, list[Failure]]:
    """Read wire inputs; return them, or every failure at once."""
    form = Form(news, SUPPORTED)
    inputs = DashboardInputs(
        organization_id=form.read("organizationId", input_fields.organization_id),
        vault_secret=form.read("vaultSecret", _place),
        rotate_after=form.read("rotateAfter", input_fields.rotate_after),
        overlap=form.read("overlap", input_fields.overlap),
        secret_in_state=form.read("secretInState", input_fields.switch("secretInState")),
    )
    if input_fields.has_long_overlap(inputs.rotate_after, inputs.overlap):
        form.fail("overlap", "overlap is not shorter than rotateAfter, so a third key would be due. Shorten it.")
    return (None, form.failures) if form.failures else (inputs, [])


def _place(value: object) -> VaultReference | Unknown:
    if isinstance(value, Mapping) and "takeOver" in value:
        raise InvalidInput(
            "vaultSecret.takeOver has no meaning for a key that a person writes to Vault", "Leave it out."
        )
    place = input_fields.reference("vaultSecret")(value)
    if place is None:
        raise InvalidInput("vaultSecret is missing", "Say where in Vault the key lies: mount/path#field.")
    if isinstance(place, VaultReference) and place.version is not None:
        raise InvalidInput("vaultSecret pins a version, and a new key is a new version", "Leave the version out.")
    return place
