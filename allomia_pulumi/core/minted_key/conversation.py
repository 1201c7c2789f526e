"""What this process remembers between the engine's calls about one declared key.

The engine asks in an order that loses information: a replacement's check and create see no old state, a refresh asks
for a diff that must report only what the read found, and a repeated call brings the outputs of before the failure.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.minted_key.repeats import Outcome
from allomia_pulumi.core.minted_key.state import Identity, Origin, Reason

__all__ = ["Memory", "Planned", "Replacement"]


@dataclass(frozen=True)
class Replacement:
    """What a diff found out before the engine starts a replacement.

    Attributes:
        lineage: The lineage that the new key keeps; None if the record has none.
        owner: The recorded owner, for a run in which none is set.
        former: What the resource was known as before.
        made_place: The place in Vault whose secret the replaced key's resource made; None if it made none.
    """

    reason: Reason
    known_keys: frozenset[str]
    lineage: str | None = None
    owner: str = ""
    former: tuple[Origin, ...] = ()
    made_place: VaultLocation | None = None


@dataclass(frozen=True)
class Planned:
    """What a diff decided, for the update that follows it."""

    now: datetime
    has_slot: bool


@dataclass(frozen=True)
class _Read:
    """A record that was read: under which names and in which life a check may mean it."""

    identities: frozenset[Identity]
    lineage: str | None


@dataclass
class _Holder:
    """The keys of one record, and whose they were when it was last seen."""

    identity: Identity
    key_ids: set[str] = field(default_factory=set)


class Memory:
    """Remember reads, plans and outcomes by Pulumi id, replacements and creations by identity; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[str, _Read] = {}
        self._plans: dict[str, Planned] = {}
        self._replacements: dict[Identity, Replacement] = {}
        self._holders: dict[str, _Holder] = {}
        self._keys: set[str] = set()
        self._minted: set[str] = set()
        self._replaced: set[str] = set()
        self._held: dict[Identity, frozenset[str]] = {}
        self._imported: set[str] = set()
        self._creations: dict[Identity, Outcome] = {}
        self._updates: dict[str, Outcome] = {}
        self._left: dict[Identity, tuple[tuple[str, str], ...]] = {}
        self._turns: dict[Identity, threading.Lock] = {}

    @contextmanager
    def alone(self, identity: Identity) -> Iterator[None]:
        """Let one call at a time make keys for a declared key: one that comes twice finds what the first left."""
        with self._lock:
            turn = self._turns.setdefault(identity, threading.Lock())
        with turn:
            yield

    def remember_read(self, pulumi_id: str, identities: Iterable[Identity], lineage: str | None = None) -> None:
        """Note a successful read: the next diff of that id belongs to it."""
        with self._lock:
            self._reads[pulumi_id] = _Read(frozenset(identities), lineage)

    def take_read(self, pulumi_id: str) -> bool:
        """Tell whether a diff follows a read, and forget the read."""
        with self._lock:
            return self._reads.pop(pulumi_id, None) is not None

    def forget_reads(self, identities: Collection[Identity], lineage: str | None = None) -> None:
        """Forget reads of a declared key whose program runs now: the next diff is the program's.

        It is told by anything that it is or was known as, or by its lineage.
        """
        with self._lock:
            self._reads = {
                pulumi_id: read
                for pulumi_id, read in self._reads.items()
                if read.identities.isdisjoint(identities) and (lineage is None or read.lineage != lineage)
            }

    def remember_import(self, pulumi_id: str) -> None:
        """Note a key that this run imported."""
        with self._lock:
            self._imported.add(pulumi_id)

    def was_imported(self, pulumi_id: str) -> bool:
        """Tell whether this run imported the key."""
        with self._lock:
            return pulumi_id in self._imported

    def remember_plan(self, pulumi_id: str, planned: Planned) -> None:
        """Note what a diff decided."""
        with self._lock:
            self._plans[pulumi_id] = planned

    def plan(self, pulumi_id: str) -> Planned | None:
        """Return what the diff before this update decided; it holds until the update has succeeded."""
        with self._lock:
            return self._plans.get(pulumi_id)

    def replacement(self, identity: Identity) -> Replacement | None:
        """Return what the diff of a replacement noted; it holds until the creation has succeeded."""
        with self._lock:
            return self._replacements.get(identity)

    def remember_replacement(self, identity: Identity, replacement: Replacement) -> None:
        """Note why a replacement is about to start and which keys it replaces; a creation of before is none of its."""
        with self._lock:
            self._replacements[identity] = replacement
            self._creations.pop(identity, None)

    def remember_keys(self, pulumi_id: str, identity: Identity, key_ids: Iterable[str]) -> None:
        """Note the keys of a record that this process met or made: they are no strays."""
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
        """Return the keys that records of other declared keys hold, as far as this process met them."""
        with self._lock:
            others = [each.key_ids for each in self._holders.values() if each.identity != identity]
        return frozenset().union(*others)

    def remember_minted(self, key_id: str) -> None:
        """Note a key that this process made, and may undo."""
        with self._lock:
            self._minted.add(key_id)

    def has_minted(self, key_id: str) -> bool:
        """Tell whether this process made the key."""
        with self._lock:
            return key_id in self._minted

    def hold(self, identity: Identity, key_ids: Iterable[str]) -> None:
        """Note which keys the record of a declared key goes on holding, though an older record may know them too.

        A forced replacement adopts the same key again, and the engine deletes the older record when it can: at the end
        of that run, or of a later one, where the diff of the newer record comes first.
        """
        with self._lock:
            self._held[identity] = frozenset(key_ids)

    @property
    def held(self) -> frozenset[str]:
        """Return the keys whose deletion with an older record must not revoke them."""
        with self._lock:
            return frozenset().union(*self._held.values())

    @property
    def replaced(self) -> frozenset[str]:
        """Return the keys that creations of this process have rotated: a key that only moves is none of them."""
        with self._lock:
            return frozenset(self._replaced)

    def creation(self, identity: Identity) -> Outcome | None:
        """Return what a creation of this process left."""
        with self._lock:
            return self._creations.get(identity)

    def remember_creation(self, identity: Identity, outcome: Outcome) -> None:
        """Note what a creation left; one that is complete has used up what announced it."""
        with self._lock:
            self._creations[identity] = outcome
            self._left.pop(identity, None)
            replacement = self._replacements.get(identity)
            if outcome.is_complete:
                self._replacements.pop(identity, None)
            if replacement is not None and replacement.reason is not Reason.CREATED:
                self._replaced.update(replacement.known_keys)

    def update(self, pulumi_id: str) -> Outcome | None:
        """Return what an update of this process left."""
        with self._lock:
            return self._updates.get(pulumi_id)

    def remember_update(self, outcome: Outcome) -> None:
        """Note what an update left; one that is complete has used up its plan."""
        with self._lock:
            self._updates[outcome.pulumi_id] = outcome
            if outcome.is_complete:
                self._plans.pop(outcome.pulumi_id, None)

    def left_behind(self, identity: Identity) -> tuple[tuple[str, str], ...]:
        """Return the organization and id of each key that failed creations made and could not revoke."""
        with self._lock:
            return self._left.get(identity, ())

    def remember_left_behind(self, identity: Identity, organization_id: str, key_id: str) -> None:
        """Note a key that a failed creation made and could not revoke: a repeated one ends it first."""
        with self._lock:
            known = self._left.get(identity, ())
            self._left[identity] = tuple(dict.fromkeys((*known, (organization_id, key_id))))

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
