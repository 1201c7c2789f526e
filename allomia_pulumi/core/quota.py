"""The five slots of an organization, as this process knows them: keys alive, and slots promised to keys to come.

Replacements are made before the old keys are deleted, at the end of an `up`, so k keys of one organization can be
replaced together only while alive + k <= 5. One ledger per organization keeps every operation of this process to that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey, IssuedKey
from allomia_pulumi.core.messages import describe_keys, look_command, revoke_command
from allomia_pulumi.core.minted_key.state import Identity
from allomia_pulumi.errors import AllomiaError, OrganizationFull
from allomia_pulumi.ground.clock import Clock

__all__ = ["Ledger", "OwnKey", "organization_full"]

SNAPSHOT_SECONDS = 5.0
LONGEST_SNAPSHOT_SECONDS = 60.0
LISTINGS_PER_SNAPSHOT = 3.0
"""A run over many organizations takes longer than five seconds to come back to one of them: its lists last as many
times as long as all lists of this process took so far, or each key would cost a list again."""


@dataclass
class _Account:
    """What is known of one organization; its lock is held while its keys are listed, so lists and mints alternate."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    alive: dict[str, ApiKey] | None = None
    read_at: float = 0.0
    failure: AllomiaError | None = None
    shared_until: float = 0.0
    in_flight: int = 0
    promised: set[Identity] = field(default_factory=set)


class Ledger:
    """Keep the slots of all organizations that this process touches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()
        self._listing_seconds = 0.0
        self._seen: set[str] = set()

    def alive(self, api: KeyApi, organization_id: str) -> tuple[ApiKey, ...]:
        """Return the keys alive, from one list shared for a few seconds to which own writes are applied.

        In a run whose lists together take longer than that, they are shared for longer, at most for a minute.
        """
        account = self._account(organization_id)
        with account.lock:
            return tuple(self._alive(account, api, organization_id).values())

    def look(self, api: KeyApi, organization_id: str) -> tuple[tuple[ApiKey, ...], datetime | None]:
        """Read the list now, past the shared one, with the moment at which AlloMia says so; and share it."""
        account = self._account(organization_id)
        with account.lock:
            read_at = self._clock.monotonic()
            keys, moment = api.list_keys_dated(organization_id)
            if not account.in_flight:
                account.alive, account.read_at = {key.id: key for key in keys}, read_at
                self._note(account.alive)
        return tuple(keys), moment

    def promise(
        self, api: KeyApi, organization_id: str, identity: Identity, *, freed: int = 0
    ) -> tuple[ApiKey, ...] | None:
        """Promise a slot for the coming key of a declared key; return None, or the keys that hold all slots.

        `freed` slots are those that the same update frees before it needs one.
        """
        account = self._account(organization_id)
        with account.lock:
            if identity in account.promised:
                return None
            alive = self._alive(account, api, organization_id)
            if len(alive) - freed + len(account.promised) >= KEY_LIMIT:
                return tuple(alive.values())
            account.promised.add(identity)
            return None

    @contextmanager
    def minting(self, api: KeyApi, organization_id: str, identity: Identity) -> Iterator[None]:
        """Hold the slot of one declared key while its key is made; promise it first if nobody did.

        A failure keeps the promise, for the call may be repeated.

        Raises:
            OrganizationFull: There is no slot; nothing has been sent.
        """
        holders = self.promise(api, organization_id, identity)
        if holders is not None:
            raise organization_full(organization_id, holders, self._clock)
        with self.writing(organization_id):
            yield
        account = self._account(organization_id)
        with account.lock:
            account.promised.discard(identity)

    @contextmanager
    def writing(self, organization_id: str) -> Iterator[None]:
        """Keep the shared list from being read again while a write of ours is under way."""
        account = self._account(organization_id)
        with account.lock:
            account.in_flight += 1
        try:
            yield
        finally:
            with account.lock:
                account.in_flight -= 1

    @contextmanager
    def alone(self, organization_id: str) -> Iterator[None]:
        """Let nobody else of this process look at the organization's keys, or use one, inside the block."""
        with self._account(organization_id).lock:
            yield

    def add(self, organization_id: str, key: IssuedKey) -> None:
        """Apply a key that we made to the shared list."""
        account = self._account(organization_id)
        with account.lock:
            if account.alive is not None:
                account.alive[key.id] = OwnKey(key)

    def claim(self, key_id: str) -> bool:
        """Take the id of a new key; False if a list or a claim of this process had it before."""
        with self._lock:
            is_new = key_id not in self._seen
            self._seen.add(key_id)
        return is_new

    def knows(self, key_id: str) -> bool:
        """Tell whether a list or a claim of this process had the id."""
        with self._lock:
            return key_id in self._seen

    def remove(self, organization_id: str, key_id: str) -> None:
        """Apply a revocation of ours to the shared list."""
        account = self._account(organization_id)
        with account.lock:
            if account.alive is not None:
                account.alive.pop(key_id, None)

    def _account(self, organization_id: str) -> _Account:
        with self._lock:
            return self._accounts.setdefault(organization_id, _Account())

    def _alive(self, account: _Account, api: KeyApi, organization_id: str) -> dict[str, ApiKey]:
        now = self._clock.monotonic()
        if account.failure is not None and now < account.shared_until:
            raise account.failure.copy()
        is_old = now - account.read_at > self._snapshot_seconds
        if account.alive is None or (is_old and not account.in_flight):
            try:
                account.alive = {key.id: key for key in api.list_keys(organization_id)}
            except AllomiaError as problem:
                self._share(account, problem, now)
                raise
            account.read_at, account.failure = now, None
            self._note(account.alive)
            with self._lock:
                self._listing_seconds += self._clock.monotonic() - now
        return account.alive

    def _note(self, key_ids: Iterable[str]) -> None:
        """Remember keys that exist: no answer to a mint may have their ids. Nothing of ours is being made meanwhile."""
        with self._lock:
            self._seen.update(key_ids)

    @property
    def _snapshot_seconds(self) -> float:
        """Return how long a list is shared: a few seconds, and longer in a run that needs longer for its lists."""
        return min(LONGEST_SNAPSHOT_SECONDS, max(SNAPSHOT_SECONDS, LISTINGS_PER_SNAPSHOT * self._listing_seconds))

    def _share(self, account: _Account, problem: AllomiaError, started: float) -> None:
        """Share a failure that took long for as long as it took: whoever queued behind it does not wait as well."""
        now = self._clock.monotonic()
        if now - started > SNAPSHOT_SECONDS:
            account.failure, account.shared_until = problem, now + (now - started)


class OwnKey:
    """A key that this process made, as a list would show it."""

    last_used_at = None
    is_use_known = False

    def __init__(self, key: IssuedKey) -> None:
        self.id = key.id
        self.name = key.name
        self.created_at = key.created_at


def organization_full(organization_id: str, holders: Sequence[ApiKey], clock: Clock) -> OrganizationFull:
    """Say which keys hold the slots and how to free one."""
    promised = "" if len(holders) >= KEY_LIMIT else ", and the other slots are promised to keys made in this run"
    return OrganizationFull(
        f"organization {organization_id} has no free key slot: {len(holders)} of {KEY_LIMIT} keys are alive"
        f"{promised} ({describe_keys(holders, clock.now())})",
        f"Revoke one that nobody uses ({look_command(organization_id)}, then "
        f"{revoke_command(organization_id, 'KEY_ID')}), or run again when another key is gone.",
    )
