"""The detection of a new version in Vault: the latest key, whether AlloMia accepts it, and the keys before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import Prover
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_versions import SecretReader, SecretVersions
from allomia_pulumi.core.handmade_key.state import DashboardSettings, DashboardState, OldKey
from allomia_pulumi.core.messages import DELETE_OLD_BY_HAND, MAKE_BY_HAND
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.core.verification import prove_patiently
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    TemporaryError,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import fingerprint
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.spelling import spell

__all__ = ["Detector", "Found"]

MOST_SKIPPED = 20
"""Versions between two runs that are looked at; Vault itself keeps 10 unless it is told otherwise."""


@dataclass(frozen=True)
class Found:
    """The latest key in Vault."""

    place: VaultReference
    versions: SecretVersions
    secret: SecretStr = field(repr=False)
    since: str

    @property
    def version(self) -> int | None:
        """Return its KV version; None for KV v1."""
        return self.versions.version

    @property
    def written(self) -> str | None:
        """Return when its version was written; None for KV v1."""
        return _written(self.versions, self.version)

    @property
    def fingerprint(self) -> str:
        """Return its fingerprint."""
        return fingerprint(self.secret)

    def is_other(self, state: DashboardState) -> bool:
        """Tell whether it is another key, or another place, than the record has."""
        is_moved = not self.place.is_same_field(state.record.settings.reference)
        return is_moved or self.fingerprint != state.secret_fingerprint


@dataclass(frozen=True)
class Detector:
    """Detect new versions by questions to Vault and AlloMia; nothing is written to either."""

    reader: SecretReader
    prover: Callable[[], Prover]
    clock: Clock
    reporter: Reporter

    def has_newer(self, place: VaultReference | Unknown, state: DashboardState) -> bool | None:
        """Tell whether Vault has something else than the record; None, and a warning, if it cannot be asked."""
        if isinstance(place, Unknown):
            return False
        if not place.is_same_field(state.record.settings.reference):
            return True
        try:
            return self._has_changed(place, state)
        except (TemporaryError, UnexpectedAnswer, CredentialRejected) as problem:
            self.reporter.warn(f"whether Vault {place} has a newer key is not known: {problem}")
            return None
        except AllomiaError as problem:
            self.reporter.warn(str(problem))
            return True

    def _has_changed(self, place: VaultReference, state: DashboardState) -> bool:
        """Tell whether Vault has another version than the record; KV v1 has none, so there the key itself is read.

        Raises:
            NotFound: The secret, or its current version, is gone.
        """
        versions = self._find_versions(place)
        if versions.version is None:
            return fingerprint(self.reader.read_secret(place)) != state.secret_fingerprint
        return not _is_recorded(versions, state)

    def find(self, place: VaultReference) -> Found:
        """Read the latest key.

        Raises:
            NotFound: The secret, its current version or its field is gone.
            InvalidConfiguration: The field holds no key.
        """
        versions = self._find_versions(place)
        secret = self.reader.read_secret(place.model_copy(update={"version": versions.version}))
        written = versions.written.get(versions.version) if versions.version else None
        return Found(place, versions, secret, format_moment(written or self.clock.now()))

    def prove(self, organization_id: str, found: Found, *, is_new: bool) -> None:
        """Use the key once, before anyone is given it; of a new one also see that it is no tenant key.

        Raises:
            InvalidConfiguration: It is a tenant key.
            CredentialRejected: AlloMia does not accept it.
            NotFound: It is another organization's key.
            AllomiaError: Nothing is proved.
        """
        source = _source(found.place, found.version)
        if is_new and self.prover().acts_as_tenant(found.secret, source):
            raise InvalidConfiguration(
                f"{source} holds a tenant key, which may manage every organization: AlloMia lets it list them; nothing "
                "was handed over",
                "Write the organization's own key there.",
            )
        try:
            prove_patiently(self.prover(), self.clock, organization_id, found.secret, source)
        except CredentialRejected as problem:
            hint = f"It is revoked, or not an AlloMia key: {MAKE_BY_HAND}, write it there, and run again."
            raise CredentialRejected(problem.message, hint).as_said_by(problem.said_by) from None
        except (AccessDenied, NotFound) as problem:
            raise NotFound(
                f"{problem.message}: it is another organization's key, or {organization_id} does not exist",
                f"Check {spell('organizationId')} and {spell('vaultSecret')}.",
            ).as_said_by(problem.said_by) from None

    def hand_over(self, state: DashboardState, found: Found, settings: DashboardSettings, now: str) -> DashboardState:
        """Hand over to the successor: return the state with the key that Vault has now; the one before becomes old."""
        is_new = found.fingerprint != state.secret_fingerprint
        known = {old.token: old for old in state.previous_keys}
        since = known[found.fingerprint].since if found.fingerprint in known else found.since
        changes: dict[str, object] = {
            "secret": found.secret if settings.secret_in_state else None,
            "secret_fingerprint": found.fingerprint,
            "vault_secret_version": found.version,
            "since": since if is_new else state.since,
            "pending": (),
            "record": state.record.model_copy(update={"settings": settings, "written_at": found.written}),
        }
        for old in (*self._skipped(state, found, now), *(self._outgoing(state, found, now) if is_new else ())):
            known.setdefault(old.token, old)
        known.pop(found.fingerprint, None)
        return state.model_copy(update={**changes, "previous_keys": tuple(known.values())})

    def examine(self, state: DashboardState) -> Owed | None:
        """Say what is wrong with the current key, if something is.

        Raises:
            AllomiaError: Vault or AlloMia cannot be asked, so nothing is known.
        """
        settings = state.record.settings
        place = settings.reference
        try:
            versions = self._find_versions(place)
            secret = self._read_recorded(versions, state)
        except NotFound as problem:
            return Owed(step=OwedStep.DELIVER, why=problem.message)
        if secret is None:
            what = f"version {versions.version}" if versions.version else "a newer key"
            self.reporter.info(f"Vault {place} has {what}: the next `pulumi up` proves it and takes it over")
            return None
        try:
            source = _source(place, state.vault_secret_version)
            prove_patiently(self.prover(), self.clock, settings.organization_id, secret, source)
        except (CredentialRejected, NotFound) as problem:
            if problem.said_by != "AlloMia":
                raise
            return Owed(step=OwedStep.ROTATE, why=problem.message)
        return None

    def _read_recorded(self, versions: SecretVersions, state: DashboardState) -> SecretStr | None:
        """Read the key of the record, or return None if Vault has another one by now."""
        if not _is_recorded(versions, state):
            return None
        secret = self.reader.read_secret(_pinned(state.record.settings.reference, versions.version))
        return secret if fingerprint(secret) == state.secret_fingerprint else None

    def _outgoing(self, state: DashboardState, found: Found, now: str) -> list[OldKey]:
        """Return the key that is replaced; one that was overwritten is a person's to remember."""
        place = state.record.settings.reference
        version = state.vault_secret_version
        is_same_place = found.place.is_same_field(place)
        written, recorded = _written(found.versions, version), state.record.written_at
        is_anew = is_same_place and None not in {written, recorded} and written != recorded
        if version is None or is_anew:
            why = "KV v1 keeps no history" if version is None else "the secret in Vault was made anew"
            self.reporter.warn(
                f"a new key replaces {state.describe()}. {why}, so nobody can look whether the old one still works: "
                f"{DELETE_OLD_BY_HAND}"
            )
            return []
        return [_old_key(place, version, state.secret_fingerprint, state.since, now)]

    def _skipped(self, state: DashboardState, found: Found, now: str) -> Iterator[OldKey]:
        """Return keys that were written and replaced between two runs: AlloMia may accept them all the same."""
        recorded, current = state.vault_secret_version, found.version
        if recorded is None or current is None or not found.place.is_same_field(state.record.settings.reference):
            return
        known = {state.secret_fingerprint, found.fingerprint, *(old.fingerprint for old in state.previous_keys)}
        for version, written in found.versions.written.items():
            if max(recorded, current - MOST_SKIPPED) < version < current:
                mark = self._identify(found.place, version, state.record.settings.organization_id, known)
                if mark is not None:
                    yield _old_key(found.place, version, mark, format_moment(written), now)

    def _identify(
        self, place: VaultReference, version: int, organization_id: str, known: Collection[str]
    ) -> str | None:
        """Return the fingerprint of a key that nobody knows; empty if Vault does not give it, None if it is none.

        It is used for that, once in its life: later only a refresh looks.
        """
        try:
            secret = self.reader.read_secret(_pinned(place, version))
        except NotFound:
            return None
        except AllomiaError as problem:
            is_no_key = isinstance(problem, InvalidConfiguration) and problem.said_by == "Vault"
            return None if is_no_key else ""
        mark = fingerprint(secret)
        if mark in known:
            return None
        try:
            self.prover().prove_key(organization_id, secret, _source(place, version))
        except AllomiaError as problem:
            if isinstance(problem, (CredentialRejected, NotFound)) and problem.said_by == "AlloMia":
                return None
            self.reporter.warn(f"whether AlloMia accepts {_source(place, version)} is not known: {problem}")
        return mark

    def _find_versions(self, place: VaultReference) -> SecretVersions:
        versions = self.reader.read_versions(place)
        if not versions.is_live:
            raise NotFound(
                f"version {versions.version} of Vault {place}, the latest, was deleted or destroyed",
                "Undelete it, or write the key there again.",
            )
        return versions


def _old_key(place: VaultReference, version: int, mark: str, since: str, now: str) -> OldKey:
    where = f"{place.location}#{place.field}"
    return OldKey(vault_secret=where, version=version, fingerprint=mark, since=since, replaced_at=now, delete_at=now)


def _written(versions: SecretVersions, version: int | None) -> str | None:
    written = versions.written.get(version) if version is not None else None
    return format_moment(written) if written else None


def _is_recorded(versions: SecretVersions, state: DashboardState) -> bool:
    """Tell whether Vault's current version is the recorded one; KV v1 cannot tell."""
    written = _written(versions, versions.version)
    is_same_moment = state.record.written_at in {None, written}
    return versions.version is None or (versions.version == state.vault_secret_version and is_same_moment)


def _pinned(place: VaultReference, version: int | None) -> VaultReference:
    return place.model_copy(update={"version": version})


def _source(place: VaultReference, version: int | None) -> str:
    return f"Vault {_pinned(place, version)}"
