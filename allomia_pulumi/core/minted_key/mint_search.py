"""Looking for what one attempt to mint made: by its mark, which no other key has, and patiently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.core.marks import Mark, parse_mark
from allomia_pulumi.errors import AllomiaError, TemporaryError
from allomia_pulumi.ground.clock import Clock

__all__ = ["Lookout", "Sighting"]

PAUSES: Final = (0.0, 0.5, 1.5)


@dataclass(frozen=True)
class Sighting:
    """What was seen of one attempt.

    Attributes:
        made: Ids that AlloMia shows with the attempt's mark.
        is_foreign: Whether it shows the answered id under another name.
        failure: Why the last look failed; empty if it did not.
    """

    made: tuple[str, ...] = ()
    is_foreign: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Lookout:
    """Look for keys of one organization by the mark of an attempt.

    Attributes:
        is_old: Tells whether a key existed before the attempt: then no mark makes it the attempt's.
        is_hidden: Tells whether an id may not be used, since it contains a secret.
    """

    api: KeyApi
    clock: Clock
    organization_id: str
    is_old: Callable[[str], bool]
    is_hidden: Callable[[str], bool]

    def look(self, mark: Mark | None, answered: str | None) -> Sighting:
        """Look until AlloMia shows the attempt's key, a few times: in the list, and at the answered id itself."""
        seen = Sighting()
        for pause in PAUSES:
            self.clock.sleep(pause)
            seen = self._look_once(mark, answered)
            # A read that fails for a while has been repeated already.
            if seen.made or seen.failure:
                break
        return seen

    def _look_once(self, mark: Mark | None, answered: str | None) -> Sighting:
        failure = ""
        names: dict[str, str] = {}
        try:
            names = {key.id: key.name for key in self.api.list_keys(self.organization_id)}
        except TemporaryError as problem:
            return Sighting(failure=problem.message)
        except AllomiaError as problem:
            failure = problem.message
        if answered and answered not in names:
            try:
                found = self.api.find_key(self.organization_id, answered)
            except AllomiaError as problem:
                failure = failure or problem.message
            else:
                names |= {found.id: found.name} if found else {}
        made = tuple(
            key_id for key_id, name in names.items() if mark and parse_mark(name) == mark and self._is_new(key_id)
        )
        is_foreign = answered in names and answered not in made
        return Sighting(made, is_foreign, failure)

    def _is_new(self, key_id: str) -> bool:
        return not self.is_old(key_id) and not self.is_hidden(key_id)
