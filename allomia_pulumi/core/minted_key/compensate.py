"""Undoing a mint: what is revoked is what AlloMia shows with the mark of the attempt, never what it only answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.marks import Mark, parse_mark
from allomia_pulumi.core.messages import look_command, revoke_command
from allomia_pulumi.core.minted_key.mint_answers import Doubt
from allomia_pulumi.core.minted_key.mint_search import Lookout, Sighting
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock

__all__ = ["Undoing"]


@dataclass(frozen=True)
class Undoing:
    """End what an attempt made, or name it.

    Attributes:
        is_old: Tells whether a key existed before.
    """

    api: KeyApi
    clock: Clock
    reporter: Reporter
    is_old: Callable[[str], bool]

    def undo(self, organization_id: str, minted: IssuedKey, why: str) -> str:
        """Revoke what AlloMia shows with the mark of a key that cannot be handed over; return what was done.

        Raises:
            KeyLeftBehind: AlloMia shows nothing of the kind, or it could not be revoked.
        """
        seen = Lookout(
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

    def distrust(self, organization_id: str, name: str, mark: Mark, doubt: Doubt) -> AllomiaError:
        """Settle by its mark what came of a request whose answer cannot be true, and return the error that says so."""
        asked = "what was asked for" if doubt.shows(name) else name
        what = f"AlloMia's answer to making key {asked} cannot be true: {doubt.why}"
        lookout = Lookout(self.api, self.clock, organization_id, is_old=self.is_old, is_hidden=doubt.shows)
        seen = lookout.look(mark, doubt.key_id)
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


def _unseen(seen: Sighting) -> str:
    if seen.is_foreign:
        return "AlloMia shows it under another name"
    return f"looking for it failed ({seen.failure})" if seen.failure else "AlloMia shows no key with its mark"
