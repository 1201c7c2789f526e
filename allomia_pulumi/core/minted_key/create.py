"""Creating a declared key: adopt the one that the program names, or make one; and what becomes of a half-done one."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.minted_key.adopt import Adopter
from allomia_pulumi.core.minted_key.conversation import Replacement
from allomia_pulumi.core.minted_key.first_record import Kept, begin, begin_left_behind
from allomia_pulumi.core.minted_key.issue import Made, Maker, Undelivered
from allomia_pulumi.core.minted_key.mint import Order
from allomia_pulumi.core.minted_key.state import Adoption, Inputs, KeyState, Reason, Settings
from allomia_pulumi.errors import KeyLeftBehind
from allomia_pulumi.ground.clock import Clock

__all__ = ["Creation"]


@dataclass(frozen=True)
class Creation:
    """One creation of one declared key.

    Attributes:
        replacement: What the diff before found out, if this is a rotation by replacement.
        kept: What the record keeps beside the key.
        left_behind: Keys of earlier calls of this creation that could not be revoked, by organization and id.
        keeps_unfinished: Whether a key that exists without being finished is returned, and the reporter told what is
            owed; otherwise it is revoked, or an error names it.
    """

    inputs: Inputs
    settings: Settings
    order: Order
    replacement: Replacement | None
    adopter: Adopter
    maker: Maker
    clock: Clock
    reporter: Reporter
    kept: Kept
    left_behind: Collection[tuple[str, str]]
    keeps_unfinished: bool

    @property
    def adoption(self) -> Adoption | None:
        """Return the key to adopt; a replacement mints whatever the program says: that has done its work before."""
        wanted = self.inputs.adopt
        return wanted if isinstance(wanted, Adoption) and self.replacement is None else None

    def run(self) -> KeyState:
        """Return the record of the new key.

        Raises:
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            AllomiaError: No key exists.
        """
        try:
            self.maker.end_left_behind(self.left_behind)
            made = self._adopt_or_make()
            with self.maker.recording(self.order, made) if self.adoption is None else nullcontext():
                state = begin(made, self.order, self.settings, self.inputs, self._reason, self.clock.now(), self.kept)
        except KeyLeftBehind as problem:
            if not self.keeps_unfinished or not problem.is_ours:
                raise
            self.reporter.owe(f"{problem} The next `pulumi up` tries again.")
            return begin_left_behind(problem, self.order, self.settings, self.clock.now(), self.kept)
        for owed in state.pending:
            self.reporter.owe(f"key {state.key_id} exists and works, and {owed.why}. The next `pulumi up` tries again.")
        return state

    def _adopt_or_make(self) -> Made:
        if self.adoption is not None:
            return self.adopter.adopt(self.adoption, self.order, self.settings)
        is_kept = self.keeps_unfinished and self.settings.secret_in_state
        known = self.replacement.known_keys if self.replacement else frozenset()
        undelivered = Undelivered.KEEP if is_kept else Undelivered.REVOKE
        made = self.maker.make(
            self.order, self.settings, self.order.identity, known, former=self.kept.former, undelivered=undelivered
        )
        return replace(made, has_made_place=made.has_made_place or self._goes_on_at_a_made_place)

    @property
    def _goes_on_at_a_made_place(self) -> bool:
        """Tell whether the key goes where the one that it replaces had made the secret."""
        before = self.replacement.made_place if self.replacement else None
        place = self.settings.vault_secret
        return before is not None and place is not None and place.is_same(before)

    @property
    def _reason(self) -> Reason:
        if self.replacement is not None:
            return self.replacement.reason
        return Reason.CREATED if self.adoption is None else Reason.IMPORTED
