"""The operation that all steps of an update work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import SecretStore
from allomia_pulumi.core.minted_key.identity import Today
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.issue import Issuer
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.ground.clock import Clock

__all__ = ["Operation"]


@dataclass(frozen=True)
class Operation:
    """The operation that the steps of one update of one declared key are part of.

    Attributes:
        today: Who the key is now; the identity's reservation of a slot is what a rotation uses.
        now: The moment of the diff that planned this.
        known: Keys that this process made or met, which are no strays.
        others: Keys that records of other declared keys have.
        record_minted: Records a key that was made here, and may be undone.
    """

    inputs: Inputs
    today: Today
    now: datetime
    clock: Clock
    api: KeyApi
    store: Callable[[], SecretStore]
    issuer: Issuer
    quota: Quota
    reporter: Reporter
    known: frozenset[str]
    others: frozenset[str]
    record_minted: Callable[[str], None]

    def strays(self, state: KeyState) -> Strays:
        """Return what finds keys with this resource's mark that nobody knows."""
        return Strays(
            organization_id=state.record.settings.organization_id,
            today=self.today.origin,
            former=state.record.origins,
            lineage=state.record.lineage,
            known=self.known | state.key_ids,
            clock=self.clock,
            reporter=self.reporter,
        )

    def warn_of_old_copy(self, state: KeyState) -> None:
        """Warn that the copy at a place that the program no longer names is left there."""
        old, place = state.record.settings.vault_secret, self.inputs.vault_secret
        if old and not isinstance(place, Unknown) and (place is None or not place.is_same(old)):
            self.reporter.warn(f"the copy of the key at Vault {old} was left there; remove it by hand")
