"""One new key, from the free slot to the hand-over: preflight, mint, prove, deliver.

From the mint on, a key is handed over, or revoked, or named in an error; design section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, OutcomeUnknown
from allomia_pulumi.keys.delivering import Delivery, SecretStore, Stored, check_ownership, owner_mark
from allomia_pulumi.keys.minting import Minter, Order
from allomia_pulumi.keys.models import Identity, Settings
from allomia_pulumi.keys.ports import KeyApi, MintedKey
from allomia_pulumi.keys.slots import Ledger

__all__ = ["Made", "Maker"]


@dataclass(frozen=True)
class Made:
    """A key that can be handed over.

    Attributes:
        vault_version: The KV version that holds it, if it was delivered.
        owed: Why the delivery is still owed; empty if it is not.
    """

    key: MintedKey
    vault_version: int | None = None
    owed: str = ""


class Maker:
    """Make keys through one tenant's AlloMia, and deliver them where the settings say."""

    def __init__(self, api: KeyApi, store: Callable[[], SecretStore], ledger: Ledger, minter: Minter) -> None:
        self._api = api
        self._store = store
        self._ledger = ledger
        self._minter = minter

    def make(
        self,
        order: Order,
        settings: Settings,
        slot: Identity,
        known_keys: Collection[str],
        *,
        keeps_undelivered: bool = False,
    ) -> Made:
        """Make a key, in the slot promised to an identity.

        `known_keys` are keys of this declared key that Vault may hold now. With `keeps_undelivered`, a key whose
        delivery and revocation both failed is handed over, since its secret is kept in state; the delivery is owed.

        Raises:
            KeyLeftBehind: A key was made, can neither be handed over nor revoked, and is named.
            AllomiaError: No key exists.
        """
        stored = self._preflight(order, settings, known_keys)
        with self._ledger.minting(self._api, order.organization_id, slot):
            minted, is_proved = self._minter.mint(order), False
            try:
                with self._minter.revoking_on_failure(order.organization_id, minted):
                    if settings.verify:
                        self._minter.prove(order.organization_id, minted)
                    is_proved = True
                    made = self._deliver(order, settings, minted, stored, keeps_undelivered=keeps_undelivered)
            except KeyLeftBehind:
                self._ledger.add(order.organization_id, minted)
                if keeps_undelivered and is_proved and self._is_alive(order.organization_id, minted.id):
                    return Made(minted, owed="it was not written to Vault")
                raise
            self._ledger.add(order.organization_id, minted)
        return made

    def hand_over(self, order: Order, settings: Settings, key: MintedKey) -> Made:
        """Deliver a key that exists already, if the settings say so; it is not revoked when that fails."""
        stored = self._preflight(order, settings, frozenset({key.id}))
        return self._deliver(order, settings, key, stored, keeps_undelivered=False)

    def _is_alive(self, organization_id: str, key_id: str) -> bool:
        """Tell for certain whether a key is alive whose revocation went wrong: the answer may be all that was lost."""
        try:
            return any(key.id == key_id for key in self._api.list_keys(organization_id))
        except AllomiaError:
            return False

    def _preflight(self, order: Order, settings: Settings, known_keys: Collection[str]) -> Stored | None:
        """See that the key can be delivered before anything is sent."""
        place = settings.vault_secret
        if place is None:
            return None
        stored = self._store().preflight_delivery(place)
        check_ownership(place, stored, owner_mark(order.identity, order.owner), known_keys)
        return stored

    def _deliver(
        self,
        order: Order,
        settings: Settings,
        minted: MintedKey,
        stored: Stored | None,
        *,
        keeps_undelivered: bool,
    ) -> Made:
        """Write the key to Vault; one that may stand there already is not revoked under its readers if it is kept."""
        place = settings.vault_secret
        if place is None or stored is None:
            return Made(minted)
        mark = owner_mark(order.identity, order.owner)
        delivery = Delivery(minted.key, minted.id, order.organization_id, mark, stored.version)
        try:
            return Made(minted, self._store().deliver_secret(place, delivery))
        except OutcomeUnknown as problem:
            if keeps_undelivered:
                return Made(minted, owed=f"it may not have been written to Vault: {problem.message}")
            problem.message += f"; Vault {place} may hold a key that is revoked"
            raise
