"""The issue of one new key, from the free slot to the hand-over: preflight, mint, verify, deliver.

From the mint on, a key is handed over, or revoked, or named in an error; design section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import SecretStore
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.minted_key.deliver import deliver, deliver_new, preflight_delivery
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest, Undelivered
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.core.minted_key.state import Settings
from allomia_pulumi.core.minted_key.verify import verify_new_key
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind
from allomia_pulumi.ground.clock import Clock

__all__ = ["Issuer"]


@dataclass(frozen=True)
class Issuer:
    """Issue keys through one tenant's AlloMia, and deliver them where the settings say.

    Attributes:
        others: Keys that records of other declared keys hold: a place that has one of them is theirs.
    """

    api: KeyApi
    store: Callable[[], SecretStore]
    clock: Clock
    reporter: Reporter
    quota: Quota
    minter: Minter
    others: Collection[str] = ()

    def issue(
        self,
        request: KeyRequest,
        settings: Settings,
        slot: Identity,
        known_keys: Collection[str],
        *,
        former: Collection[Origin] = (),
        undelivered: Undelivered = Undelivered.REVOKE,
    ) -> Issuance:
        """Issue a key, in the slot reserved for an identity.

        `known_keys` are keys of this declared key that Vault may hold now, and `former` what it was known as before:
        either makes a secret in Vault its own. `undelivered` says what becomes of a key
        whose delivery fails; if it is kept, the delivery is owed.

        Raises:
            KeyLeftBehind: A key was made, can neither be handed over nor revoked, and is named.
            AllomiaError: No key exists.
        """
        organization_id, place = request.organization_id, settings.vault_secret
        stored = preflight_delivery(self.store, place, (request.origin, *former), known_keys, self.others)
        with self.quota.minting(self.api, organization_id, slot):
            key, is_proved = self.minter.mint(request), False
            try:
                with self.minter.revoking_on_failure(organization_id, key):
                    if settings.verify:
                        verify_new_key(self.api, self.clock, self.reporter, organization_id, key)
                    is_proved = True
                    issued = deliver_new(self.store, request, place, key, stored, undelivered)
                    self.quota.add(organization_id, key, slot)
            except KeyLeftBehind as problem:
                self.quota.add(organization_id, key, slot)
                may_keep = is_proved and problem.is_ours and undelivered is not Undelivered.REVOKE
                if may_keep and self._is_alive(organization_id, key.id):
                    return Issuance(key, owed="it was not written to Vault")
                raise
        return issued

    def revoke_left_behind(self, left_behind: Iterable[tuple[str, str]]) -> None:
        """Revoke keys that earlier calls of the same creation made and could not revoke.

        Raises:
            KeyLeftBehind: One still cannot be revoked, so no further one is made.
        """
        for organization_id, key_id in left_behind:
            with self.quota.writing(organization_id):
                self.minter.revoke_left_behind(organization_id, key_id)
                self.quota.remove(organization_id, key_id)

    def revoking_on_failure(self, request: KeyRequest, issued: Issuance) -> AbstractContextManager[None]:
        """Revoke a key that was made when making its record fails: even a fault of ours costs no key silently."""
        return self.minter.revoking_on_failure(request.organization_id, issued.key)

    def deliver_existing(self, request: KeyRequest, settings: Settings, key: IssuedKey) -> Issuance:
        """Deliver a key that exists already, if the settings say so; it is not revoked when that fails."""
        place = settings.vault_secret
        stored = preflight_delivery(self.store, place, (request.origin,), frozenset({key.id}), self.others)
        return deliver(self.store, request, place, key, stored, Undelivered.REVOKE)

    def _is_alive(self, organization_id: str, key_id: str) -> bool:
        """Tell for certain whether a key is alive whose revocation went wrong: the answer may be all that was lost."""
        try:
            return any(key.id == key_id for key in self.api.list_keys(organization_id))
        except AllomiaError:
            return False
