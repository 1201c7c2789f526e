"""The conversation with the engine: facts of its earlier calls of this run about declared keys.

The engine asks in an order that loses information: a refresh asks for a diff that must report only what the read
found, and an update does not say what its diff decided.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from allomia_pulumi.core.identity import Identity

__all__ = ["Conversation"]

P = TypeVar("P")


@dataclass(frozen=True)
class _Read:
    """A record that was read: under which names and in which life a check may mean it."""

    identities: frozenset[Identity]
    lineage: str | None


class Conversation(Generic[P]):
    """Record reads and plans by Pulumi id; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[str, _Read] = {}
        self._plans: dict[str, P] = {}

    def record_read(self, pulumi_id: str, identities: Iterable[Identity], lineage: str | None = None) -> None:
        """Record a successful read: the next diff of that id belongs to it."""
        with self._lock:
            self._reads[pulumi_id] = _Read(frozenset(identities), lineage)

    def take_read(self, pulumi_id: str) -> bool:
        """Tell whether a diff follows a read, and forget the read."""
        with self._lock:
            return self._reads.pop(pulumi_id, None) is not None

    def forget_reads(self, identities: Collection[Identity], lineage: str | None = None) -> None:
        """Forget reads of a declared key whose program runs now: the next diff is the program's.

        It is recognised by anything that it is or was known as, or by its lineage.
        """
        with self._lock:
            self._reads = {
                pulumi_id: read
                for pulumi_id, read in self._reads.items()
                if read.identities.isdisjoint(identities) and (lineage is None or read.lineage != lineage)
            }

    def record_plan(self, pulumi_id: str, plan: P) -> None:
        """Record what a diff decided."""
        with self._lock:
            self._plans[pulumi_id] = plan

    def plan(self, pulumi_id: str) -> P | None:
        """Return what the last diff decided, until it is forgotten."""
        with self._lock:
            return self._plans.get(pulumi_id)

    def forget_plan(self, pulumi_id: str) -> None:
        """Forget what the last diff decided: it is done."""
        with self._lock:
            self._plans.pop(pulumi_id, None)
