"""The watch on old keys that a person made, until AlloMia refuses them.

A look uses the key, since AlloMia serves no other, so only a refresh and `allomia doctor` look: otherwise AlloMia's
`lastUsedAt` would say of every `pulumi up` that somebody uses the key. Other runs speak from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from allomia_pulumi.contracts.allomia import Prover
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_versions import SecretReader
from allomia_pulumi.core.handmade_key.state import DashboardState, OldKey
from allomia_pulumi.core.messages import DELETE_OLD_BY_HAND, MAKE_BY_HAND
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.errors import AllomiaError, CredentialRejected, InvalidConfiguration, NotFound
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["Look", "Standing", "Watcher", "look_at", "look_is_a_use"]


class Standing(Enum):
    """The standing of an old key after a look at it."""

    ACCEPTED = auto()
    REFUSED = auto()
    LOST = auto()
    """Vault does not have it any more, so nobody can look."""
    UNKNOWN = auto()
    UNASKED = auto()
    """Vault has it, and AlloMia was not to be asked."""


@dataclass(frozen=True)
class Look:
    """One look at an old key.

    Attributes:
        why: What was met, where it is lost or unknown.
        fingerprint: That of the key which Vault has there; empty if it was not read.
    """

    standing: Standing
    why: str = ""
    fingerprint: str = ""


def look_is_a_use(moment: str) -> str:
    """Say what a look at that moment leaves in AlloMia."""
    return f"The look used the key: lastUsedAt in AlloMia tells of somebody else only where it is later than {moment}"


def look_at(old: OldKey, organization_id: str, reader: SecretReader, prover: Prover | None) -> Look:
    """Read an old key from Vault and use it once; one that AlloMia refuses is expected, and not asked for twice.

    Without a prover it is only read.
    """
    try:
        secret = reader.read_secret(old.reference)
    except NotFound as problem:
        return Look(Standing.LOST, problem.message)
    except AllomiaError as problem:
        is_no_key = isinstance(problem, InvalidConfiguration) and problem.said_by == "Vault"
        return Look(Standing.LOST, problem.message) if is_no_key else Look(Standing.UNKNOWN, str(problem))
    mark = fingerprint(secret)
    if old.fingerprint not in {"", mark}:
        return Look(Standing.LOST, "that version was written anew", mark)
    if prover is None:
        return Look(Standing.UNASKED, fingerprint=mark)
    try:
        prover.prove_key(organization_id, secret, f"Vault {old.reference}")
    except AllomiaError as problem:
        is_refused = isinstance(problem, CredentialRejected) and problem.said_by == "AlloMia"
        return Look(Standing.REFUSED if is_refused else Standing.UNKNOWN, str(problem), mark)
    return Look(Standing.ACCEPTED, fingerprint=mark)


@dataclass(frozen=True)
class Watcher:
    """Watch the old keys of one declared key; nothing is written to Vault or AlloMia.

    Attributes:
        is_managed: Tells by its fingerprint whether an OrganizationApiKey holds a key: then it is nobody's to delete.
    """

    is_managed: Callable[[str], bool]
    reporter: Reporter

    def look(
        self, state: DashboardState, reader: SecretReader, prover: Prover | None, now: str, *, is_sighted: bool = True
    ) -> DashboardState:
        """Return the state without old keys that AlloMia refuses or Vault lost; warn of those whose time ended.

        Args:
            state: What is recorded.
            reader: Vault.
            prover: AlloMia; None asks Vault only.
            now: When it is looked at them.
            is_sighted: Whether Vault has shown the current key: if not, a version that is missing proves nothing.
        """
        kept: list[OldKey] = []
        for old in state.previous_keys:
            found = look_at(old, state.record.settings.organization_id, reader, prover)
            known = {each.fingerprint for each in (*state.previous_keys, *kept)} | {state.secret_fingerprint}
            if not old.fingerprint and found.fingerprint in known - {""}:
                continue
            if found.standing is Standing.LOST and not is_sighted:
                found = Look(Standing.UNKNOWN, found.why)
            kept += self._after(old, found, state.record.settings.organization_id, now)
        return state.model_copy(update={"previous_keys": tuple(kept)})

    def remind(self, state: DashboardState, now: str) -> None:
        """Warn from the record of old keys that outlive their overlap; nobody is asked."""
        for old in self._overdue(state, now):
            whose = f"an old key of organization {state.record.settings.organization_id} ({old.describe()})"
            if old.looked_at:
                seen = f"as of the last refresh on {old.looked_at}; `pulumi refresh` looks again"
                said = f"AlloMia still accepts {whose}, whose time ended {old.delete_at}, {seen}. If it does"
            else:
                seen = "no refresh has looked yet whether AlloMia still accepts it; `pulumi refresh` looks"
                said = f"the time of {whose} ended {old.delete_at}, and {seen}. If it does"
            self.reporter.warn(f"{said}: {DELETE_OLD_BY_HAND}")

    def warn_of_age(self, state: DashboardState, rotate_after: timedelta | Unknown | None, now: datetime) -> None:
        """Warn of a current key that is due for rotation."""
        if isinstance(rotate_after, timedelta) and now >= state.began_at + rotate_after:
            self.reporter.warn(
                f"the key is due for rotation since {format_moment(state.began_at + rotate_after)} "
                f"({state.describe()}): {MAKE_BY_HAND}, write it to Vault {state.record.settings.reference}, and run "
                "`pulumi up`"
            )

    def _overdue(self, state: DashboardState, now: str) -> Iterator[OldKey]:
        return (old for old in state.previous_keys if old.delete_at <= now and not self.is_managed(old.fingerprint))

    def _after(self, old: OldKey, found: Look, organization_id: str, now: str) -> list[OldKey]:
        """Say what a look at one key found; return it if it stays."""
        whose = f"an old key of organization {organization_id} ({old.describe()})"
        match found.standing:
            case Standing.REFUSED:
                self.reporter.info(f"AlloMia refuses the old key now ({old.describe()}): it is forgotten")
                return []
            case Standing.LOST:
                self.reporter.warn(
                    f"whether AlloMia still accepts {whose} cannot be seen any more: {found.why}. Make sure that it is "
                    f"gone: {DELETE_OLD_BY_HAND}"
                )
                return []
            case Standing.UNKNOWN | Standing.UNASKED:
                if found.why:
                    self.reporter.warn(f"whether AlloMia still accepts {whose} is not known: {found.why}")
                return [old.model_copy(update={"fingerprint": old.fingerprint or found.fingerprint})]
            case Standing.ACCEPTED:
                if old.delete_at <= now and not self.is_managed(found.fingerprint):
                    self.reporter.warn(
                        f"AlloMia still accepts {whose}, whose time ended {old.delete_at}: {DELETE_OLD_BY_HAND}. "
                        f"{look_is_a_use(now)}"
                    )
                return [old.model_copy(update={"fingerprint": found.fingerprint, "looked_at": now})]
