"""The conversation about minted keys: replacements, keys met, and what operations left for a call that repeats them.

A replacement's check and create see no old state. The engine's error hooks send the same call again, with the outputs
from before the failure: it would make a second key, or find nothing to do and lose what its diff had decided.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.conversation import Conversation
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.state import KeyState, Reason

__all__ = ["KeyConversation", "Outcome", "Planned", "Replacement"]


@dataclass(frozen=True)
class Replacement:
    """Facts of a record that a diff leaves for the creation that replaces it.

    Attributes:
        reason: Why the key is rotated; None if it moves to another organization.
        known_keys: The keys of the record.
        lineage: The lineage that the new key keeps; None if the record has none.
        owner: The recorded owner, for a run in which none is set.
        former: What the resource was known as before.
        made_place: The place in Vault whose secret the replaced key's resource made; None if it made none.
    """

    reason: Reason | None
    known_keys: frozenset[str]
    lineage: str | None = None
    owner: str = ""
    former: tuple[Origin, ...] = ()
    made_place: VaultLocation | None = None


@dataclass(frozen=True)
class Planned:
    """The moment of a diff, and whether it found a slot, for the update that follows it."""

    now: datetime
    has_slot: bool


@dataclass(frozen=True)
class Outcome:
    """The outcome of one create or update.

    Attributes:
        pulumi_id: The resource's id.
        asked: Digest of the inputs.
        before: Digest of the outputs that the call came with; empty for a creation.
        state: The state that it returned.
        is_complete: Whether nothing is left to do.
    """

    pulumi_id: str
    asked: str
    before: str
    state: KeyState
    is_complete: bool

    def is_of(self, asked: str, before: str = "") -> bool:
        """Tell whether a call with these digests repeats the one that left this."""
        return (self.asked, self.before) == (asked, before)


@dataclass
class _Holder:
    """The keys of one record, and whose they were when it was last seen."""

    identity: Identity
    key_ids: set[str] = field(default_factory=set)


class KeyConversation(Conversation[Planned]):
    """Record outcomes and keys by Pulumi id, replacements and creations by identity; thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._replacements: dict[Identity, Replacement] = {}
        self._coming: dict[Identity, Inputs] = {}
        self._holders: dict[str, _Holder] = {}
        self._keys: set[str] = set()
        self._minted: set[str] = set()
        self._rotated: set[str] = set()
        self._kept: dict[Identity, frozenset[str]] = {}
        self._imported: set[str] = set()
        self._creations: dict[Identity, Outcome] = {}
        self._updates: dict[str, Outcome] = {}
        self._left: dict[Identity, tuple[tuple[str, str], ...]] = {}
        self._locks: dict[Identity, threading.Lock] = {}

    @contextmanager
    def lock(self, identity: Identity) -> Iterator[None]:
        """Let one call at a time make keys for a declared key: one that comes twice finds what the first left."""
        with self._lock:
            lock = self._locks.setdefault(identity, threading.Lock())
        with lock:
            yield

    def record_import(self, pulumi_id: str) -> None:
        """Record a key that this run imported."""
        with self._lock:
            self._imported.add(pulumi_id)

    def was_imported(self, pulumi_id: str) -> bool:
        """Tell whether this run imported the key."""
        with self._lock:
            return pulumi_id in self._imported

    def record_replacement(self, identity: Identity, replacement: Replacement) -> None:
        """Record what a replacement that is about to start replaces; a creation of before is none of its."""
        with self._lock:
            self._replacements[identity] = replacement
            self._creations.pop(identity, None)

    def replacement(self, identity: Identity) -> Replacement | None:
        """Return what the diff of a replacement recorded; it holds until the creation has succeeded."""
        with self._lock:
            return self._replacements.get(identity)

    def record_coming(self, identity: Identity, inputs: Inputs) -> None:
        """Record a key that is to be made, and of which nobody has seen yet whether it can be."""
        with self._lock:
            self._coming[identity] = inputs

    def take_coming(self, identity: Identity) -> Inputs | None:
        """Return what the key that a declared key is to get was asked for, and forget it."""
        with self._lock:
            return self._coming.pop(identity, None)

    def record_keys(self, pulumi_id: str, identity: Identity, key_ids: Iterable[str]) -> None:
        """Record the keys of a record that this process met or made: they are no strays."""
        with self._lock:
            holder = self._holders.setdefault(pulumi_id, _Holder(identity))
            holder.identity = identity
            holder.key_ids.update(key_ids)
            self._keys.update(holder.key_ids)

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys that this process made or met."""
        with self._lock:
            return frozenset(self._keys)

    def keys_of_others(self, identity: Identity) -> frozenset[str]:
        """Return the keys of the records of other declared keys, as far as this process met them."""
        with self._lock:
            others = [each.key_ids for each in self._holders.values() if each.identity != identity]
        return frozenset().union(*others)

    def record_minted(self, key_id: str) -> None:
        """Record a key that this process made, and may undo."""
        with self._lock:
            self._minted.add(key_id)

    def has_minted(self, key_id: str) -> bool:
        """Tell whether this process made the key."""
        with self._lock:
            return key_id in self._minted

    def record_kept(self, identity: Identity, key_ids: Iterable[str]) -> None:
        """Record which keys a declared key's record goes on using, though an older record may have them too.

        A forced replacement adopts the same key again, and the engine deletes the older record when it can: at the end
        of that run, or of a later one, where the diff of the newer record comes first.
        """
        with self._lock:
            self._kept[identity] = frozenset(key_ids)

    @property
    def kept_keys(self) -> frozenset[str]:
        """Return the keys whose deletion with an older record must not revoke them."""
        with self._lock:
            return frozenset().union(*self._kept.values())

    @property
    def rotated_keys(self) -> frozenset[str]:
        """Return the keys that creations of this process have rotated: a key that only moves is none of them."""
        with self._lock:
            return frozenset(self._rotated)

    def record_creation(self, identity: Identity, outcome: Outcome) -> None:
        """Record the outcome of a creation; one that is complete has used up what announced it."""
        with self._lock:
            self._creations[identity] = outcome
            self._left.pop(identity, None)
            replacement = self._replacements.get(identity)
            if outcome.is_complete:
                self._replacements.pop(identity, None)
            if replacement is not None and replacement.reason is not None:
                self._rotated.update(replacement.known_keys)

    def creation(self, identity: Identity) -> Outcome | None:
        """Return the outcome of a creation of this process."""
        with self._lock:
            return self._creations.get(identity)

    def record_update(self, outcome: Outcome) -> None:
        """Record the outcome of an update; one that is complete has used up its plan."""
        with self._lock:
            self._updates[outcome.pulumi_id] = outcome
            if outcome.is_complete:
                self._plans.pop(outcome.pulumi_id, None)

    def update(self, pulumi_id: str) -> Outcome | None:
        """Return the outcome of an update of this process."""
        with self._lock:
            return self._updates.get(pulumi_id)

    def record_left_behind(self, identity: Identity, organization_id: str, key_id: str) -> None:
        """Record a key that a failed creation made and could not revoke: a repeated one ends it first."""
        with self._lock:
            known = self._left.get(identity, ())
            self._left[identity] = tuple(dict.fromkeys((*known, (organization_id, key_id))))

    def left_behind(self, identity: Identity) -> tuple[tuple[str, str], ...]:
        """Return the organization and id of each key that failed creations made and could not revoke."""
        with self._lock:
            return self._left.get(identity, ())

    def forget_record(self, key_ids: Collection[str]) -> None:
        """Forget what operations left whose current key is one of these: the record is ended, or nobody took it."""
        with self._lock:
            self._creations = {
                identity: each for identity, each in self._creations.items() if each.state.key_id not in key_ids
            }
            self._left = {
                identity: tuple(each for each in left if each[1] not in key_ids)
                for identity, left in self._left.items()
            }
            ended = [each.pulumi_id for each in self._updates.values() if each.state.key_id in key_ids]
            for pulumi_id in ended:
                self._updates.pop(pulumi_id)
                self._plans.pop(pulumi_id, None)
            self._holders = {
                pulumi_id: each for pulumi_id, each in self._holders.items() if each.key_ids.isdisjoint(key_ids)
            }
