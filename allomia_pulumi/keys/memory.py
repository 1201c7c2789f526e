"""What this process remembers between the engine's calls about one declared key.

The engine asks in an order that loses information: a replacement's check and create see no old state, and a refresh
asks for a diff that must report only what the read found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.keys.models import Identity, Place, Reason

__all__ = ["Memory", "Planned", "Replacement"]


@dataclass(frozen=True)
class Replacement:
    """What a diff found out before the engine starts a replacement."""

    reason: Reason
    known_keys: frozenset[str]
    lineage: str | None = None
    made_place: Place | None = None


@dataclass(frozen=True)
class Planned:
    """What a diff decided, for the update that follows it."""

    now: datetime
    has_slot: bool


class Memory:
    """Remember reads and plans by Pulumi id, and replacements by identity; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[str, Identity] = {}
        self._plans: dict[str, Planned] = {}
        self._replacements: dict[Identity, Replacement] = {}
        self._keys: set[str] = set()
        self._held: dict[Identity, frozenset[str]] = {}
        self._imported: set[str] = set()

    def remember_read(self, pulumi_id: str, identity: Identity) -> None:
        """Note a successful read: the next diff of that id belongs to it."""
        with self._lock:
            self._reads[pulumi_id] = identity

    def take_read(self, pulumi_id: str) -> bool:
        """Tell whether a diff follows a read, and forget the read."""
        with self._lock:
            return self._reads.pop(pulumi_id, None) is not None

    def forget_reads(self, identity: Identity) -> None:
        """Forget reads of a declared key whose program runs now: the next diff is the program's."""
        with self._lock:
            self._reads = {pulumi_id: seen for pulumi_id, seen in self._reads.items() if seen != identity}

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

    def take_plan(self, pulumi_id: str) -> Planned | None:
        """Return and forget what the diff before this update decided."""
        with self._lock:
            return self._plans.pop(pulumi_id, None)

    def replacement(self, identity: Identity) -> Replacement | None:
        """Return what the diff of a replacement noted."""
        with self._lock:
            return self._replacements.get(identity)

    def remember_replacement(self, identity: Identity, replacement: Replacement) -> None:
        """Note why a replacement is about to start and which keys it replaces."""
        with self._lock:
            self._replacements[identity] = replacement

    def take_replacement(self, identity: Identity) -> Replacement | None:
        """Return and forget what the diff before this create noted."""
        with self._lock:
            return self._replacements.pop(identity, None)

    def remember_keys(self, key_ids: Iterable[str]) -> None:
        """Note keys that this process made, or met in a record: they are no strays."""
        with self._lock:
            self._keys.update(key_ids)

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys that this process made or met."""
        with self._lock:
            return frozenset(self._keys)

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
