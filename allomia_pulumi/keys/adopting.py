"""Taking over a key that exists already: nothing is minted, and nothing is taken over that is not proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from allomia_pulumi.clock import Clock
from allomia_pulumi.errors import CredentialRejected, NotFound, UnexpectedAnswer
from allomia_pulumi.keys.delivering import SecretStore, owner_mark
from allomia_pulumi.keys.making import Made, Maker
from allomia_pulumi.keys.marks import parse_mark
from allomia_pulumi.keys.minting import Order
from allomia_pulumi.keys.models import Adoption, Settings
from allomia_pulumi.keys.ports import ApiKey, KeyApi, Reporter
from allomia_pulumi.keys.proof import prove_patiently
from allomia_pulumi.keys.wording import look_command

__all__ = ["Adopter"]


USE_PAUSES = (0.0, 1.1, 1.1)
"""AlloMia may tell when a key was used in whole seconds, and other keys may be used at the same time."""


@dataclass(frozen=True)
class AdoptedKey:
    """A key that exists, with the secret that Vault has of it."""

    id: str
    name: str
    key: SecretStr
    created_at: datetime


@dataclass(frozen=True)
class Adopter:
    """Adopt keys through one tenant's AlloMia."""

    api: KeyApi
    store: Callable[[], SecretStore]
    maker: Maker
    clock: Clock
    reporter: Reporter

    def adopt(self, adoption: Adoption, order: Order, settings: Settings) -> Made:
        """Find the key, read its secret, prove it, and deliver it where the settings say.

        Raises:
            NotFound: The organization has no such key, or Vault no such secret.
            CredentialRejected: AlloMia does not accept the secret.
            UnexpectedAnswer: AlloMia saw another key used than the one that was named.
            AllomiaError: Nothing was adopted.
        """
        before = self._list(order.organization_id)
        found = before.get(adoption.key_id)
        if found is None:
            raise NotFound(
                f"organization {order.organization_id} has no key {adoption.key_id} to adopt",
                f"Look with {look_command(order.organization_id)}. If it was adopted before and has been rotated or "
                "revoked since, remove `adopt` from the program.",
            )
        secret = self.store().read_secret(adoption.vault_secret)
        self._prove(adoption, order.organization_id, secret, before)
        self._name_foreign_mark(found, order)
        key = AdoptedKey(found.id, found.name, secret, found.created_at or self.clock.now())
        return self.maker.hand_over(order, settings, key)

    def _list(self, organization_id: str) -> dict[str, ApiKey]:
        return {key.id: key for key in self.api.list_keys(organization_id)}

    def _prove(self, adoption: Adoption, organization_id: str, secret: SecretStr, before: dict[str, ApiKey]) -> None:
        """Prove the secret, and see by `lastUsedAt` that it is the named key's, as far as AlloMia tells."""
        for pause in USE_PAUSES:
            self.clock.sleep(pause)
            try:
                prove_patiently(self.api, self.clock, organization_id, secret, f"Vault {adoption.vault_secret}")
            except CredentialRejected as problem:
                raise problem.with_hint("Nothing was adopted: put the secret of that key there.") from None
            after = self._list(organization_id)
            used = {key.id for key in after.values() if key.last_used_at != _last_used(before.get(key.id))}
            if used == {adoption.key_id}:
                return
            if used and adoption.key_id not in used:
                raise UnexpectedAnswer(
                    f"the secret at Vault {adoption.vault_secret} seems to be that of key {min(used)}, not of "
                    f"{adoption.key_id}: AlloMia saw that one used; nothing was adopted",
                    "Correct adopt.keyId or adopt.vaultSecret. If that key was used by somebody else just now, run "
                    "again.",
                )
            before = after
        self.reporter.warn(
            f"AlloMia accepts the secret at Vault {adoption.vault_secret}, but does not tell for certain whether it is "
            f"that of key {adoption.key_id}: compare them in its dashboard before you rotate or destroy"
        )

    def _name_foreign_mark(self, found: ApiKey, order: Order) -> None:
        mark = parse_mark(found.name)
        if mark is not None and f"{mark.stack}{mark.resource}" != owner_mark(order.identity, order.owner):
            self.reporter.warn(
                f"key {found.id} carries the mark of another declared key: make sure that no other stack, and no other "
                "resource, rotates or revokes it"
            )


def _last_used(key: ApiKey | None) -> datetime | None:
    return key.last_used_at if key else None
