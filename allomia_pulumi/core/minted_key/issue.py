"""One new key, from the free slot to the hand-over: preflight, mint, prove, deliver.

From the mint on, a key is handed over, or revoked, or named in an error; design section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.vault_delivery import Delivery, SecretStore, StoredSecret
from allomia_pulumi.core.marks import resource_mark
from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.minted_key.deliver import check_ownership
from allomia_pulumi.core.minted_key.identity import own_marks
from allomia_pulumi.core.minted_key.mint import Minter, Order
from allomia_pulumi.core.minted_key.state import Identity, Origin, Settings
from allomia_pulumi.core.quota import Ledger
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, OutcomeUnknown

__all__ = ["Made", "Maker", "Undelivered"]


class Undelivered(Enum):
    """What becomes of a key that works and could not be written to Vault."""

    REVOKE = "revoke it: nobody could hand it over"
    KEEP_IF_ALIVE = "revoke it; if that fails, keep it, since its secret is kept in state"
    KEEP = "keep it, since its secret is kept in state"


@dataclass(frozen=True)
class Made:
    """A key that can be handed over.

    Attributes:
        vault_version: The KV version that holds it, if it was delivered.
        owed: Why the delivery is still owed; empty if it is not.
        is_foreign: Whether it was taken over with another declared key's mark.
        has_made_place: Whether the delivery made the secret in Vault: there was none before.
        stood: What stood in Vault before the delivery.
    """

    key: IssuedKey
    vault_version: int | None = None
    owed: str = ""
    is_foreign: bool = False
    has_made_place: bool = False
    stood: StoredSecret | None = None


class Maker:
    """Make keys through one tenant's AlloMia, and deliver them where the settings say.

    Args:
        api: The tenant's AlloMia.
        store: Vault.
        ledger: The slots.
        minter: Sends the request.
        others: Keys that records of other declared keys hold: a place that has one of them is theirs.
    """

    def __init__(
        self,
        api: KeyApi,
        store: Callable[[], SecretStore],
        ledger: Ledger,
        minter: Minter,
        others: Collection[str] = (),
    ) -> None:
        self._api = api
        self._store = store
        self._ledger = ledger
        self._minter = minter
        self._others = others

    def make(
        self,
        order: Order,
        settings: Settings,
        slot: Identity,
        known_keys: Collection[str],
        *,
        former: Collection[Origin] = (),
        undelivered: Undelivered = Undelivered.REVOKE,
    ) -> Made:
        """Make a key, in the slot promised to an identity.

        `known_keys` are keys of this declared key that Vault may hold now, and `former` what it was known as before:
        either makes a secret in Vault its own. `undelivered` says what becomes of a key
        whose delivery fails; if it is kept, the delivery is owed.

        Raises:
            KeyLeftBehind: A key was made, can neither be handed over nor revoked, and is named.
            AllomiaError: No key exists.
        """
        stored = self._preflight(order, settings, known_keys, former)
        with self._ledger.minting(self._api, order.organization_id, slot):
            minted, is_proved = self._minter.mint(order), False
            try:
                with self._minter.revoking_on_failure(order.organization_id, minted):
                    if settings.verify:
                        self._minter.prove(order.organization_id, minted)
                    is_proved = True
                    made = self._deliver_new(order, settings, minted, stored, undelivered)
                    self._ledger.add(order.organization_id, minted)
            except KeyLeftBehind as problem:
                self._ledger.add(order.organization_id, minted)
                may_keep = is_proved and problem.is_ours and undelivered is not Undelivered.REVOKE
                if may_keep and self._is_alive(order.organization_id, minted.id):
                    return Made(minted, owed="it was not written to Vault")
                raise
        return made

    def end_left_behind(self, left_behind: Iterable[tuple[str, str]]) -> None:
        """Revoke keys that earlier calls of the same creation made and could not revoke.

        Raises:
            KeyLeftBehind: One still cannot be revoked, so no further one is made.
        """
        for organization_id, key_id in left_behind:
            with self._ledger.writing(organization_id):
                self._minter.revoke_left_behind(organization_id, key_id)
                self._ledger.remove(organization_id, key_id)

    def recording(self, order: Order, made: Made) -> AbstractContextManager[None]:
        """Revoke a key that was made when making its record fails: even a fault of ours costs no key silently."""
        return self._minter.revoking_on_failure(order.organization_id, made.key)

    def hand_over(self, order: Order, settings: Settings, key: IssuedKey) -> Made:
        """Deliver a key that exists already, if the settings say so; it is not revoked when that fails."""
        stored = self._preflight(order, settings, frozenset({key.id}))
        return self._deliver(order, settings, key, stored, Undelivered.REVOKE)

    def _is_alive(self, organization_id: str, key_id: str) -> bool:
        """Tell for certain whether a key is alive whose revocation went wrong: the answer may be all that was lost."""
        try:
            return any(key.id == key_id for key in self._api.list_keys(organization_id))
        except AllomiaError:
            return False

    def _preflight(
        self, order: Order, settings: Settings, known_keys: Collection[str], former: Collection[Origin] = ()
    ) -> StoredSecret | None:
        """See that the key can be delivered before anything is sent."""
        place = settings.vault_secret
        if place is None:
            return None
        stored = self._store().preflight_delivery(place)
        origin = Origin(identity=order.identity, owner=order.owner)
        check_ownership(place, stored, own_marks((origin, *former)), known_keys, self._others)
        return stored

    def _deliver_new(
        self,
        order: Order,
        settings: Settings,
        minted: IssuedKey,
        stored: StoredSecret | None,
        undelivered: Undelivered,
    ) -> Made:
        """Deliver a new key; one that may stand in Vault is not revoked under its readers.

        Raises:
            KeyLeftBehind: Nobody knows whether it was written.
            AllomiaError: It was not.
        """
        try:
            return self._deliver(order, settings, minted, stored, undelivered)
        except OutcomeUnknown as problem:
            raise KeyLeftBehind(
                f"key {minted.id} of organization {order.organization_id} is alive, and whether Vault "
                f"{settings.vault_secret} holds it is not known, so it was not revoked: {problem.message}",
                "Run again: that writes another key there. Then end this one with "
                f"{revoke_command(order.organization_id, minted.id)}.",
                organization_id=order.organization_id,
                key_id=minted.id,
                is_ours=False,
            ) from None

    def _deliver(
        self,
        order: Order,
        settings: Settings,
        minted: IssuedKey,
        stored: StoredSecret | None,
        undelivered: Undelivered,
    ) -> Made:
        """Write the key to Vault; one that may stand there already is not revoked under its readers if it is kept."""
        place = settings.vault_secret
        if place is None or stored is None:
            return Made(minted)
        mark = resource_mark(order.identity, order.owner)
        delivery = Delivery(minted.secret, minted.id, order.organization_id, mark, stored.version)
        try:
            version = self._store().deliver_secret(place, delivery)
            return Made(minted, version, has_made_place=not stored.exists, stood=stored)
        except OutcomeUnknown as problem:
            if undelivered is not Undelivered.REVOKE:
                owed = f"it may not have been written to Vault: {problem.message}"
                return Made(minted, owed=owed, has_made_place=not stored.exists)
            raise
        except AllomiaError as problem:
            if undelivered is Undelivered.KEEP:
                return Made(minted, owed=f"it was not written to Vault: {problem}".rstrip("."))
            raise
