"""Build what the operations of one process work with, from what they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.core.minted_key.adopt import Adopter
from allomia_pulumi.core.minted_key.conversation import Memory
from allomia_pulumi.core.minted_key.identity import Today, today_of
from allomia_pulumi.core.minted_key.inspect import Inspector
from allomia_pulumi.core.minted_key.issue import Maker
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.core.minted_key.state import Identity, Inputs, KeyState
from allomia_pulumi.core.minted_key.update import Update
from allomia_pulumi.core.quota import Ledger
from allomia_pulumi.ground.clock import Clock

__all__ = ["Builder"]


@dataclass(frozen=True)
class Builder:
    """Build makers, adopters and updates; what they share lasts as long as the process."""

    tenants: Tenants
    clock: Clock
    ledger: Ledger
    memory: Memory

    def today(self, state: KeyState, identity: Identity) -> Today:
        """Return who a recorded key is now, and the AlloMia that is asked."""
        return today_of(state.record, identity, self.tenants.owner, self.tenants.service)

    def update(self, inputs: Inputs, today: Today, now: datetime, api: KeyApi, reporter: Reporter) -> Update:
        """Return one update of one declared key."""
        identity = today.origin.identity
        return Update(
            inputs=inputs,
            today=today,
            now=now,
            api=api,
            store=self.tenants.store,
            maker=self.maker(api, identity, reporter),
            ledger=self.ledger,
            clock=self.clock,
            reporter=reporter,
            known=self.memory.keys,
            others=self.memory.keys_of_others(identity),
            remember_minted=self.memory.remember_minted,
        )

    def adopter(self, api: KeyApi, identity: Identity, reporter: Reporter) -> Adopter:
        """Return what takes keys over through a tenant's AlloMia."""
        inspector = Inspector(api, self.ledger, self.clock, reporter)
        return Adopter(inspector, self.tenants.store, self.maker(api, identity, reporter))

    def maker(self, api: KeyApi, identity: Identity, reporter: Reporter) -> Maker:
        """Return what makes keys through a tenant's AlloMia, for one declared key."""
        minter = Minter(api, self.clock, reporter, self.tenants.cancellation, self.ledger, self.memory.keys)
        others = self.memory.keys_of_others(identity)
        return Maker(api, self.tenants.store, self.ledger, minter, others)
