"""Survey of AlloMia and of stacks: every living key, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.access import Access, accesses
from allomia_pulumi.cli.clients import Connections, Holding, Survey
from allomia_pulumi.cli.doctor.steps import shorten
from allomia_pulumi.cli.exit_codes import warn
from allomia_pulumi.cli.stacks import Stack, read_again
from allomia_pulumi.cli.state import declared_keys, declared_organizations, newer_records, record_of
from allomia_pulumi.cli.target import Target
from allomia_pulumi.cli.traces import checkpoint_traces, stack_traces
from allomia_pulumi.cli.vault_copies import vault_traces
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.orphans import Knowledge, Trace, Verdict, settle
from allomia_pulumi.ground.redaction import printable

__all__ = ["Row", "View", "knowledge_now", "read_states", "search", "take_survey"]

CONCURRENT_READS = 4


@dataclass(frozen=True)
class Row:
    """A key, where it is, and whose; `verdict` is None when no stack was asked."""

    holding: Holding
    key: ApiKey
    verdict: Verdict | None = None


@dataclass(frozen=True)
class View:
    """The result of one survey.

    Attributes:
        unsearched: The stacks whose history and backups cannot be looked through from here.
    """

    stacks: tuple[Stack, ...]
    survey: Survey
    rows: tuple[Row, ...]
    unsearched: tuple[str, ...] = ()

    @cached_property
    def _used(self) -> frozenset[str]:
        declared = (key.organization_id for stack in self.stacks for key in declared_keys(stack.deployment))
        itself = (each.id for stack in self.stacks for each in declared_organizations(stack.deployment))
        theirs = (row.holding.organization_id for row in self.rows if row.verdict and row.verdict.is_of_stack)
        return frozenset((*declared, *itself, *theirs))

    def is_used(self, holding: Holding) -> bool:
        """Tell whether the stacks declare an organization or keys of it, or it has keys that they made."""
        return holding.organization_id in self._used


def take_survey(opened: Connections, target: Target, organizations: Sequence[str]) -> View:
    """List the keys of the organizations, and judge them by what the stacks know.

    Raises:
        AllomiaError: A stack does not show, or nothing could be read from AlloMia.
    """
    stacks = target.open()
    arguments = target.arguments
    ways = [access for stack in stacks for access in accesses(stack, arguments)] or [Access({}, arguments)]
    warn_of_newer_records(stacks)
    survey = opened.survey(ways, organizations)
    # The states are read once more, after the keys: a run that is under way has put each key that was listed into its
    # state by now, or still has the operation pending there. The other way round a key made between would look lost.
    stacks = read_states(stacks)
    knowledge = Knowledge(record_of(stack, os.environ) for stack in stacks) if stacks else None
    rows = [
        Row(holding, key, knowledge.judge(key, holding.listing) if knowledge else None)
        for holding in survey.holdings
        for key in holding.keys
    ]
    return View(tuple(stacks), survey, tuple(rows))


def warn_of_newer_records(stacks: Iterable[Stack]) -> None:
    """Say of which resources this version does not know what they have."""
    for stack in stacks:
        if names := newer_records(stack):
            warn(
                f"a newer allomia-pulumi wrote records of {stack.label}, and {__version__} does not know which keys "
                f"they have: {printable(shorten(names))}; no key of the stack is called an orphan",
                "Upgrade allomia-pulumi to the version that wrote them, or a later one.",
            )


def search(opened: Connections, view: View, arguments: Mapping[str, str]) -> View:
    """Look beyond the states for keys against whose end nothing else speaks: in Vault, history and other stacks."""
    keys = [row.key for row in view.rows if row.verdict and row.verdict.is_to_be_searched]
    if not keys:
        return view
    found, unsearched = checkpoint_traces(view.stacks, keys)
    traces = vault_traces(opened, view.stacks, arguments) + found
    # States of other stacks are asked for one by one, which takes long: only for what nothing else names.
    if any(row.verdict and row.verdict.is_certain for row in _settled(view.rows, traces)):
        traces += stack_traces(view.stacks, keys)
    return replace(view, rows=_settled(view.rows, traces), unsearched=tuple(unsearched))


def _settled(rows: Iterable[Row], traces: Sequence[Trace]) -> tuple[Row, ...]:
    return tuple(
        replace(row, verdict=settle(row.verdict, row.key, row.holding.organization_id, traces)) if row.verdict else row
        for row in rows
    )


def knowledge_now(stacks: Sequence[Stack]) -> Knowledge:
    """Return what the stacks know by now: since the keys were listed, one may have been adopted or imported."""
    return Knowledge(record_of(stack, os.environ) for stack in read_states(stacks))


def read_states(stacks: Iterable[Stack]) -> list[Stack]:
    """Return the stacks with their states as they are now."""
    with ThreadPoolExecutor(CONCURRENT_READS) as pool:
        return list(pool.map(read_again, stacks))
