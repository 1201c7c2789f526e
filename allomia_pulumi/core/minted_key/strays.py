"""Stray keys, which look like ours and nobody knows: they are named, and with too many no further one is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Origin
from allomia_pulumi.core.marks import Mark, own_marks, parse_mark
from allomia_pulumi.core.messages import describe_keys, orphans_command
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.errors import TooManyUnknownKeys
from allomia_pulumi.ground.clock import Clock

__all__ = ["MOST_UNKNOWN", "Strays"]

MOST_UNKNOWN: Final = 2
"""So many unknown keys of one resource may live beside its current key and its predecessor; then none is made."""


@dataclass(frozen=True)
class Strays:
    """Keys of one organization that carry a mark of one declared key, under anything that it is or was known as.

    Attributes:
        today: What the declared key is.
        former: What it was known as before. Others may go by that now, so there only its own lineage tells its keys.
        lineage: That lineage; None if nothing says which it is.
        known: Keys that its record has, or that this process made or met.
    """

    organization_id: str
    today: Origin
    former: Collection[Origin]
    lineage: str | None
    known: Collection[str]
    clock: Clock
    reporter: Reporter

    def find(self, alive: Iterable[ApiKey]) -> list[ApiKey]:
        """Return those among the keys alive that nobody knows."""
        marked = ((key, parse_mark(key.name)) for key in alive if key.id not in self.known)
        return [key for key, mark in marked if mark is not None and self._is_own(mark)]

    def _is_own(self, mark: Mark) -> bool:
        if mark.declared in own_marks([self.today]):
            return True
        return mark.declared in own_marks(self.former) and self.lineage in {None, mark.lineage}

    def refuse_further_keys(self, alive: Iterable[ApiKey]) -> None:
        """Refuse to make a key while too many are alive that may have been lost.

        Raises:
            TooManyUnknownKeys: Each further run would add one more; nothing was sent.
        """
        strays = self.find(alive)
        if len(strays) >= MOST_UNKNOWN:
            raise TooManyUnknownKeys(
                f"no further key is made: organization {self.organization_id} has {len(strays)} keys with this "
                "resource's mark that neither its record nor this run knows "
                f"({describe_keys(strays, self.clock.now())})",
                "Perhaps they are waiting for deletion: run `pulumi up` without this change first. If you force a "
                "replacement: add --refresh, so that this run knows the keys that are replaced. If runs were "
                f"interrupted, or the state could not be written: look with {orphans_command()}, and end them with "
                "--revoke. If another person's stack of the same names made them, set allomia:owner.",
            )

    def warn_before_creation(self, alive: Iterable[ApiKey]) -> None:
        """Warn that a key with this mark is alive; only the engine knows whether it is about to be replaced."""
        if strays := self.find(alive):
            self.reporter.warn(
                f"organization {self.organization_id} already has a key with this resource's mark: "
                f"{describe_keys(strays, self.clock.now())}. If this run replaces it, it is revoked at the end; if "
                f"not, it is left from an interrupted run: look with {orphans_command()}, and end it with --revoke"
            )

    def warn_beside(self, state: KeyState, alive: Iterable[ApiKey]) -> None:
        """Warn of keys with this mark that are in no record; one of them may be the successor of the recorded key."""
        if strays := self.find(alive):
            self.reporter.warn(
                f"organization {self.organization_id} has a key with this resource's mark that the record of key "
                f"{state.key_id} does not know: {describe_keys(strays, self.clock.now())}. It may be its successor, or "
                f"wait for its deletion: then the next `pulumi up` settles it. Otherwise it is left from an "
                f"interrupted run: look with {orphans_command()}, and end it with --revoke"
            )
