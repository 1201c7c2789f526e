"""Protocols between the faces and a resource's handler: one for each capability, in the core's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import Failure
from allomia_pulumi.core.listing import Page, PageRequest

__all__ = [
    "Abandons",
    "Call",
    "Change",
    "Checked",
    "Checks",
    "Creates",
    "Deletes",
    "Diffs",
    "Foresees",
    "Imports",
    "Lists",
    "Outputs",
    "Preview",
    "Previews",
    "Reads",
    "Resource",
    "Updates",
]


@dataclass(frozen=True)
class Checked:
    """The answer to check: inputs with the defaults filled in, or what is wrong with them."""

    inputs: dict[str, Any]
    failures: tuple[Failure, ...] = ()

    def failing(self, name: str, reason: str) -> Checked:
        """Return the same answer with one failure more."""
        return Checked(self.inputs, (*self.failures, Failure(name, reason)))


class Change(Protocol):
    """The answer to diff."""

    @property
    def replaces(self) -> Sequence[str]:
        """Return what makes a replacement necessary; empty for none."""
        ...

    @property
    def has_changes(self) -> bool:
        """Tell whether the engine has something to do."""
        ...

    @property
    def causes(self) -> Sequence[str]:
        """Name what is due, beside the inputs that changed, by paths such as `rotation.due`."""
        ...


class Outputs(Protocol):
    """The outputs of a resource, as the engine keeps them."""

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form, secrets in clear: the face marks them before they leave the process."""
        ...

    @property
    def secret_outputs(self) -> frozenset[str]:
        """Return the wire names of those that are secret."""
        ...


@dataclass(frozen=True)
class Preview:
    """The outputs of an update as far as a preview can tell them.

    Attributes:
        outputs: Those that are known, by their wire names; None for one that there will not be.
        unknown: The names of the others.
    """

    outputs: dict[str, Any]
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Call:
    """One call of the engine, beside the properties that it passes.

    Attributes:
        identity: The declared key that it is about.
        reporter: Takes what there is to say to people.
        pulumi_id: The key's id; empty before there is one.
        old_identity: The key's identity as its former inputs had it; None for a new one.
        seed: The engine's randomness for a new key; empty if it gives none.
        keeps_unfinished: The face keeps what exists without being finished, and fails all the same.
        announced: Organizations that the program declares keys for, in its order, as far as the face was told.
        is_foreseen: The face asks `foresee` of everything that is to be created, so check need not wait for answers.
    """

    identity: Identity
    reporter: Reporter
    pulumi_id: str = ""
    old_identity: Identity | None = None
    seed: bytes = b""
    keeps_unfinished: bool = False
    announced: tuple[str, ...] = ()
    is_foreseen: bool = False


class Checks(Protocol):
    """Validates inputs."""

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Checked:
        """Validate inputs and fill in defaults."""
        ...


class Diffs(Protocol):
    """Plans an update."""

    def diff(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Change:
        """Decide what to do."""
        ...


class Creates(Protocol):
    """Creates."""

    def create(self, news: Mapping[str, Any], call: Call) -> tuple[str, Outputs]:
        """Make it exist; return its Pulumi id and outputs.

        If the call keeps what is unfinished, one that exists without being finished is returned too, and the reporter
        is given what is owed; otherwise that is an error.
        """
        ...


class Reads(Protocol):
    """Refreshes."""

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> Outputs | None:
        """Return what is; None on proof that it is gone."""
        ...


class Updates(Protocol):
    """Updates in place."""

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Outputs:
        """Do what the diff decided."""
        ...


class Deletes(Protocol):
    """Deletes."""

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """End it."""
        ...


@runtime_checkable
class Imports(Protocol):
    """Imports what exists already."""

    def import_(self, pulumi_id: str, identity: Identity, reporter: Reporter) -> tuple[Outputs, dict[str, Any]]:
        """Return the outputs of what exists already, and the inputs that describe it."""
        ...


@runtime_checkable
class Lists(Protocol):
    """Lists what exists already, by ids that an import takes."""

    def list_page(self, query: Mapping[str, Any], asked: PageRequest, reporter: Reporter) -> Page | None:
        """Return a page of what the query finds; None while a part of the query is not known yet."""
        ...


@runtime_checkable
class Previews(Protocol):
    """Predicts the outputs of an update; of one that does not, a preview shows none as known."""

    def preview(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Preview:
        """Predict what the update that the last diff decided will leave; nothing is asked or done."""
        ...


@runtime_checkable
class Foresees(Protocol):
    """Says in a preview whether a create would fail, where the engine works in parallel; check is one after another."""

    def foresee(self, news: Mapping[str, Any], call: Call) -> None:
        """Ask what tells whether a create would fail; nothing is made.

        Raises:
            AllomiaError: It is certain to fail.
        """
        ...


@runtime_checkable
class Abandons(Protocol):
    """Undoes an operation whose answer nobody takes any more."""

    def abandon(self, before: Mapping[str, Any], after: Outputs, reporter: Reporter) -> None:
        """End what an operation made whose answer nobody takes any more: no record will ever know it.

        `before` are the outputs that stay in the state; empty for none.
        """
        ...


class Resource(Checks, Diffs, Creates, Reads, Updates, Deletes, Protocol):
    """All declared keys of one kind and one process; a face asks for the further capabilities by their protocols."""
