"""The doubts that a key which no record has is needed by nobody: one is enough to keep it.

Only what is certain may be revoked without asking. What is missing, unreadable or equal proves nothing, so each of it
is a doubt. All moments are AlloMia's own, from the one list that shows the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.marks import Mark, parse_mark

__all__ = ["LACKING", "UNSEARCHED", "Declared", "Listing", "Pending", "Resource", "Trace", "doubts_of", "traced_doubt"]

SAFE_AGE: Final = timedelta(hours=24)
PROVING_TIME: Final = timedelta(seconds=60)
"""A use within this time of its making is our own proof of the key."""

NO_RESOURCE: Final = "the state has no resource that it belongs to, and nothing tells who uses it"
OTHER_LINEAGE: Final = (
    "the state's resource has another lineage: it is a lost first creation that nothing witnessed, or the key of "
    "another state"
)
CURRENT_GONE: Final = "the key that the state has as current is not alive beside it"
NEWER: Final = "it was not made before the key that the state has as current"
NO_MOMENTS: Final = "AlloMia does not say when it, or the current key, was made"
FUTURE: Final = "it, or the current key, was made later than AlloMia's own clock says it is"
NO_DATE: Final = "AlloMia's list has no date to tell its age by"
YOUNG: Final = "it was made less than 24 h ago"
USE_UNKNOWN: Final = "AlloMia does not say whether it was used"
USED: Final = "it was used after it was made, so somebody may hold it"
OWED: Final = "its resource has something unfinished"
RETAINED: Final = "its resource is retained on delete"
COPIED: Final = "another key has the same mark, so that one of the names is a copy"
UNSEARCHED: Final = "history, Vault and other stacks were not looked through"

LACKING: Final = frozenset({NO_RESOURCE, OTHER_LINEAGE, CURRENT_GONE, NEWER})
"""The doubts that say: the state lacks what AlloMia has."""


@dataclass(frozen=True)
class Declared:
    """The record of one declared key in a stack.

    Attributes:
        resource: How the stack calls it.
        identities: Who it is, today and as recorded.
        owner: The recorded owner; None if the record has none.
        former: What it was known as before.
        lineage: Which life of the resource it is; None if the record does not say so.
        owed: Keys that its next update revokes.
        foreign: Keys that it took over with another declared key's mark.
        is_replaced: It waits for its deletion.
        is_readable: False when the record does not show its keys, so that any with its mark may be one of them.
        is_unfinished: Something of its last operation is still to be done.
        is_retained: Its key is to outlive it.
    """

    resource: str
    identities: tuple[Identity, ...]
    owner: str | None = None
    key_id: str | None = None
    previous_key_id: str | None = None
    owed: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    former: tuple[Origin, ...] = ()
    lineage: str | None = None
    is_replaced: bool = False
    is_readable: bool = True
    is_unfinished: bool = False
    is_retained: bool = False


@dataclass(frozen=True)
class Pending:
    """A declared key with an operation that was begun and has no recorded end.

    Attributes:
        is_creation: It makes a new key; the engine keeps such an operation until somebody clears it.
        lineage: The life that the new key was to begin or go on with, as the operation's inputs have it.
    """

    resource: str
    identity: Identity
    is_creation: bool = False
    lineage: str | None = None


@dataclass(frozen=True)
class Resource:
    """Everything that a stack has of one declared key."""

    stack: str
    name: str
    entries: tuple[Declared, ...] = ()
    pending: tuple[Pending, ...] = ()

    @property
    def lineages(self) -> frozenset[str]:
        """Return the lives that the state witnesses."""
        recorded = {each.lineage for each in self.entries}
        begun = {each.lineage for each in self.pending if each.is_creation}
        return frozenset(filter(None, recorded | begun))

    @property
    def current(self) -> Declared | None:
        """Return the record that goes on."""
        return next((each for each in self.entries if not each.is_replaced), None)

    def has_pending_for(self, key: ApiKey, listing: Listing) -> bool:
        """Tell whether a key may still be on its way into the record.

        A creation is over for what was made before the key that the record has by now: the engine keeps it all the
        same.
        """
        if not self.pending:
            return False
        current = listing.find(self.current.key_id) if self.current else None
        is_older = current is not None and _is_older(key, current)
        return not is_older or any(not each.is_creation for each in self.pending)


@dataclass(frozen=True)
class Listing:
    """One list of an organization's keys.

    Attributes:
        at: AlloMia's clock, as its answer has it.
    """

    organization_id: str
    keys: Sequence[ApiKey]
    at: datetime | None = None

    def find(self, key_id: str | None) -> ApiKey | None:
        """Return a key of the list."""
        return next((key for key in self.keys if key.id == key_id), None)


@dataclass(frozen=True)
class Trace:
    """A finding beyond the records: in a place in Vault, a checkpoint, another stack.

    Attributes:
        where: How people call what was looked at.
        key_ids: The keys that it names.
        unread: Why it does not tell which keys it names; empty if it does.
        organization_id: The only organization whose keys it may name; None for any.
    """

    where: str
    key_ids: frozenset[str] = frozenset()
    unread: str = ""
    organization_id: str | None = None


def doubts_of(key: ApiKey, mark: Mark, resource: Resource | None, listing: Listing) -> Iterator[str]:
    """Yield every doubt that the list and the record of the key's resource raise; what weighs most comes first."""
    if resource is None:
        yield NO_RESOURCE
    else:
        yield from _doubts_of_resource(key, mark, resource, listing)
    if Counter(_nonces(listing.keys))[mark.nonce] != 1:
        yield COPIED
    yield from _doubts_of_age(key, listing)
    yield from _doubts_of_use(key)


def traced_doubt(key_id: str, organization_id: str, traces: Iterable[Trace]) -> str:
    """Return the doubt that a look beyond the records raises, or nothing."""
    found = [each for each in traces if each.organization_id in {None, organization_id}]
    named = (f"{each.where} names it" for each in found if key_id in each.key_ids)
    unread = (f"{each.where} {each.unread}" for each in found if each.unread)
    return next(named, "") or next(unread, "")


def _doubts_of_resource(key: ApiKey, mark: Mark, resource: Resource, listing: Listing) -> Iterator[str]:
    if mark.lineage not in resource.lineages:
        yield OTHER_LINEAGE
    current = listing.find(resource.current.key_id) if resource.current else None
    if current is None:
        yield CURRENT_GONE
    elif key.created_at is None or current.created_at is None:
        yield NO_MOMENTS
    elif not _is_older(key, current):
        yield NEWER
    elif listing.at is not None and max(key.created_at, current.created_at) > listing.at:
        yield FUTURE
    if len(resource.entries) > 1 or any(each.is_unfinished or each.is_replaced for each in resource.entries):
        yield OWED
    if any(each.is_retained for each in resource.entries):
        yield RETAINED


def _doubts_of_age(key: ApiKey, listing: Listing) -> Iterator[str]:
    if listing.at is None:
        yield NO_DATE
    elif key.created_at is None:
        yield NO_MOMENTS
    elif listing.at - key.created_at < SAFE_AGE:
        yield YOUNG


def _doubts_of_use(key: ApiKey) -> Iterator[str]:
    if not key.is_use_known:
        yield USE_UNKNOWN
    elif key.last_used_at is not None:
        if key.created_at is None:
            yield NO_MOMENTS
        elif not timedelta() <= key.last_used_at - key.created_at <= PROVING_TIME:
            yield USED


def _is_older(key: ApiKey, other: ApiKey) -> bool:
    return key.created_at is not None and other.created_at is not None and key.created_at < other.created_at


def _nonces(keys: Iterable[ApiKey]) -> Iterator[str]:
    for key in keys:
        if mark := parse_mark(key.name):
            yield mark.nonce
