"""The undoing of a mint: what is revoked is what AlloMia shows with the mark of the attempt, not what it answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.marks import Mark, parse_mark
from allomia_pulumi.core.messages import look_command, revoke_command
from allomia_pulumi.core.minted_key.mint_answers import Doubt
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, TemporaryError, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock

__all__ = ["Undo"]


PAUSES: Final = (0.0, 0.5, 1.5)


@dataclass(frozen=True)
class MintSearchResult:
    """The result of a search for one attempt's keys.

    Attributes:
        made: Ids that AlloMia shows with the attempt's mark.
        is_foreign: Whether it shows the answered id under another name.
        failure: Why the last look failed; empty if it did not.
    """

    made: tuple[str, ...] = ()
    is_foreign: bool = False
    failure: str = ""


@dataclass(frozen=True)
class MintSearch:
    """Search for keys of one organization by the mark of an attempt.

    Attributes:
        is_old: Tells whether a key existed before the attempt: then no mark makes it the attempt's.
        is_hidden: Tells whether an id may not be used, since it contains a secret.
    """

    api: KeyApi
    clock: Clock
    organization_id: str
    is_old: Callable[[str], bool]
    is_hidden: Callable[[str], bool]

    def look(self, mark: Mark | None, answered: str | None) -> MintSearchResult:
        """Search until AlloMia shows the attempt's key, a few times: in the list, and at the answered id itself."""
        seen = MintSearchResult()
        for pause in PAUSES:
            self.clock.sleep(pause)
            seen = self._look_once(mark, answered)
            # A read that fails for a while has been repeated already.
            if seen.made or seen.failure:
                break
        return seen

    def _look_once(self, mark: Mark | None, answered: str | None) -> MintSearchResult:
        failure = ""
        names: dict[str, str] = {}
        try:
            names = {key.id: key.name for key in self.api.list_keys(self.organization_id)}
        except TemporaryError as problem:
            return MintSearchResult(failure=problem.message)
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
        return MintSearchResult(made, is_foreign, failure)

    def _is_new(self, key_id: str) -> bool:
        return not self.is_old(key_id) and not self.is_hidden(key_id)


@dataclass(frozen=True)
class Undo:
    """Undo what an attempt made, or name it.

    Attributes:
        is_old: Tells whether a key existed before.
    """

    api: KeyApi
    clock: Clock
    reporter: Reporter
    is_old: Callable[[str], bool]

    def undo_key(self, organization_id: str, minted: IssuedKey, why: str) -> str:
        """Revoke what AlloMia shows with the mark of a key that cannot be handed over; return what was done.

        Raises:
            KeyLeftBehind: AlloMia shows nothing of the kind, or it could not be revoked.
        """
        seen = MintSearch(
            self.api,
            self.clock,
            organization_id,
            is_old=lambda key_id: key_id != minted.id and self.is_old(key_id),
            is_hidden=lambda _: False,
        ).look(parse_mark(minted.name), minted.id)
        if not seen.made:
            # Its answer had the mark and a new id: that is enough to remember it by, unless AlloMia says otherwise.
            is_ours = bool(seen.failure) and not seen.is_foreign
            raise _left_behind(organization_id, minted.id, f"{why}. It was not revoked: {_unseen(seen)}", is_ours)
        for key_id in seen.made:
            self.revoke(organization_id, key_id, why)
        if minted.id in seen.made:
            return "; the key was revoked"
        return f"; the key that has its mark, {' and '.join(seen.made)}, was revoked, and {minted.id} was not touched"

    def undo_answer(self, organization_id: str, name: str, mark: Mark, doubt: Doubt) -> AllomiaError:
        """Settle by its mark what came of a request whose answer cannot be true, and return the error that says so."""
        asked = "what was asked for" if doubt.shows(name) else name
        what = f"AlloMia's answer to making key {asked} cannot be true: {doubt.why}"
        search = MintSearch(self.api, self.clock, organization_id, is_old=self.is_old, is_hidden=doubt.shows)
        seen = search.look(mark, doubt.key_id)
        if not seen.made:
            look = (
                f"Before the next run look with {look_command(organization_id)} for {asked}, and revoke what you find."
            )
            what += f". Nothing was revoked: {_unseen(seen)}"
            return _left_behind(organization_id, doubt.key_id or "", what, is_ours=False).with_hint(look)
        try:
            for key_id in seen.made:
                self.revoke(organization_id, key_id, what)
        except KeyLeftBehind as problem:
            return problem
        untouched = f", and {doubt.key_id} was not touched" if doubt.key_id and doubt.key_id not in seen.made else ""
        return UnexpectedAnswer(
            f"{what}; the key that has its mark, {' and '.join(seen.made)}, was revoked{untouched}",
            "Look at what stands between here and AlloMia, such as a proxy; if it stays so, tell AlloMia.",
        )

    def revoke(self, organization_id: str, key_id: str, why: str) -> None:
        """Revoke a key that AlloMia shows as ours and nobody can use, or name it in the error.

        Raises:
            KeyLeftBehind: It could not be revoked.
        """
        try:
            revoke_for_good(self.api, self.clock, organization_id, key_id, self.reporter.warn)
        except AllomiaError as problem:
            raise KeyLeftBehind(
                f"key {key_id} is alive in organization {organization_id} and nobody holds it: {why}, and revoking it "
                f"failed ({problem.message})",
                f"Revoke it with {revoke_command(organization_id, key_id)}.",
                organization_id=organization_id,
                key_id=key_id,
            ) from None


def _left_behind(organization_id: str, key_id: str, why: str, is_ours: bool) -> KeyLeftBehind:
    """Return the error for a key that is left alone, since nothing shows that it is the one that was made."""
    which = f"key {key_id}" if key_id else "a key"
    command = f" If it is, revoke it with {revoke_command(organization_id, key_id)}." if key_id else ""
    return KeyLeftBehind(
        f"{which} may be alive in organization {organization_id} and nobody holds it: {why}",
        f"See in AlloMia's dashboard whether it is what was made here.{command}",
        organization_id=organization_id,
        key_id=key_id,
        is_ours=is_ours,
    )


def _unseen(seen: MintSearchResult) -> str:
    if seen.is_foreign:
        return "AlloMia shows it under another name"
    return f"looking for it failed ({seen.failure})" if seen.failure else "AlloMia shows no key with its mark"
