"""Diagnostics of Vault itself, the login and its policy; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import hvac
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.edges.vault.answers import parse_answer
from allomia_pulumi.edges.vault.client import VaultClient
from allomia_pulumi.edges.vault.faults import ADDRESS_HINT, Fault
from allomia_pulumi.edges.vault.kv import V2
from allomia_pulumi.edges.vault.kv2_secret import locate_secret
from allomia_pulumi.edges.vault.mounts import Mounts
from allomia_pulumi.edges.vault.policy import (
    DATA_CAPABILITIES,
    METADATA_CAPABILITIES,
    missing_capabilities,
    policy_line,
)
from allomia_pulumi.errors import AccessDenied, AllomiaError, UnexpectedAnswer
from allomia_pulumi.ground.references import VaultReference

__all__ = ["Diagnostics", "Health", "Login", "MissingCapabilities", "TokenLife"]

ANY_HEALTH = 200
BATCH = 200

Capabilities = Mapping[str, tuple[str, ...]]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Health(_Answer):
    """The health of Vault, as it tells anybody.

    Attributes:
        server_time_utc: Its clock, in whole seconds.
    """

    initialized: bool
    sealed: bool
    standby: bool = False
    version: str = ""
    server_time_utc: int | None = None

    @property
    def moment(self) -> datetime | None:
        """Return its clock."""
        return datetime.fromtimestamp(self.server_time_utc, UTC) if self.server_time_utc else None


class TokenLife(_Answer):
    """The life of a token, as it may look it up itself.

    Attributes:
        ttl: Seconds that are left; 0 for a token that does not expire.
        num_uses: Requests that are left; 0 for any number.
    """

    ttl: Annotated[int, Field(ge=0)]
    renewable: bool = False
    num_uses: int = 0
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Login:
    """The login and its token.

    Attributes:
        source: Where the token comes from, for messages.
        is_ours: Whether a login of ours obtained it, so that each run has a fresh one.
        life: None when no policy lets the token look at itself.
    """

    token: SecretStr
    source: str
    is_ours: bool
    life: TokenLife | None


@dataclass(frozen=True)
class MissingCapabilities:
    """The capabilities that a policy lacks on an API path.

    Attributes:
        capabilities: Those that are missing.
        line: The line of HCL that grants all that is needed there.
    """

    path: str
    capabilities: tuple[str, ...]
    line: str


class Diagnostics:
    """Diagnostics of one Vault, through the client that reads secrets."""

    def __init__(self, vault: VaultClient, mounts: Mounts) -> None:
        self._vault = vault
        self._mounts = mounts

    @property
    def name(self) -> str:
        """Return how this Vault is called in messages."""
        return self._vault.name

    def health(self) -> Health:
        """Ask what Vault tells anybody, without a login; a sealed one and a standby answer, too.

        Raises:
            AllomiaError: Vault is not reachable, or something else answers.
        """
        answer = self._vault.send_unauthenticated(_health)
        outcome = self._vault.to_error(answer, "asking for its health") if isinstance(answer, Fault) else None
        if outcome is not None:
            raise outcome
        health = parse_answer(Health, answer)
        if health is None:
            raise UnexpectedAnswer(f"what answers for {self.name} does not look like Vault", ADDRESS_HINT)
        return health

    def login(self) -> Login:
        """Log in, and look up what the token is.

        Raises:
            CredentialRejected: The login was refused, or the token is dead.
            AllomiaError: Vault cannot be asked.
        """
        answer = self._vault.send(lambda client: client.auth.token.lookup_self())
        token = self._vault.token()
        if not isinstance(answer, Fault):
            life = parse_answer(TokenLife, answer.get("data"))
        elif answer.is_denied:
            life = None
        else:
            raise self._vault.to_error(answer, "looking up the token")
        return Login(token.value, token.source, token.is_ours, life)

    def capabilities_to_read(self, reference: VaultReference, *, watches: bool = False) -> dict[str, tuple[str, ...]]:
        """Return what reading a secret needs, by API path; `watches` also looks at its metadata.

        Raises:
            AllomiaError: Vault does not tell the mount, which needs a policy that reaches it.
        """
        mount = self._mounts.find(reference)
        inside = mount.inside(reference.location)
        if mount.version != V2:
            return {f"{mount.path}/{inside}": ("read",)}
        metadata = {f"{mount.path}/metadata/{inside}": ("read",)} if watches else {}
        return {f"{mount.path}/data/{inside}": ("read",), **metadata}

    def capabilities_to_deliver(self, place: VaultLocation) -> dict[str, tuple[str, ...]]:
        """Return what delivering a key to a place and withdrawing it need, by API path.

        Raises:
            AllomiaError: Vault does not tell the mount, or it is none that keys are delivered to.
        """
        target = locate_secret(place, self._vault, self._mounts)
        return {
            target.data: DATA_CAPABILITIES,
            target.metadata: (*METADATA_CAPABILITIES, "delete"),
            f"{target.mount}/destroy/{target.path}": ("update",),
        }

    def missing_capabilities(self, needed: Capabilities) -> list[MissingCapabilities]:
        """Return what the token's policies do not grant of the needed capabilities.

        Raises:
            AllomiaError: Vault cannot be asked, or does not say.
        """
        paths = sorted(needed)
        granted: dict[str, Any] = {}
        for begin in range(0, len(paths), BATCH):
            granted |= self._granted(paths[begin : begin + BATCH])
        missing = {path: missing_capabilities(granted.get(path), needed[path]) for path in paths}
        return [
            MissingCapabilities(path, names, policy_line(path, *needed[path]))
            for path, names in missing.items()
            if names
        ]

    def _granted(self, paths: Sequence[str]) -> Mapping[str, Any]:
        def explain(fault: Fault) -> AllomiaError | None:
            if not fault.is_denied:
                return None
            line = policy_line("sys/capabilities-self", "update")
            return AccessDenied(f"{self.name} does not let the token ask what it may do", f"Add to its policy: {line}")

        answer = self._vault.request(
            "asking what the token may do", lambda client: client.sys.get_capabilities(list(paths)), explain
        )
        data = answer.get("data")
        if not isinstance(data, Mapping):
            raise UnexpectedAnswer(f"{self.name} did not say what the token may do", ADDRESS_HINT)
        return data


def _health(client: hvac.Client) -> dict[str, Any]:
    # Any state is an answer to the question, so each gets the code that counts as one.
    answer: dict[str, Any] = client.sys.read_health_status(
        standby_ok=True,
        dr_secondary_code=ANY_HEALTH,
        performance_standby_code=ANY_HEALTH,
        sealed_code=ANY_HEALTH,
        uninit_code=ANY_HEALTH,
        method="GET",
    )
    return answer
