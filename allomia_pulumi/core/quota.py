"""The quota of an organization, five slots: keys alive, and slots reserved for keys to come.

Replacements are made before the old keys are deleted, at the end of an `up`, so k keys of one organization can be
replaced together only while alive + k <= 5. One quota per organization keeps every operation of this process to that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey, IssuedKey
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.messages import describe_keys, look_command, revoke_command
from allomia_pulumi.core.read_ahead import ReadAhead
from allomia_pulumi.errors import AllomiaError, OrganizationFull
from allomia_pulumi.ground.clock import Clock

__all__ = ["OwnKey", "Quota", "organization_full"]

SNAPSHOT_SECONDS = 5.0
LONGEST_SNAPSHOT_SECONDS = 60.0
LISTINGS_PER_SNAPSHOT = 3.0
"""A run over many organizations takes longer than five seconds to come back to one of them: its lists last as many
times as long as all lists of this process took so far, or each key would cost a list again."""


@dataclass
class _OrganizationQuota:
    """The quota of one organization; its lock is held while its keys are listed, so lists and mints alternate."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    alive: dict[str, ApiKey] | None = None
    read_at: float = 0.0
    failure: AllomiaError | None = None
    shared_until: float = 0.0
    in_flight: int = 0
    reserved: set[Identity] = field(default_factory=set)
    waiting: dict[Identity, None] = field(default_factory=dict)


class Quota:
    """Keep the slots of all organizations that this process touches.

    Attributes:
        read_ahead: Reads the lists of organizations that come next, with the configured tenant key.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._organizations: dict[str, _OrganizationQuota] = {}
        self._lock = threading.Lock()
        self._listing = 0
        self._listing_since = 0.0
        self._listing_seconds = 0.0
        self._seen: set[str] = set()
        self.read_ahead = ReadAhead(self._read_ahead)

    def alive(self, api: KeyApi, organization_id: str) -> tuple[ApiKey, ...]:
        """Return the keys alive, from one list shared for a few seconds to which own writes are applied.

        In a run whose lists together take longer than that, they are shared for longer, at most for a minute.
        """
        own = self._of(organization_id)
        with own.lock:
            return tuple(self._alive(own, api, organization_id).values())

    def read(self, api: KeyApi, organization_id: str) -> tuple[tuple[ApiKey, ...], datetime | None]:
        """Read the list now, past the shared one, with the moment at which AlloMia says so; and share it."""
        own = self._of(organization_id)
        with own.lock:
            read_at = self._clock.monotonic()
            keys, moment = api.list_keys_dated(organization_id)
            if not own.in_flight:
                own.alive, own.read_at = {key.id: key for key in keys}, read_at
                self._note(own.alive)
        return tuple(keys), moment

    def reserve(
        self, api: KeyApi, organization_id: str, identity: Identity, *, freed: int = 0
    ) -> tuple[ApiKey, ...] | None:
        """Reserve a slot for the coming key of a declared key; return None, or the keys that hold all slots.

        `freed` slots are those that the same update frees before it needs one.
        """
        own = self._of(organization_id)
        with own.lock:
            if identity in own.reserved:
                return None
            alive = self._alive(own, api, organization_id)
            self._serve_waiting(own, len(alive))
            if identity in own.reserved:
                return None
            if len(alive) - freed + len(own.reserved) >= KEY_LIMIT:
                return tuple(alive.values())
            own.reserved.add(identity)
            return None

    def queue(self, organization_id: str, identity: Identity) -> None:
        """Take a place in the order of those that will reserve a slot; nothing is asked, and nobody is refused yet."""
        with self._lock:
            own = self._organizations.setdefault(organization_id, _OrganizationQuota())
            if identity not in own.reserved:
                own.waiting[identity] = None

    def _serve_waiting(self, own: _OrganizationQuota, alive: int) -> None:
        """Give the free slots to those that wait, in the order in which they came; the others wait no longer."""
        with self._lock:
            waiting, own.waiting = own.waiting, {}
        own.reserved.update(islice(waiting, max(0, KEY_LIMIT - alive - len(own.reserved))))

    @contextmanager
    def minting(self, api: KeyApi, organization_id: str, identity: Identity) -> Iterator[None]:
        """Hold the slot of one declared key until its key is added; reserve it first if nobody did.

        A failure before that keeps the reservation, for the call may be repeated.

        Raises:
            OrganizationFull: There is no slot; nothing has been sent.
        """
        holders = self.reserve(api, organization_id, identity)
        if holders is not None:
            raise organization_full(organization_id, holders, self._clock)
        with self.writing(organization_id):
            yield

    @contextmanager
    def writing(self, organization_id: str) -> Iterator[None]:
        """Keep the shared list from being read again while a write of ours is under way."""
        own = self._of(organization_id)
        with own.lock:
            own.in_flight += 1
        try:
            yield
        finally:
            with own.lock:
                own.in_flight -= 1

    @contextmanager
    def lock(self, organization_id: str) -> Iterator[None]:
        """Let nobody else of this process look at the organization's keys, or use one, inside the block."""
        with self._of(organization_id).lock:
            yield

    def add(self, organization_id: str, key: IssuedKey, identity: Identity) -> None:
        """Apply a key that we made to the shared list; it holds the slot itself that its declared key had reserved."""
        own = self._of(organization_id)
        with own.lock:
            own.reserved.discard(identity)
            if own.alive is not None:
                own.alive[key.id] = OwnKey(key)

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
        own = self._of(organization_id)
        with own.lock:
            if own.alive is not None:
                own.alive.pop(key_id, None)

    def _of(self, organization_id: str) -> _OrganizationQuota:
        with self._lock:
            return self._organizations.setdefault(organization_id, _OrganizationQuota())

    def _read_ahead(self, api: KeyApi, organization_id: str) -> None:
        """Read the shared list for whoever needs it next; they ask again, and for themselves, if that fails."""
        own = self._of(organization_id)
        with own.lock:
            self._alive(own, api, organization_id, shares_failure=False)

    def _alive(
        self, own: _OrganizationQuota, api: KeyApi, organization_id: str, *, shares_failure: bool = True
    ) -> dict[str, ApiKey]:
        now = self._clock.monotonic()
        if own.failure is not None and now < own.shared_until:
            raise own.failure.copy()
        is_old = now - own.read_at > self._snapshot_seconds
        if own.alive is None or (is_old and not own.in_flight):
            try:
                with self._timing_lists():
                    own.alive = {key.id: key for key in api.list_keys(organization_id)}
            except AllomiaError as problem:
                if shares_failure:
                    self._share(own, problem, now)
                raise
            own.read_at, own.failure = now, None
            self._note(own.alive)
        return own.alive

    @contextmanager
    def _timing_lists(self) -> Iterator[None]:
        """Add the time in which a list was being read; lists side by side take it only once."""
        with self._lock:
            if not self._listing:
                self._listing_since = self._clock.monotonic()
            self._listing += 1
        try:
            yield
        finally:
            with self._lock:
                self._listing -= 1
                if not self._listing:
                    self._listing_seconds += self._clock.monotonic() - self._listing_since

    def _note(self, key_ids: Iterable[str]) -> None:
        """Remember keys that exist: no answer to a mint may have their ids. Nothing of ours is being made meanwhile."""
        with self._lock:
            self._seen.update(key_ids)

    @property
    def _snapshot_seconds(self) -> float:
        """Return how long a list is shared: a few seconds, and longer in a run that needs longer for its lists."""
        return min(LONGEST_SNAPSHOT_SECONDS, max(SNAPSHOT_SECONDS, LISTINGS_PER_SNAPSHOT * self._listing_seconds))

    def _share(self, own: _OrganizationQuota, problem: AllomiaError, started: float) -> None:
        """Share a failure that took long for as long as it took: whoever queued behind it does not wait as well."""
        now = self._clock.monotonic()
        if now - started > SNAPSHOT_SECONDS:
            own.failure, own.shared_until = problem, now + (now - started)


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
    reserved = "" if len(holders) >= KEY_LIMIT else ", and the other slots are promised to keys made in this run"
    return OrganizationFull(
        f"organization {organization_id} has no free key slot: {len(holders)} of {KEY_LIMIT} keys are alive"
        f"{reserved} ({describe_keys(holders, clock.now())})",
        f"Revoke one that nobody uses ({look_command(organization_id)}, then "
        f"{revoke_command(organization_id, 'KEY_ID')}), or run again when another key is gone.",
    )
