"""The conversation about organizations: which record has which, and what creations left for repeated calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.conversation import Conversation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.errors import OutcomeUnknown

__all__ = ["Attempt", "Creation", "OrganizationConversation"]


@dataclass(frozen=True)
class Creation:
    """The outcome of a creation, by what it was asked for."""

    asked: Mapping[str, Any]
    state: OrganizationState


@dataclass(frozen=True)
class Attempt:
    """A POST of this process with no answer that tells what became of it.

    Attributes:
        before: The organizations that AlloMia listed before it.
        problem: What became of the answer.
    """

    before: frozenset[str]
    problem: OutcomeUnknown


class OrganizationConversation(Conversation[None]):
    """Record claims of organizations by their ids, creations and attempts by identity; thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[str, set[Identity]] = {}
        self._holders: dict[str, set[str]] = {}
        self._creations: dict[Identity, Creation] = {}
        self._attempts: dict[Identity, Attempt] = {}
        self._declared: set[Identity] = set()
        self._announced: dict[Identity, str | None] = {}
        self._made: set[str] = set()
        self._said: set[str] = set()
        self._found: dict[str, tuple[str, ...]] = {}
        self._locks: dict[object, threading.RLock] = {}

    @contextmanager
    def lock(self, key: object) -> Iterator[None]:
        """Let one thread at a time into what has a key: a declaration, or a name."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            yield

    def warn_once(self, text: str, reporter: Reporter) -> None:
        """Warn of something that check and create both find, or several resources, once in a process."""
        with self._lock:
            is_new = text not in self._said
            self._said.add(text)
        if is_new:
            reporter.warn(text)

    def claim(self, organization_id: str, identity: Identity) -> bool:
        """Claim an organization for a declaration; False if another one of this process has claimed it."""
        with self._lock:
            claims = self._claims.setdefault(organization_id, set())
            if claims - {identity}:
                return False
            claims.add(identity)
            return True

    def is_claimed(self, organization_id: str) -> bool:
        """Tell whether a declaration of this process has an organization."""
        with self._lock:
            return bool(self._claims.get(organization_id))

    def hold(self, state: OrganizationState, identity: Identity) -> None:
        """Record that a record goes on using its organization, though an older record may have it too."""
        with self._lock:
            organization_id = state.record.organization_id
            self._claims.setdefault(organization_id, set()).add(identity)
            self._holders.setdefault(organization_id, set()).add(state.record.lineage or "")

    def is_held_by_another(self, state: OrganizationState) -> bool:
        """Tell whether another record of this process goes on using the organization of one that ends, or is to."""
        with self._lock:
            organization_id = state.record.organization_id
            others = self._holders.get(organization_id, set()) - {state.record.lineage or ""}
            return bool(others) or organization_id in self._announced.values()

    def record_declared(self, identity: Identity) -> None:
        """Record a declaration that the state has: to make it is to replace its organization."""
        with self._lock:
            self._declared.add(identity)

    def is_declared(self, identity: Identity) -> bool:
        """Tell whether the state has a declaration, as far as this process was told."""
        with self._lock:
            return identity in self._declared

    def announce(self, identity: Identity, adopted: str | None) -> None:
        """Record that a declaration is to be made in this run, or is to take over an organization."""
        with self._lock:
            self._announced[identity] = adopted

    def is_to_be_replaced(self, state: OrganizationState) -> bool:
        """Tell whether the declaration of a record that ends is still to get another organization in this run."""
        with self._lock:
            identity = state.record.identity
            return identity in self._announced and self._announced[identity] != state.record.organization_id

    def has_successor(self, state: OrganizationState) -> bool:
        """Tell whether the declaration of a record that ends has another organization by now."""
        with self._lock:
            others = (each for key, each in self._claims.items() if key != state.record.organization_id)
            return any(state.record.identity in identities for identities in others)

    def record_creation(self, identity: Identity, asked: Mapping[str, Any], state: OrganizationState) -> None:
        """Record the outcome of a creation: a call that repeats it is answered with that."""
        with self._lock:
            self._creations[identity] = Creation(dict(asked), state)
            self._attempts.pop(identity, None)
            self._announced.pop(identity, None)

    def creation(self, identity: Identity, asked: Mapping[str, Any]) -> OrganizationState | None:
        """Return what a creation with the same inputs has left."""
        with self._lock:
            found = self._creations.get(identity)
        return found.state if found is not None and found.asked == dict(asked) else None

    def record_attempt(self, identity: Identity, attempt: Attempt) -> None:
        """Record a POST whose outcome is unknown: no further one is sent in this run."""
        with self._lock:
            self._attempts[identity] = attempt

    def attempt(self, identity: Identity) -> Attempt | None:
        """Return the POST of this process whose outcome is unknown."""
        with self._lock:
            return self._attempts.get(identity)

    def record_made(self, organization_id: str) -> None:
        """Record an organization that this process made."""
        with self._lock:
            self._made.add(organization_id)

    def has_made(self, organization_id: str) -> bool:
        """Tell whether this process made an organization."""
        with self._lock:
            return organization_id in self._made

    def forget(self, state: OrganizationState) -> None:
        """Forget a record that has ended: a later creation of the same declaration is another one."""
        with self._lock:
            identity, organization_id = state.record.identity, state.record.organization_id
            self._declared.discard(identity)
            self._claims.get(organization_id, set()).discard(identity)
            self._holders.get(organization_id, set()).discard(state.record.lineage or "")
            found = self._creations.get(identity)
            if found is not None and found.state.record.organization_id == organization_id:
                self._creations.pop(identity)

    def record_found(self, resource: str, found: tuple[str, ...]) -> None:
        """Record which outputs a read of a resource changed, for the diff that follows it."""
        with self._lock:
            self._found[resource] = found

    def take_found(self, resource: str) -> tuple[str, ...]:
        """Return what the last read changed, and forget it."""
        with self._lock:
            return self._found.pop(resource, ())
