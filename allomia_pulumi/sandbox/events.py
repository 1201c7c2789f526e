"""The event log: what was really asked of the sandbox, in the order in which it was carried out."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from allomia_pulumi.sandbox.records import JsonObject

__all__ = ["Credential", "Event", "EventLog", "EventType", "undone_type"]

Credential: TypeAlias = Literal["tenant", "organization", "none", "unknown"]
EventType: TypeAlias = Literal[
    "listed",
    "minted",
    "revoked",
    "read",
    "verified",
    "call_read",
    "organization_read",
    "organizations_listed",
    "organization_created",
    "organization_updated",
    "organization_deactivated",
    "metadata_updated",
    "refused",
    "failed",
    "minted_by_hand",
    "revoked_by_hand",
    "organization_changed_by_hand",
    "organization_deactivated_by_hand",
]
FIRST_CLIENT_ERROR, FIRST_SERVER_ERROR = 400, 500


def undone_type(status: int) -> EventType:
    """Return the type of a request that was not carried out: a 4xx is `refused`, anything else is `failed`."""
    return "refused" if FIRST_CLIENT_ERROR <= status < FIRST_SERVER_ERROR else "failed"


class Event(BaseModel):
    """One request under `/api`, or one change made by hand.

    Attributes:
        type: What the sandbox did, whatever it answered: a mint that a fault answered with a 500 is `minted`.
        path: As on the wire, percent-encoded, without the query.
        status: What went over the wire, or would have; 0 when a connection was dropped before anything was done.
        organization_name: The name that a creation or an update asked for.
        key_id: The key in question, else the organization key that was presented.
        credential: What was presented, if it lives; `organization` also for a fresh key that is not accepted yet.
        records: How many call records were in the answer.
        pid: The process that asked, where the machine can tell.
        fault: The kind of the fault that applied.
        answered: Whether a complete answer went to a connection that was still open.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    seq: int
    at: str
    type: EventType
    method: str
    path: str
    status: int
    organization_id: str | None = None
    organization_name: str | None = None
    key_id: str | None = None
    key_name: str | None = None
    credential: Credential
    records: int | None = None
    user_agent: str
    pid: int | None = None
    fault: str | None = None
    answered: bool

    def to_wire(self) -> JsonObject:
        """Return the event without its absent fields."""
        return self.model_dump(by_alias=True, exclude_none=True)


class EventLog:
    """Events numbered from 1; none is ever removed or reordered."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._counts: Counter[str] = Counter(dict.fromkeys(get_args(EventType), 0))

    @property
    def last(self) -> int:
        """The number of the newest event, 0 when there is none."""
        return len(self._events)

    @property
    def counts(self) -> dict[str, int]:
        """How many events of each type there are."""
        return dict(self._counts)

    def append(self, event: Event) -> None:
        """Add the event, which carries the next number."""
        if event.seq != self.last + 1:
            raise ValueError("an event must carry the next number")
        self._events.append(event)
        self._counts[event.type] += 1

    def mark_answered(self, seq: int) -> None:
        """Record that the answer to this request went out completely."""
        self._events[seq - 1] = self._events[seq - 1].model_copy(update={"answered": True})

    def since(self, seq: int) -> list[Event]:
        """Return the events after that number."""
        return self._events[seq:]
