"""The adoption of a key that exists already: nothing is minted, and nothing is taken over that is not proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import SecretStore
from allomia_pulumi.core.messages import look_command
from allomia_pulumi.core.minted_key.inputs import Adoption
from allomia_pulumi.core.minted_key.inspect import Inspector
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest
from allomia_pulumi.core.minted_key.issue import Issuer
from allomia_pulumi.core.minted_key.state import Settings
from allomia_pulumi.errors import NotFound

__all__ = ["Adopter"]


@dataclass(frozen=True)
class AdoptedKey:
    """A key that exists, with the secret that Vault has of it."""

    id: str
    name: str
    secret: SecretStr
    created_at: datetime
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Adopter:
    """Adopt keys through one tenant's AlloMia."""

    inspector: Inspector
    store: Callable[[], SecretStore]
    issuer: Issuer

    def adopt(self, adoption: Adoption, request: KeyRequest, settings: Settings) -> Issuance:
        """Find the key, read its secret, prove it, and deliver it where the settings say.

        Raises:
            NotFound: The organization has no such key, or Vault no such secret.
            CredentialRejected: AlloMia does not accept the secret.
            UnexpectedAnswer: AlloMia saw another key used than the one that was named.
            AllomiaError: Nothing was adopted.
        """
        with self.inspector.lock(request.organization_id):
            found = self.inspector.find(request.organization_id, adoption.key_id)
            if found is None:
                raise NotFound(
                    f"organization {request.organization_id} has no key {adoption.key_id} to adopt",
                    f"Look with {look_command(request.organization_id)}. If it was adopted before and has been rotated "
                    "or revoked since, remove `adopt` from the program.",
                )
            secret = self.store().read_secret(adoption.vault_secret)
            self.inspector.prove(found, secret, f"Vault {adoption.vault_secret}")
        is_foreign = self.inspector.is_foreign(found, request.identity, request.owner)
        key = AdoptedKey(found.key.id, found.key.name, secret, self.inspector.made_at(found))
        return replace(self.issuer.deliver_existing(request, settings, key), is_foreign=is_foreign)
