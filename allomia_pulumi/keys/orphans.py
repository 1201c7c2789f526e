"""Whose each key of an organization is, as far as its name and the records of stacks tell.

The rule is careful in one direction: what may belong to somebody is not called an orphan. It holds only for keys that
were listed *before* the records were read: a run that is under way then has its key among the records or the pending
operations, or has none yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import product

from allomia_pulumi.keys.marks import parse_mark, resource_mark, stack_mark
from allomia_pulumi.keys.models import Identity
from allomia_pulumi.keys.ports import ApiKey

__all__ = ["Declared", "Knowledge", "Pending", "StackRecord", "Verdict", "Whose"]

PROVING_TIME = timedelta(hours=1)
"""A use within this time of its making is our own proof of the key, whatever waits and retries came between."""

NO_OWNER = "its mark has no owner, and another person's stack of the same project and name gives the same one"
FORMER_NAME = "its mark is that of a former name of the stack, which another stack may have taken since"
USED = "it was used long after it was made, so somebody may hold it"
UNDER_WAY = "an operation on its resource was begun and has no recorded end"
HIDDEN = "the record of its resource does not show which keys it has"


class Whose(StrEnum):
    """What a key is to the stacks whose records were read."""

    CURRENT = "current"
    PREDECESSOR = "predecessor"
    OWED = "owed"
    REPLACED = "replaced"
    UNSETTLED = "unsettled"
    ORPHAN = "orphan"
    OTHER = "other"
    BY_HAND = "by-hand"

    @property
    def is_declared(self) -> bool:
        """Tell whether a record has the key itself."""
        return self in {Whose.CURRENT, Whose.PREDECESSOR, Whose.OWED, Whose.REPLACED}


@dataclass(frozen=True)
class Declared:
    """What a stack's record has of one declared key.

    Attributes:
        resource: How the stack calls it.
        identities: Who it is, today and as recorded.
        owner: The recorded owner; None if the record has none.
        owed: Keys that its next update revokes.
        is_replaced: It waits for its deletion.
        is_readable: False when the record does not show its keys, so that any with its mark may be one of them.
    """

    resource: str
    identities: tuple[Identity, ...]
    owner: str | None = None
    key_id: str | None = None
    previous_key_id: str | None = None
    owed: frozenset[str] = frozenset()
    is_replaced: bool = False
    is_readable: bool = True


@dataclass(frozen=True)
class Pending:
    """A declared key with an operation that was begun and has no recorded end."""

    resource: str
    identity: Identity


@dataclass(frozen=True)
class StackRecord:
    """What one stack knows.

    Attributes:
        label: How people call the stack.
        owners: Every owner under which it may have made keys.
    """

    label: str
    project: str
    stack: str
    owners: frozenset[str]
    declared: tuple[Declared, ...] = ()
    pending: tuple[Pending, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whose a key is.

    Attributes:
        stack: The stack's label; empty for another's key and for one made by hand.
        resource: The declared key that it is, was or may become; empty if that is not known.
        doubt: For an orphan, why nobody may revoke it without looking; for an unsettled one, why it is that.
    """

    whose: Whose
    stack: str = ""
    resource: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class _Origin:
    label: str
    doubt: str


class Knowledge:
    """What several stacks know together."""

    def __init__(self, records: Iterable[StackRecord]) -> None:
        self._known: dict[str, Verdict] = {}
        self._unsettled: dict[str, Verdict] = {}
        self._origins: dict[str, _Origin] = {}
        self._resources: dict[str, str] = {}
        for record in records:
            self._take(record)

    def judge(self, key: ApiKey) -> Verdict:
        """Say whose a key is that was listed before the records were read."""
        if key.id in self._known:
            return self._known[key.id]
        mark = parse_mark(key.name)
        if mark is None:
            return Verdict(Whose.BY_HAND)
        if mark.declared in self._unsettled:
            return self._unsettled[mark.declared]
        origin = self._origins.get(mark.stack)
        if origin is None:
            return Verdict(Whose.OTHER)
        resource = self._resources.get(mark.declared, "")
        return Verdict(Whose.ORPHAN, origin.label, resource, origin.doubt or _doubt_of_use(key))

    def _take(self, record: StackRecord) -> None:
        owners = record.owners | {each.owner for each in record.declared if each.owner is not None}
        for name, owner in product(_names(record), sorted(owners, reverse=True)):
            doubt = NO_OWNER if not owner else FORMER_NAME if name != (record.project, record.stack) else ""
            mark = stack_mark(*name, owner)
            self._origins[mark] = _less_doubtful(self._origins.get(mark), _Origin(record.label, doubt))
        for declared in record.declared:
            self._take_declared(record, declared, owners)
        for mark, resource, why in _unsettled_marks(record, owners):
            self._unsettled[mark] = Verdict(Whose.UNSETTLED, record.label, resource, why)

    def _take_declared(self, record: StackRecord, declared: Declared, owners: Iterable[str]) -> None:
        for identity, owner in product(declared.identities, owners):
            self._resources.setdefault(resource_mark(identity, owner), declared.resource)
        named = [(declared.key_id, Whose.CURRENT), (declared.previous_key_id, Whose.PREDECESSOR)]
        for key_id, whose in (*named, *((owed, Whose.OWED) for owed in declared.owed)):
            if key_id is None:
                continue
            as_found = Whose.REPLACED if declared.is_replaced else whose
            # A key of two records is what the one that goes on says it is.
            if key_id not in self._known or not declared.is_replaced:
                self._known[key_id] = Verdict(as_found, record.label, declared.resource)


def _names(record: StackRecord) -> Iterator[tuple[str, str]]:
    """Return the stack's name today and those that its keys remember."""
    identities = (identity for each in record.declared for identity in each.identities)
    names = ((identity.project, identity.stack) for identity in identities)
    yield from dict.fromkeys([(record.project, record.stack), *names])


def _unsettled_marks(record: StackRecord, owners: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Return the marks whose keys may be on their way into the record, or in a part of it that does not show."""
    begun = {each.resource for each in record.pending}
    found = [(each.resource, each.identity, UNDER_WAY) for each in record.pending]
    for declared in record.declared:
        if declared.resource in begun or not declared.is_readable:
            why = HIDDEN if declared.resource not in begun else UNDER_WAY
            found += [(declared.resource, identity, why) for identity in declared.identities]
    for (resource, identity, why), owner in product(found, owners):
        yield resource_mark(identity, owner), resource, why


def _less_doubtful(known: _Origin | None, new: _Origin) -> _Origin:
    return known if known is not None and not known.doubt else new


def _doubt_of_use(key: ApiKey) -> str:
    if key.last_used_at is None or key.created_at is None or key.last_used_at - key.created_at <= PROVING_TIME:
        return ""
    return USED
