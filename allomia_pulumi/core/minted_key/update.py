"""Carrying out an update, step by step, so that the record always tells what is.

A step that fails before anything was changed fails the update: nothing is saved, and what made it due stays due. After
something was changed, the record is saved with what is still owed, and the next `pulumi up` goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import Delivery, SecretStore, StoredSecret, VaultLocation
from allomia_pulumi.core.marks import draw_lineage, resource_mark
from allomia_pulumi.core.messages import IMPORT_WITH_SECRET, explain, revoke_command
from allomia_pulumi.core.minted_key.deliver import check_ownership, drift_of
from allomia_pulumi.core.minted_key.identity import Today, own_marks
from allomia_pulumi.core.minted_key.issue import Made, Maker, Undelivered
from allomia_pulumi.core.minted_key.mint import Order
from allomia_pulumi.core.minted_key.plan import Plan, Step, is_undelivered
from allomia_pulumi.core.minted_key.record import (
    apply_settings,
    at,
    overlap_of,
    overlap_start,
    settings_of,
    with_moments,
)
from allomia_pulumi.core.minted_key.state import (
    Inputs,
    KeyState,
    Owed,
    OwedStep,
    Reason,
    Record,
    Settings,
    Unknown,
    hash_triggers,
)
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.core.quota import Ledger
from allomia_pulumi.core.verification import is_proved_gone, revoke_for_good
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["Update"]

REPLACE_IT = "Change a rotation trigger, or replace the key with `pulumi up --target-replace URN`."
MOST_DELAY = timedelta(minutes=1)
"""Between the making of a key and the answer that shows it; more than that is another zone, or a wrong clock."""
MOST_VERSIONS = 20
"""Versions that the record remembers as its own; Vault itself keeps 10 unless it is told otherwise."""


class _StoppedError(Exception):
    """A rotation ended half-way: the steps after it would apply what only a finished one may."""

    def __init__(self, state: KeyState) -> None:
        super().__init__()
        self.state = state


@dataclass(frozen=True)
class Update:
    """One update of one declared key.

    Attributes:
        today: Who the key is now; the identity's promise of a slot is what a rotation uses.
        now: The moment of the diff that planned this.
        known: Keys that this process made or met, which are no strays.
        others: Keys that records of other declared keys hold.
        remember_minted: Notes a key that was made here, and may be undone.
    """

    inputs: Inputs
    today: Today
    now: datetime
    clock: Clock
    api: KeyApi
    store: Callable[[], SecretStore]
    maker: Maker
    ledger: Ledger
    reporter: Reporter
    known: frozenset[str]
    others: frozenset[str]
    remember_minted: Callable[[str], None]

    def run(self, before: KeyState, plan: Plan) -> KeyState:
        """Do the steps in their order and return the new state.

        Raises:
            AllomiaError: A step failed, and nothing was changed.
        """
        state = before
        for step in plan.steps:
            try:
                is_done = state.key_id != before.key_id and step in {Step.ROTATE, Step.DELIVER}
                if not is_done and (step is not Step.ROTATE or self._may_rotate(state, plan)):
                    state = self._do(step, state, plan)
            except _StoppedError as stopped:
                return self._half_done(stopped.state)
            except Exception as problem:
                # Also a fault of ours: whatever it is, what was done by now must not be lost with it.
                if state == before:
                    raise
                return self._broken_off(state, problem)
        try:
            return self._conclude(state)
        except Exception as problem:
            if state == before:
                raise
            return self._broken_off(state, problem)

    def _conclude(self, state: KeyState) -> KeyState:
        """Return the state with today's settings and name, after all steps are done."""
        today = self._follow_in_vault(state)
        state = apply_settings(self.inputs, state, today=today, keep_place=is_undelivered(self.inputs, state))
        state = _with_lineage(state, state.record.lineage or draw_lineage())
        for owed in state.pending:
            self.reporter.owe(f"still owed: {owed.step} ({owed.why}). The next `pulumi up` tries again.")
        return with_moments(state, self.now)

    def _broken_off(self, state: KeyState, problem: Exception) -> KeyState:
        """Return what was done before something went wrong, and say that the rest is owed."""
        self.reporter.owe(f"the update is half done, and the next `pulumi up` goes on: {explain(problem)}")
        return self._half_done(state)

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

    def _follow_in_vault(self, state: KeyState) -> Today:
        """Mark the place in Vault as today's, if the current key stands there; return who the record may follow.

        Vault comes first: a record that is ahead of it would call the key's own place somebody else's.
        """
        record, place = state.record, state.record.settings.vault_secret
        if record.origin == self.today.origin or place is None or state.vault_secret_version is None:
            return self.today
        mark = resource_mark(self.today.origin.identity, self.today.origin.owner)
        try:
            self.store().remark_secret(place, state.key_id, mark)
        except AllomiaError as problem:
            self.reporter.warn(
                f"key {state.key_id} is declared as {self.today.origin.identity.name} now, and Vault {place} could not "
                f"be marked so: {problem}. Either name counts until a `pulumi up` does it"
            )
            return replace(self.today, origin=record.origin)
        return self.today

    def _half_done(self, state: KeyState) -> KeyState:
        """Return the state with something to do at once, whether or not anything is owed by name."""
        return with_moments(state).model_copy(update={"next_action_at": at(self.now)})

    def _do(self, step: Step, state: KeyState, plan: Plan) -> KeyState:
        match step:
            case Step.FINISH:
                return self._finish(state)
            case Step.RETIRE:
                return self._retire(state)
            case Step.ROTATE:
                return self._rotate(state, self._reason(state, plan))
            case Step.DELIVER:
                return self._deliver(state, self._place())
            case Step.RECORD:
                return self._move_secret(state)

    def _may_rotate(self, state: KeyState, plan: Plan) -> bool:
        """Tell whether to go on with a rotation: no further key is made while one has to end first."""
        left = [owed.key_id for owed in state.pending if owed.step is OwedStep.REVOKE]
        if state.previous_key_id and self._reason(state, plan) is not Reason.REVOKED:
            left.append(state.previous_key_id)
        if left:
            self.reporter.warn(
                f"the rotation of key {state.key_id} (reason: {self._reason(state, plan)}) waits: key {left[0]} has to "
                "end first. The next `pulumi up` tries again"
            )
        return not left

    def _reason(self, state: KeyState, plan: Plan) -> Reason:
        """Return why to rotate; a step before may have found the current key revoked."""
        return Reason.REVOKED if _owes(state, OwedStep.ROTATE) else plan.reason

    def _finish(self, state: KeyState) -> KeyState:
        """Do what an earlier update left: revoke keys that nobody holds."""
        for owed in state.pending:
            if owed.step is not OwedStep.REVOKE or not owed.key_id:
                continue
            # Only an edited state asks for the end of the key in use without a successor being due.
            is_in_use = owed.key_id == state.key_id and not _owes(state, OwedStep.ROTATE)
            if is_in_use:
                self.reporter.warn(
                    f"key {owed.key_id} was not revoked ({owed.why}): it is the one in use, and no successor is due. "
                    "To end it, change a rotation trigger"
                )
            if is_in_use or self._try_revoke(state, owed.key_id, owed.why):
                state = _without(state, owed)
        return state

    def _retire(self, state: KeyState) -> KeyState:
        """Revoke the predecessor, if the current key is alive and AlloMia's own clock agrees that its time is over."""
        organization_id, previous = state.record.settings.organization_id, state.previous_key_id
        began = overlap_start(state)
        if previous is None or began is None:
            return state
        if previous == state.key_id:
            # Only an edited state says so, and what it says may not end the key in use.
            return _without_predecessor(state)
        alive, moment = self.ledger.look(self.api, organization_id)
        # A list may lag behind: the key that is to outlive the predecessor has to answer for itself.
        is_alive = any(key.id == state.key_id for key in alive) and self.api.has_key(organization_id, state.key_id)
        if not is_alive and is_proved_gone(self.api, organization_id, state.key_id):
            why = f"key {state.key_id} was revoked outside of Pulumi"
            self.reporter.warn(f"{why}; its predecessor {previous} stays until there is a new key")
            state = _with(state, Owed(step=OwedStep.ROTATE, why=why))
            return state if _owes(state, OwedStep.REVOKE) else self._rotate(state, Reason.REVOKED)
        ends = began + overlap_of(self.inputs, state)
        if moment is not None and moment < ends:
            self.reporter.info(f"the predecessor {previous} stays: by AlloMia's clock its overlap ends at {at(ends)}")
            return state
        if not self._try_revoke(state, previous, "its overlap is over"):
            return state
        return _without_predecessor(state)

    def _rotate(self, state: KeyState, reason: Reason) -> KeyState:
        """Make the next key; the current one becomes the predecessor, unless it is the one that is gone."""
        settings = settings_of(self.inputs, state.record.settings)
        self._name_old_copy(state)
        lineage = state.record.lineage or draw_lineage()
        origin = self.today.origin
        order = Order(settings.organization_id, settings.name, origin.identity, origin.owner, lineage)
        known = frozenset(filter(None, (state.key_id, state.previous_key_id)))
        self.strays(state).refuse_further_keys(self.ledger.alive(self.api, settings.organization_id))
        try:
            undelivered = Undelivered.KEEP_IF_ALIVE if settings.secret_in_state else Undelivered.REVOKE
            made = self.maker.make(
                order, settings, origin.identity, known, former=state.record.origins, undelivered=undelivered
            )
            with self.maker.recording(order, made):
                self.remember_minted(made.key.id)
                return self._rotated(_with_lineage(state, lineage), made, settings, reason)
        except KeyLeftBehind as problem:
            if not problem.is_ours:
                raise
            self.reporter.owe(f"{problem} The next `pulumi up` tries again.")
            owed = Owed(step=OwedStep.REVOKE, why="it could not be handed over", key_id=problem.key_id)
            raise _StoppedError(_with(state, owed)) from None

    def _rotated(self, state: KeyState, made: Made, settings: Settings, reason: Reason) -> KeyState:
        minted = made.key
        is_in_state = settings.secret_in_state
        changes: dict[str, object] = {
            "key_id": minted.id,
            "key_name": minted.name,
            "created_at": at(minted.created_at),
            "secret": minted.secret if is_in_state else None,
            "secret_fingerprint": fingerprint(minted.secret),
            "rotation_reason": reason,
            "vault_secret_version": made.vault_version,
        }
        if reason is not Reason.REVOKED:
            changes |= {
                "previous_key_id": state.key_id,
                "previous_secret": state.secret if is_in_state else None,
                "previous_revoke_at": at(_overlap_begins(minted) + overlap_of(self.inputs, state)),
            }
        elif began := overlap_start(state):
            changes["previous_revoke_at"] = at(began + overlap_of(self.inputs, state))
        if not isinstance(self.inputs.rotation_triggers, Unknown):
            changes["triggers_hash"] = hash_triggers(self.inputs.rotation_triggers)
        owed = [owed for owed in state.pending if owed.step is OwedStep.REVOKE]
        if made.owed:
            owed.append(Owed(step=OwedStep.DELIVER, why=made.owed, key_id=minted.id))
        changes["pending"] = tuple(owed)
        changes["record"] = _record_delivery(
            state, settings, made.vault_version, made.stood, has_made_place=made.has_made_place
        )
        return state.model_copy(update=changes)

    def _deliver(self, state: KeyState, place: VaultLocation) -> KeyState:
        """Write the current key to a place; a copy at an older place is left there and named."""
        secret = state.secret or self._fetch(state)
        settings = state.record.settings
        stored = self.store().preflight_delivery(place)
        origin = self.today.origin
        mark = resource_mark(origin.identity, origin.owner)
        known = frozenset(filter(None, (state.key_id, state.previous_key_id)))
        check_ownership(place, stored, own_marks((origin, *state.record.origins)), known, self.others)
        delivery = Delivery(secret, state.key_id, settings.organization_id, mark, stored.version)
        version = self.store().deliver_secret(place, delivery)
        self._name_old_copy(state)
        after = settings.model_copy(update={"vault_secret": place})
        return state.model_copy(
            update={
                "vault_secret_version": version,
                "record": _record_delivery(state, after, version, stored, has_made_place=not stored.exists),
                "pending": tuple(owed for owed in state.pending if owed.step is not OwedStep.DELIVER),
            }
        )

    def _move_secret(self, state: KeyState) -> KeyState:
        """Bring the secret back into state from Vault, or see that Vault has it before it leaves the state."""
        applied = state.record.settings
        if self.inputs.vault_secret is None:
            self._name_old_copy(state)
        if self.inputs.secret_in_state is True and not applied.secret_in_state:
            settings = applied.model_copy(update={"secret_in_state": True})
            record = state.record.model_copy(update={"settings": settings})
            return state.model_copy(update={"secret": self._fetch(state), "record": record})
        if self.inputs.secret_in_state is False and applied.secret_in_state and applied.vault_secret:
            stored = self.store().inspect_secret(applied.vault_secret)
            if drift_of(applied.vault_secret, stored, state.vault_secret_version, state.key_id):
                return self._deliver(state, self._place())
        return state

    def _name_old_copy(self, state: KeyState) -> None:
        """Say that the copy at a place that the program no longer names is left there."""
        old, place = state.record.settings.vault_secret, self.inputs.vault_secret
        if old and not isinstance(place, Unknown) and (place is None or not place.is_same(old)):
            self.reporter.warn(f"the copy of the key at Vault {old} was left there; remove it by hand")

    def _fetch(self, state: KeyState) -> SecretStr:
        """Read the current key from where it was delivered to, and see that it is that key."""
        place, version = state.record.settings.vault_secret, state.vault_secret_version
        if state.is_secret_unknown:
            raise UnexpectedAnswer(
                f"the secret of key {state.key_id} is not known, so it cannot be written to Vault",
                f"Leave vaultSecret out until a rotation has brought one. {IMPORT_WITH_SECRET}",
            )
        if place is None or version is None:
            raise UnexpectedAnswer(
                f"the secret of key {state.key_id} is neither in state nor in Vault",
                REPLACE_IT,
            )
        try:
            secret = self.store().fetch_secret(place, version)
        except NotFound as problem:
            raise NotFound(
                f"{problem.message}, and the secret of key {state.key_id} is nowhere else", REPLACE_IT
            ) from None
        if fingerprint(secret) != state.secret_fingerprint:
            raise UnexpectedAnswer(
                f"Vault {place} version {version} does not hold key {state.key_id}: the fingerprints differ",
                REPLACE_IT,
            )
        return secret

    def _place(self) -> VaultLocation:
        place = self.inputs.vault_secret
        if not isinstance(place, VaultLocation):
            raise UnexpectedAnswer("there is no place to deliver to", "Run `pulumi up` again.")
        return place

    def _try_revoke(self, state: KeyState, key_id: str, why: str) -> bool:
        """Revoke a key that is not the current one; a failure is a warning, and it stays."""
        organization_id = state.record.settings.organization_id
        try:
            with self.ledger.writing(organization_id):
                revoke_for_good(self.api, self.clock, organization_id, key_id, self.reporter.warn)
                self.ledger.remove(organization_id, key_id)
        except AllomiaError as problem:
            self.reporter.warn(
                f"key {key_id} was not revoked ({why}): {problem.message}. The next `pulumi up` tries again; by hand: "
                f"{revoke_command(organization_id, key_id)}"
            )
            return False
        return True


def _record_delivery(
    state: KeyState, settings: Settings, version: int | None, stood: StoredSecret | None, *, has_made_place: bool
) -> Record:
    """Return the record with the versions that this key's resource wrote at its place, and whether it made that."""
    applied, place = state.record.settings.vault_secret, settings.vault_secret
    is_same_place = place is not None and applied is not None and place.is_same(applied)
    # A version that is not higher than the last one means that the secret began anew.
    is_later = version is not None and version > max(state.record.vault_versions, default=0)
    # So does a secret that is not marked as this resource's: whoever made it anew wrote versions of the same numbers.
    marks, key_ids = own_marks(state.record.origins), state.key_ids
    was_own = stood is not None and stood.is_ours and (stood.mark in marks or stood.key_id in key_ids)
    goes_on = is_same_place and ((is_later and was_own) or version is None)
    kept = state.record.vault_versions if goes_on else ()
    versions = (*kept, version) if version is not None else kept
    changes = {
        "settings": settings,
        "vault_versions": versions[-MOST_VERSIONS:],
        "has_made_place": has_made_place or (goes_on and state.record.has_made_place),
    }
    return state.record.model_copy(update=changes)


def _overlap_begins(minted: IssuedKey) -> datetime:
    """Return when a predecessor's overlap begins; what AlloMia says of the making may not cut it short."""
    made_at, answered_at = minted.created_at, minted.answered_at
    is_early = answered_at is not None and answered_at - made_at > MOST_DELAY
    return answered_at if answered_at and is_early else made_at


def _without_predecessor(state: KeyState) -> KeyState:
    return state.model_copy(update={"previous_key_id": None, "previous_secret": None, "previous_revoke_at": None})


def _with_lineage(state: KeyState, lineage: str) -> KeyState:
    return state.model_copy(update={"record": state.record.model_copy(update={"lineage": lineage})})


def _owes(state: KeyState, step: OwedStep) -> bool:
    return any(owed.step is step for owed in state.pending)


def _with(state: KeyState, owed: Owed) -> KeyState:
    return state if owed in state.pending else state.model_copy(update={"pending": (*state.pending, owed)})


def _without(state: KeyState, done: Owed) -> KeyState:
    return state.model_copy(update={"pending": tuple(owed for owed in state.pending if owed != done)})
