"""The context of a process: what the operations on minted keys share, and what they are built of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.adopt import Adopter
from allomia_pulumi.core.minted_key.conversation import KeyConversation
from allomia_pulumi.core.minted_key.delete import Deletion
from allomia_pulumi.core.minted_key.identity import Today, today_of
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.inspect import Inspector
from allomia_pulumi.core.minted_key.issue import Issuer
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.core.minted_key.operation import Operation
from allomia_pulumi.core.minted_key.read import Reading
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.minted_key.update import Update
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.ground.clock import Clock

__all__ = ["Context"]


@dataclass(frozen=True)
class Context:
    """Build what operations are made of; what they share lasts as long as the process."""

    tenants: Tenants
    clock: Clock
    quota: Quota
    conversation: KeyConversation

    def today(self, state: KeyState, identity: Identity) -> Today:
        """Return who a recorded key is now, and the AlloMia that is asked."""
        return today_of(state.record, identity, self.tenants.owner, self.tenants.service)

    def update(self, inputs: Inputs, today: Today, now: datetime, api: KeyApi, reporter: Reporter) -> Update:
        """Return one update of one declared key."""
        identity = today.origin.identity
        return Update(
            Operation(
                inputs=inputs,
                today=today,
                now=now,
                api=api,
                store=self.tenants.store,
                issuer=self.issuer(api, identity, reporter),
                quota=self.quota,
                clock=self.clock,
                reporter=reporter,
                known=self.conversation.keys,
                others=self.conversation.keys_of_others(identity),
                record_minted=self.conversation.record_minted,
            )
        )

    def adopter(self, api: KeyApi, identity: Identity, reporter: Reporter) -> Adopter:
        """Return what takes keys over through a tenant's AlloMia."""
        inspector = Inspector(api, self.quota, self.clock, reporter)
        return Adopter(inspector, self.tenants.store, self.issuer(api, identity, reporter))

    def issuer(self, api: KeyApi, identity: Identity, reporter: Reporter) -> Issuer:
        """Return what issues keys through a tenant's AlloMia, for one declared key."""
        minter = Minter(api, self.clock, reporter, self.tenants.cancellation, self.quota, self.conversation.keys)
        others = self.conversation.keys_of_others(identity)
        return Issuer(api, self.tenants.store, self.clock, reporter, self.quota, minter, others)

    def reading(self, api: KeyApi, reporter: Reporter) -> Reading:
        """Return one look at one declared key."""
        return Reading(
            api=api,
            store=self.tenants.store,
            quota=self.quota,
            clock=self.clock,
            reporter=reporter,
            known=self.conversation.keys,
            owner=self.tenants.owner,
            service=self.tenants.service,
        )

    def deletion(self, api: KeyApi, reporter: Reporter) -> Deletion:
        """Return the end of one declared key."""
        return Deletion(
            api=api,
            clock=self.clock,
            store=self.tenants.store,
            quota=self.quota,
            reporter=reporter,
            kept=self.conversation.kept_keys,
            rotated=self.conversation.rotated_keys,
        )
