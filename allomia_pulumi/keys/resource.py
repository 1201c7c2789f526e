"""What every resource of this package offers to its faces: the engine's calls, answered in the core's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from allomia_pulumi.keys.fields import Failure
from allomia_pulumi.keys.models import Identity
from allomia_pulumi.keys.ports import Reporter

__all__ = ["Change", "Checked", "Outputs", "Resource"]


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


class Outputs(Protocol):
    """What the engine keeps of a resource."""

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form, secrets in clear: the face marks them before they leave the process."""
        ...


class Resource(Protocol):
    """All declared keys of one kind and one process."""

    def check(
        self,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
        *,
        old_identity: Identity | None = None,
    ) -> Checked:
        """Validate inputs and fill in defaults."""
        ...

    def diff(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> Change:
        """Decide what to do."""
        ...

    def create(self, news: Mapping[str, Any], identity: Identity, reporter: Reporter) -> tuple[str, Outputs]:
        """Make it exist; return its Pulumi id and outputs."""
        ...

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> Outputs | None:
        """Return what is; None on proof that it is gone."""
        ...

    def update(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> Outputs:
        """Do what the diff decided."""
        ...

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """End it."""
        ...
