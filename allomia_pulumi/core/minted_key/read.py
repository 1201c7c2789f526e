"""The refresh of a minted key: keys that are gone, on proof; copies in Vault that differ; keys that look like ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.contracts.vault_delivery import SecretStore, StoredSecret, VaultLocation
from allomia_pulumi.core.identity import Origin
from allomia_pulumi.core.marks import own_marks
from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.minted_key.deliver import check_ownership, drift_of
from allomia_pulumi.core.minted_key.identity import is_elsewhere, made_elsewhere
from allomia_pulumi.core.minted_key.schedule import reschedule
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.core.verification import is_proved_gone
from allomia_pulumi.errors import AllomiaError, NotFound, SecretConflict
from allomia_pulumi.ground.clock import Clock

__all__ = ["Reading", "require_here"]


@dataclass(frozen=True)
class Reading:
    """One look at one declared key.

    Attributes:
        known: Keys that this process made or met, which are no strays.
        owner: The owner that is configured today; empty if none is.
        service: The AlloMia that is asked.
    """

    api: KeyApi
    store: Callable[[], SecretStore]
    quota: Quota
    clock: Clock
    reporter: Reporter
    known: frozenset[str]
    owner: str
    service: Service

    def read(self, state: KeyState) -> KeyState | None:
        """Return the state as it is now, with what the next update has to mend; or None on proof that all is gone.

        Raises:
            AllomiaError: Nothing is proved.
        """
        if is_elsewhere(state.record, self.service):
            require_here(self.api, state, self.service)
        before, alive = state, self._alive_if_listed(state)
        if alive is None:
            found = self._look_for(state)
            if found is None:
                return None
            state = found
        state = self._look_for_drift(state)
        if alive is None:
            alive = self.quota.alive(self.api, state.record.settings.organization_id)
        self._strays(state).warn_beside(state, alive)
        return reschedule(state, None if state.pending == before.pending else self.clock.now())

    def _strays(self, state: KeyState) -> Strays:
        record = state.record
        return Strays(
            organization_id=record.settings.organization_id,
            today=Origin(identity=record.identity, owner=self.owner or record.owner),
            former=record.origins,
            lineage=record.lineage,
            known=self.known | state.key_ids,
            clock=self.clock,
            reporter=self.reporter,
        )

    def _alive_if_listed(self, state: KeyState) -> tuple[ApiKey, ...] | None:
        """Return the shared list if it has the current key and its predecessor; absence there proves nothing yet."""
        try:
            alive = self.quota.alive(self.api, state.record.settings.organization_id)
        except NotFound:
            return None
        return alive if state.key_ids <= {key.id for key in alive} else None

    def _look_for(self, state: KeyState) -> KeyState | None:
        """Find out by proof which of a record's keys are gone; return what is left of it, or None for nothing."""
        organization_id, previous = state.record.settings.organization_id, state.previous_key_id
        if previous is not None and is_proved_gone(self.api, organization_id, previous):
            self.reporter.warn(
                f"predecessor {previous} of organization {organization_id} was revoked outside of Pulumi"
            )
            state, previous = state.without_predecessor(), None
        if not is_proved_gone(self.api, organization_id, state.key_id):
            return state
        what = f"key {state.key_id} “{state.key_name}” of organization {organization_id} was revoked outside of Pulumi"
        if previous is None:
            self.reporter.warn(f"{what} and is dropped from the state; the next `pulumi up` makes a new one")
            for key_id in state.key_ids - {state.key_id}:
                command = revoke_command(organization_id, key_id)
                self.reporter.warn(f"key {key_id} was left by a half-finished update; end it with {command}")
            return None
        self.reporter.warn(f"{what}; its predecessor {previous} still works, and the next `pulumi up` makes a new key")
        owed = Owed(step=OwedStep.ROTATE, why=f"key {state.key_id} was revoked outside of Pulumi")
        return state.without_owed(owed.step).with_owed(owed)

    def _look_for_drift(self, state: KeyState) -> KeyState:
        """Compare what Vault has with the record, from metadata only; the next `pulumi up` mends a difference."""
        place = state.record.settings.vault_secret
        if place is None or state.vault_secret_version is None:
            return state
        try:
            stored = self.store().inspect_secret(place)
        except AllomiaError as problem:
            self.reporter.warn(f"whether Vault {place} still holds key {state.key_id} is not known: {problem}")
            return state
        difference = drift_of(place, stored, state.vault_secret_version, state.key_id)
        if difference is None:
            return state.without_owed(OwedStep.DELIVER)
        self.reporter.warn(f"{difference}; {self._what_next(state, place, stored)}")
        owed = Owed(step=OwedStep.DELIVER, why=difference, key_id=state.key_id)
        return state.without_owed(owed.step).with_owed(owed)

    def _what_next(self, state: KeyState, place: VaultLocation, stored: StoredSecret) -> str:
        """Say what the next update does about a difference: it never writes over what somebody else wrote."""
        try:
            check_ownership(place, stored, own_marks(state.record.origins), state.key_ids)
        except SecretConflict as problem:
            return f"the next `pulumi up` does not write over it. {problem.hint}"
        return "the next `pulumi up` writes the key there again"


def require_here(api: KeyApi, state: KeyState, service: Service) -> None:
    """See that a key which was made at another AlloMia stands in the list of this one, by its id and its full name.

    Raises:
        InvalidConfiguration: It does not; the message names both, and the way out.
    """
    organization_id = state.record.settings.organization_id
    try:
        found = any((key.id, key.name) == (state.key_id, state.key_name) for key in api.list_keys(organization_id))
    except NotFound:
        found = False
    if not found:
        raise made_elsewhere(state, service, "nothing was changed")
