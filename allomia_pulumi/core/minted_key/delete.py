"""The deletion of a minted key, its predecessor, what half-finished updates left, and the copies in Vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import SecretStore
from allomia_pulumi.core.marks import own_marks
from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AccessDenied, AllomiaError, RequestRefused
from allomia_pulumi.ground.clock import Clock

__all__ = ["Deletion"]

FORGET_KEY: Final = (
    "If its organization was deactivated and refuses everything, find the resource with `pulumi stack --show-urns` and "
    "remove it from the state with `pulumi state delete URN`."
)


@dataclass(frozen=True)
class Deletion:
    """The end of one declared key; safe to repeat, since a key that is proved gone counts as revoked.

    Attributes:
        kept: Keys that another record goes on using.
        rotated: Keys that this process has replaced: ending them is part of a rotation.
    """

    api: KeyApi
    clock: Clock
    store: Callable[[], SecretStore]
    quota: Quota
    reporter: Reporter
    kept: frozenset[str]
    rotated: frozenset[str]

    def delete(self, state: KeyState) -> None:
        """Revoke every key of the record, then clear Vault of them.

        Raises:
            AllomiaError: A key may be alive, or a copy in Vault; the message names it and the way out.
        """
        organization_id = state.record.settings.organization_id
        foreign = frozenset(state.record.foreign_keys) - self.rotated
        left = tuple(owed.key_id for owed in state.pending if owed.step is OwedStep.REVOKE)
        for key_id in dict.fromkeys(filter(None, (state.previous_key_id, state.key_id, *left))):
            if key_id in self.kept:
                self.reporter.warn(
                    f"key {key_id} was not revoked: it was adopted again by a forced replacement, and is in use. "
                    "Remove `adopt` from the program"
                )
                continue
            if key_id in foreign:
                self.reporter.warn(
                    f"key {key_id} was not revoked: it was taken over with the mark of another declared key, which may "
                    f"use it. If nobody does: {revoke_command(organization_id, key_id)}"
                )
                continue
            with _naming(organization_id, key_id), self.quota.writing(organization_id):
                revoked = revoke_for_good(self.api, self.clock, organization_id, key_id, self.reporter.warn)
                self.quota.remove(organization_id, key_id)
            self.reporter.info(revoked.describe(organization_id, key_id))
        # What Vault has of a kept key is the other record's now, and so are its marks; a key that lives on may be read.
        if not self.kept & state.key_ids and state.key_id not in foreign:
            self._withdraw(state)

    def _withdraw(self, state: KeyState) -> None:
        """Clear Vault of what this key wrote; a successor may have written already, even from version 1 again."""
        place = state.record.settings.vault_secret
        versions = state.record.vault_versions or tuple(filter(None, (state.vault_secret_version,)))
        if place is None or not versions:
            return
        try:
            stored = self.store().inspect_secret(place)
            is_own = stored.key_id in state.key_ids
            marks = own_marks(state.record.origins)
            if is_own or (stored.is_ours and stored.mark in marks and stored.version > max(versions)):
                key_id = stored.key_id if is_own and stored.key_id else state.key_id
                has_made_place = state.record.has_made_place
                self.store().withdraw_secret(place, versions, key_id=key_id, has_made_place=has_made_place)
            elif not stored.is_free:
                self.reporter.warn(
                    f"what stands at Vault {place} is not marked as this resource's, so it was not touched"
                )
        except AllomiaError as problem:
            problem.message = (
                f"key {state.key_id} is revoked; its copies at Vault {place} were not removed: " + problem.message
            )
            raise


@contextmanager
def _naming(organization_id: str, key_id: str) -> Iterator[None]:
    """Name the key that may be alive in every error, and the way to end it by hand."""
    try:
        yield
    except AllomiaError as problem:
        problem.message = f"key {key_id} of organization {organization_id} was not revoked: {problem.message}"
        problem.with_hint(f"By hand: {revoke_command(organization_id, key_id)}.")
        if isinstance(problem, (AccessDenied, RequestRefused)):
            problem.with_hint(FORGET_KEY)
        raise problem from None
