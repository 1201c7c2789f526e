"""Roster of organizations: what AlloMia has, what it says of each, and which stack declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from allomia_pulumi.cli.access import Access, accesses
from allomia_pulumi.cli.clients import CONCURRENT_REQUESTS, Connections, Visible
from allomia_pulumi.cli.progress import tracked
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import declared_organizations, pending_organizations
from allomia_pulumi.cli.survey import read_states
from allomia_pulumi.cli.target import Target
from allomia_pulumi.edges.allomia import Organization, TenantClient
from allomia_pulumi.errors import AllomiaError, NotFound
from allomia_pulumi.ground.redaction import printable

__all__ = ["Declaration", "Entry", "Question", "Roster", "take_roster"]

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """What is asked about organizations.

    Attributes:
        ids: Which ones; without any, all that the tenant keys see.
        search: A part of the name, which AlloMia compares.
        asks_each: Whether each is asked for itself: only that tells whether it is active.
        asks_keys: Whether the keys of each are counted.
    """

    ids: tuple[str, ...] = ()
    search: str | None = None
    asks_each: bool = False
    asks_keys: bool = False


@dataclass(frozen=True)
class Declaration:
    """The resource of a stack that declares an organization, or was going to."""

    stack: str
    urn: str

    @property
    def name(self) -> str:
        """Return the stack and the logical name, for people."""
        return printable(f"{self.stack} {self.urn.rpartition('::')[2]}")


@dataclass(frozen=True)
class Entry:
    """An organization.

    Attributes:
        details: It as AlloMia showed it.
        is_active: Whether it is active; None if that was not asked, or not answered.
        access: The way on which it was seen.
        declared: The resources that declare it.
        perhaps: The resource whose creation has no recorded end, and may have made it.
        keys: How many keys it has; None if they were not counted.
        is_asked: Whether it was asked for itself, and answered.
    """

    id: str
    details: Organization
    is_active: bool | None
    access: Access
    declared: tuple[Declaration, ...]
    perhaps: Declaration | None
    keys: int | None
    is_asked: bool

    @property
    def name(self) -> str:
        """Return its name."""
        return self.details.name


@dataclass(frozen=True)
class Roster:
    """The organizations that were found, and what could not be read.

    Attributes:
        missing: The declared organizations that no list has, by id.
    """

    stacks: tuple[Stack, ...]
    entries: tuple[Entry, ...]
    failures: tuple[AllomiaError, ...]
    missing: Mapping[str, Declaration]


@dataclass
class _Answers:
    """What AlloMia said of one organization, and what went wrong."""

    visible: Visible
    access: Access
    details: Organization | None
    is_asked: bool = False
    keys: int | None = None
    problems: list[AllomiaError] = field(default_factory=list)


def take_roster(opened: Connections, target: Target, question: Question) -> Roster:
    """List organizations, ask for each what is in question, and say which stack declares it.

    Raises:
        AllomiaError: A stack does not show, or nothing could be read from AlloMia.
    """
    stacks = target.open()
    ways = [each for stack in stacks for each in accesses(stack, target.arguments)] or [Access({}, target.arguments)]
    visible, failures = opened.find_organizations(ways, question.ids, question.search)
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        asked = pool.map(lambda each: _ask(each, question), visible)
        answers = list(tracked(asked, len(visible), "organizations"))
    failures += [problem for each in answers for problem in each.problems]
    # Read once more, after the list: what a run under way has made meanwhile is in its state by now, or pending there.
    stacks = read_states(stacks)
    declared, pending = _declarations(stacks), _pending(stacks)
    entries = tuple(_entry(each, each.details, declared, pending) for each in answers if each.details is not None)
    if failures and not entries:
        raise failures[0]
    is_whole = not (question.ids or question.search or failures)
    missing = {key: each[0] for key, each in declared.items() if key not in {entry.id for entry in entries}}
    return Roster(tuple(stacks), entries, _distinct(failures), missing if is_whole else {})


def _ask(visible: Visible, question: Question) -> _Answers:
    """Ask for an organization through the first tenant key that sees it."""
    answers = _Answers(visible, visible.sights[0].access, visible.listed)
    organization_id = visible.organization_id
    if question.asks_each or question.ids:
        found = _first(visible, answers, lambda client: _read(client, organization_id))
        if found is not None:
            answers.details, answers.is_asked = found, True
    if question.asks_keys and answers.details is not None:
        keys = _first(visible, answers, lambda client: client.list_keys(organization_id))
        answers.keys = None if keys is None else len(keys)
    return answers


def _first(visible: Visible, answers: _Answers, ask: Callable[[TenantClient], T]) -> T | None:
    """Return the first answer that a tenant key gets; note why if none gets any."""
    problems: list[AllomiaError] = []
    for sight in visible.sights:
        try:
            answer = ask(sight.client)
        except AllomiaError as problem:
            problems.append(problem)
        else:
            answers.access = sight.access
            return answer
    # That another tenant's key does not see the organization tells least.
    answers.problems.append(next((each for each in problems if not isinstance(each, NotFound)), problems[0]))
    return None


def _read(client: TenantClient, organization_id: str) -> Organization:
    found = client.organization(organization_id)
    if found is None:
        raise NotFound(
            f"organization {organization_id} does not exist, or the tenant key from {client.source} does not see it",
            "Check the id, and that the tenant key is of the right tenant; `allomia organizations` shows what it sees.",
        )
    return found


def _entry(
    answers: _Answers,
    details: Organization,
    declared: Mapping[str, Sequence[Declaration]],
    pending: Sequence[_Pending],
) -> Entry:
    return Entry(
        id=answers.visible.organization_id,
        details=details,
        is_active=_is_active(details) if answers.is_asked else None,
        access=answers.access,
        declared=tuple(declared.get(answers.visible.organization_id, ())),
        perhaps=next((each.declaration for each in pending if each.may_be(details)), None),
        keys=answers.keys,
        is_asked=answers.is_asked,
    )


def _is_active(details: Organization) -> bool | None:
    """Tell whether an organization is active: its own word, and that nobody has deleted it."""
    return False if details.deleted_at is not None else details.is_active


@dataclass(frozen=True)
class _Pending:
    """An organization that may have been made by an operation without an end."""

    declaration: Declaration
    title: str
    email: str

    def may_be(self, details: Organization) -> bool:
        """Tell whether an organization has that name and, as far as both show, that e-mail address."""
        is_same = not self.email or details.email is None or details.email == self.email
        return bool(self.title) and details.name == self.title and is_same


def _declarations(stacks: Sequence[Stack]) -> dict[str, list[Declaration]]:
    found: dict[str, list[Declaration]] = {}
    for stack in stacks:
        for each in declared_organizations(stack.deployment):
            if each.id and not each.is_looked_up:
                found.setdefault(each.id, []).append(Declaration(stack.label, each.urn))
    return found


def _pending(stacks: Sequence[Stack]) -> list[_Pending]:
    return [
        _Pending(Declaration(stack.label, each.urn), each.title, each.email)
        for stack in stacks
        for each in pending_organizations(stack.deployment)
    ]


def _distinct(failures: Sequence[AllomiaError]) -> tuple[AllomiaError, ...]:
    """Return failures without repetitions: missing key endpoints are missing for every organization."""
    return tuple({each.message: each for each in reversed(failures)}.values())[::-1]
