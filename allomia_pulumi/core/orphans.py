"""Orphans: the owner of each key of an organization, as far as its name and the records of stacks tell.

The rule is careful in one direction: what may belong to somebody is not called an orphan. It holds only for keys that
were listed *before* the records were read: a run that is under way then has its key among the records or the pending
operations, or has none yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.certainty import (
    LACKING,
    UNSEARCHED,
    Declared,
    Listing,
    Pending,
    Resource,
    Trace,
    doubts_of,
    traced_doubt,
)
from allomia_pulumi.core.marks import Mark, parse_mark, resource_mark, stack_mark

__all__ = ["Declared", "Knowledge", "Listing", "Pending", "StackRecord", "Trace", "Verdict", "Whose", "settle"]

NO_OWNER = "its mark has no owner, and another person's stack of the same project and name gives the same one"
UNDER_WAY = "an operation on its resource was begun and has no recorded end"
HIDDEN = "the record of its resource does not show which keys it has"
NEWER = "a newer allomia-pulumi wrote a record of the stack, and this one does not know which keys that has"


class Whose(StrEnum):
    """The part of a key for the stacks whose records were read."""

    CURRENT = "current"
    PREDECESSOR = "predecessor"
    OWED = "owed"
    REPLACED = "replaced"
    FOREIGN = "taken-over"
    UNSETTLED = "unsettled"
    ORPHAN = "orphan"
    OTHER = "other"
    BY_HAND = "by-hand"

    @property
    def is_declared(self) -> bool:
        """Tell whether a record has the key itself."""
        return self in {Whose.CURRENT, Whose.PREDECESSOR, Whose.OWED, Whose.REPLACED, Whose.FOREIGN}


@dataclass(frozen=True)
class StackRecord:
    """The knowledge of one stack.

    Attributes:
        label: How people call the stack.
        owners: Every owner under which it may have made keys.
        is_newer: A newer version of this package wrote some resource of it, of whatever kind, and may have keys where
            this one looks not.
    """

    label: str
    project: str
    stack: str
    owners: frozenset[str]
    declared: tuple[Declared, ...] = ()
    pending: tuple[Pending, ...] = ()
    is_newer: bool = False


@dataclass(frozen=True)
class Verdict:
    """The verdict on one key.

    Attributes:
        stack: The stack's label; empty for another's key and for one made by hand.
        resource: The declared key that it is, was or may become; empty if that is not known.
        doubt: For an orphan, why nobody may revoke it without looking; for an unsettled one, why it is that.
        is_lacking: For an orphan, whether the state lacks what AlloMia has, so that it may be the state which is wrong.
    """

    whose: Whose
    stack: str = ""
    resource: str = ""
    doubt: str = ""
    is_lacking: bool = False

    @property
    def is_of_stack(self) -> bool:
        """Tell whether one of the stacks has the key, or its mark names one."""
        return self.whose not in {Whose.OTHER, Whose.BY_HAND}

    @property
    def is_to_be_searched(self) -> bool:
        """Tell whether nothing speaks against it but what was not looked through yet."""
        return self.whose is Whose.ORPHAN and self.doubt == UNSEARCHED

    @property
    def is_certain(self) -> bool:
        """Tell whether this is a key that nobody needs."""
        return self.whose is Whose.ORPHAN and not self.doubt


def settle(verdict: Verdict, key: ApiKey, organization_id: str, traces: Iterable[Trace]) -> Verdict:
    """Return the verdict after history, Vault and other stacks were looked through."""
    if not verdict.is_to_be_searched:
        return verdict
    return replace(verdict, doubt=traced_doubt(key.id, organization_id, traces))


class Knowledge:
    """The knowledge of several stacks together."""

    def __init__(self, records: Iterable[StackRecord]) -> None:
        self._known: dict[str, Verdict] = {}
        self._stacks: dict[str, str] = {}
        self._without_owner: set[str] = set()
        self._newer: set[str] = set()
        self._resources: dict[str, list[Resource]] = {}
        for record in records:
            self._take(record)

    def judge(self, key: ApiKey, listing: Listing) -> Verdict:
        """Say whose a key is that was listed before the records were read; an orphan is never certain yet."""
        if key.id in self._known:
            return self._known[key.id]
        mark = parse_mark(key.name)
        if mark is None:
            return Verdict(Whose.BY_HAND)
        claims = [self._judge_for(key, mark, each, listing) for each in self._claiming(mark)]
        if not claims and mark.stack not in self._stacks:
            return Verdict(Whose.OTHER)
        claims = claims or [self._judge_for(key, mark, None, listing)]
        # Where several resources may have made it, whatever is unsettled or doubtful for one of them holds.
        return next(
            (each for each in claims if each.whose is Whose.UNSETTLED),
            next((each for each in claims if not each.is_to_be_searched), claims[0]),
        )

    def _claiming(self, mark: Mark) -> list[Resource]:
        """Return the resources that may have made a key: those with its lineage, else all with its mark."""
        found = self._resources.get(mark.declared, [])
        return [each for each in found if mark.lineage in each.lineages] or found

    def _judge_for(self, key: ApiKey, mark: Mark, resource: Resource | None, listing: Listing) -> Verdict:
        stack = resource.stack if resource else self._stacks[mark.stack]
        name = resource.name if resource else ""
        if stack in self._newer:
            return Verdict(Whose.UNSETTLED, stack, name, NEWER)
        if resource is not None:
            if resource.has_pending_for(key, listing):
                return Verdict(Whose.UNSETTLED, stack, name, UNDER_WAY)
            if not all(each.is_readable for each in resource.entries):
                return Verdict(Whose.UNSETTLED, stack, name, HIDDEN)
        doubts = list(doubts_of(key, mark, resource, listing))
        first = NO_OWNER if mark.stack in self._without_owner else next(iter(doubts), UNSEARCHED)
        return Verdict(Whose.ORPHAN, stack, name, first, is_lacking=not LACKING.isdisjoint(doubts))

    def _take(self, record: StackRecord) -> None:
        if record.is_newer:
            self._newer.add(record.label)
        owners = record.owners | {each.owner for each in record.declared if each.owner is not None}
        owners |= {former.owner for each in record.declared for former in each.former}
        for name, owner in product(_names(record), owners):
            mark = stack_mark(*name, owner)
            if not owner:
                self._without_owner.add(mark)
            is_todays = name == (record.project, record.stack)
            self._stacks[mark] = record.label if is_todays else self._stacks.get(mark, record.label)
        for resource in _resources(record):
            for mark in _marks(resource, owners):
                self._resources.setdefault(mark, []).append(resource)
        for declared in record.declared:
            self._take_keys(record, declared)

    def _take_keys(self, record: StackRecord, declared: Declared) -> None:
        named = [(declared.key_id, Whose.CURRENT), (declared.previous_key_id, Whose.PREDECESSOR)]
        others = [(each, Whose.OWED) for each in declared.owed]
        # What a record took over and has no other part for is no less its own.
        taken = [(each, Whose.FOREIGN) for each in declared.foreign - {key_id for key_id, _ in named + others}]
        for key_id, whose in (*named, *others, *taken):
            if key_id is None:
                continue
            as_found = Whose.REPLACED if declared.is_replaced else whose
            # A key of two records is what the one that goes on says it is.
            if key_id not in self._known or not declared.is_replaced:
                self._known[key_id] = Verdict(as_found, record.label, declared.resource)


def _names(record: StackRecord) -> Iterator[tuple[str, str]]:
    """Return the stack's name today and those that its keys remember."""
    identities = [identity for each in record.declared for identity in each.identities]
    identities += [former.identity for each in record.declared for former in each.former]
    names = ((identity.project, identity.stack) for identity in identities)
    yield from dict.fromkeys([(record.project, record.stack), *names])


def _resources(record: StackRecord) -> Iterator[Resource]:
    """Gather what a stack has of each declared key: its records, and the operations on it without an end."""
    names = dict.fromkeys([each.resource for each in record.declared] + [each.resource for each in record.pending])
    for name in names:
        entries = tuple(each for each in record.declared if each.resource == name)
        pending = tuple(each for each in record.pending if each.resource == name)
        yield Resource(record.label, name, entries, pending)


def _marks(resource: Resource, owners: Iterable[str]) -> set[str]:
    """Return every mark that keys of a resource may carry."""
    identities = {identity for each in resource.entries for identity in each.identities}
    identities |= {each.identity for each in resource.pending}
    marks = {resource_mark(identity, owner) for identity, owner in product(identities, owners)}
    return marks | {resource_mark(former.identity, former.owner) for each in resource.entries for former in each.former}
