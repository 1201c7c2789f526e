"""The inspection of a key that somebody else made: does it exist, is a secret its own, whose mark does it carry?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import parse_mark, resource_mark
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.core.verification import prove_patiently
from allomia_pulumi.errors import CredentialRejected, InvalidInput, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock

__all__ = ["Existing", "Inspector"]


USE_PAUSES: Final = (0.0, 1.1, 1.1)
"""AlloMia may tell when a key was used in whole seconds, and other keys may be used at the same time."""


@dataclass(frozen=True)
class Existing:
    """A key of an organization, and the list that it stood in."""

    key: ApiKey
    organization_id: str
    listed: Mapping[str, ApiKey]


@dataclass(frozen=True)
class Inspector:
    """Inspect existing keys through one tenant's AlloMia."""

    api: KeyApi
    quota: Quota
    clock: Clock
    reporter: Reporter

    def lock(self, organization_id: str) -> AbstractContextManager[None]:
        """Inspect one key of the organization at a time: a proof sees by `lastUsedAt` which key was used."""
        return self.quota.lock(organization_id)

    def find(self, organization_id: str, key_id: str) -> Existing | None:
        """Return the key, if the organization has it."""
        listed = self._list(organization_id)
        return Existing(listed[key_id], organization_id, listed) if key_id in listed else None

    def prove(self, found: Existing, secret: SecretStr, source: str) -> None:
        """Prove a secret, and see by `lastUsedAt` that it is this key's, as far as AlloMia tells.

        Args:
            found: The key.
            secret: What is said to be its secret.
            source: Where the secret comes from, for messages.

        Raises:
            InvalidInput: It is a tenant key.
            CredentialRejected: AlloMia does not accept the secret.
            UnexpectedAnswer: AlloMia saw another key used.
            AllomiaError: Nothing is proved.
        """
        is_own = self.api.is_tenant_key(secret)
        which = "the" if is_own else "a"
        if is_own or self.api.acts_as_tenant(secret, source):
            raise InvalidInput(
                f"the secret from {source} is {which} tenant key, which may manage every organization; nothing was "
                "taken over",
                "Give the place of the organization's own key, and keep the tenant key where programs cannot read it.",
            )
        before, organization_id, key_id = found.listed, found.organization_id, found.key.id
        for pause in USE_PAUSES:
            self.clock.sleep(pause)
            try:
                prove_patiently(self.api, self.clock, organization_id, secret, source)
            except CredentialRejected as problem:
                raise problem.with_hint("Nothing was taken over: put the secret of that key there.") from None
            after = self._list(organization_id)
            used = {key.id for key in after.values() if key.last_used_at != _last_used(before.get(key.id))}
            if used == {key_id}:
                return
            if used and key_id not in used:
                raise UnexpectedAnswer(
                    f"the secret from {source} seems to be that of key {min(used)}, not of {key_id}: AlloMia saw "
                    "that one used; nothing was taken over",
                    "Correct the key's id or the place of its secret. If that key was used by somebody else just now, "
                    "run again.",
                )
            before = after
        self.reporter.warn(
            f"AlloMia accepts the secret from {source}, but does not tell for certain whether it is that of key "
            f"{key_id}: compare them in its dashboard before you rotate or destroy"
        )

    def is_foreign(self, found: Existing, identity: Identity, owner: str) -> bool:
        """Tell whether the key carries another declared key's mark, and say so if it does."""
        mark = parse_mark(found.key.name)
        if mark is None or mark.declared == resource_mark(identity, owner):
            return False
        self.reporter.warn(
            f"key {found.key.id} carries the mark of another declared key: make sure that no other stack, and no "
            "other resource, rotates or revokes it. A destroy leaves it; a rotation here revokes it"
        )
        return True

    def made_at(self, found: Existing) -> datetime:
        """Return when the key was made; from now on, when AlloMia does not say."""
        return found.key.created_at or self.clock.now()

    def _list(self, organization_id: str) -> dict[str, ApiKey]:
        return {key.id: key for key in self.api.list_keys(organization_id)}


def _last_used(key: ApiKey | None) -> datetime | None:
    return key.last_used_at if key else None
