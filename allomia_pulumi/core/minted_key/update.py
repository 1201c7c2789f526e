"""The update of a minted key, step by step, so that the record always tells what is.

A step that fails before anything was changed fails the update: nothing is saved, and what made it due stays due. After
something was changed, the record is saved with what is still owed, and the next `pulumi up` goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from allomia_pulumi.core.marks import draw_lineage, resource_mark
from allomia_pulumi.core.messages import explain
from allomia_pulumi.core.minted_key.identity import Today
from allomia_pulumi.core.minted_key.operation import Operation
from allomia_pulumi.core.minted_key.plan import Plan, Step
from allomia_pulumi.core.minted_key.record import apply_settings, is_undelivered
from allomia_pulumi.core.minted_key.redeliver import deliver_current, move_secret
from allomia_pulumi.core.minted_key.retire import finish, retire
from allomia_pulumi.core.minted_key.rotate import RotationStoppedError, may_rotate, rotate, rotation_reason
from allomia_pulumi.core.minted_key.schedule import reschedule
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.moments import format_moment

__all__ = ["Update"]


@dataclass(frozen=True)
class Update:
    """One update of one declared key."""

    operation: Operation

    def run(self, before: KeyState, plan: Plan) -> KeyState:
        """Do the steps in their order and return the new state.

        Raises:
            AllomiaError: A step failed, and nothing was changed.
        """
        state = before
        for step in plan.steps:
            try:
                if state.key_id == before.key_id or step not in {Step.ROTATE, Step.DELIVER}:
                    state = self._do(step, state, plan)
            except RotationStoppedError as stopped:
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

    def _do(self, step: Step, state: KeyState, plan: Plan) -> KeyState:
        match step:
            case Step.FINISH:
                return finish(self.operation, state)
            case Step.RETIRE:
                return retire(self.operation, state)
            case Step.ROTATE:
                reason = rotation_reason(state, plan)
                return rotate(self.operation, state, reason) if may_rotate(self.operation, state, reason) else state
            case Step.DELIVER:
                return deliver_current(self.operation, state)
            case Step.RECORD:
                return move_secret(self.operation, state)

    def _conclude(self, state: KeyState) -> KeyState:
        """Return the state with today's settings and name, after all steps are done."""
        operation = self.operation
        today = self._follow_in_vault(state)
        keep_place = is_undelivered(operation.inputs, state)
        state = apply_settings(operation.inputs, state, today=today, keep_place=keep_place)
        state = state.with_lineage(state.record.lineage or draw_lineage())
        for owed in state.pending:
            operation.reporter.warn_unfinished(
                f"still owed: {owed.step} ({owed.why}). The next `pulumi up` tries again."
            )
        return reschedule(state, operation.now)

    def _broken_off(self, state: KeyState, problem: Exception) -> KeyState:
        """Return what was done before something went wrong, and say that the rest is owed."""
        self.operation.reporter.warn_unfinished(
            f"the update is half done, and the next `pulumi up` goes on: {explain(problem)}"
        )
        return self._half_done(state)

    def _half_done(self, state: KeyState) -> KeyState:
        """Return the state with something to do at once, whether or not anything is owed by name."""
        return reschedule(state).model_copy(update={"next_action_at": format_moment(self.operation.now)})

    def _follow_in_vault(self, state: KeyState) -> Today:
        """Mark the place in Vault as today's, if the current key stands there; return who the record may follow.

        Vault comes first: a record that is ahead of it would call the key's own place somebody else's.
        """
        record, place, today = state.record, state.record.settings.vault_secret, self.operation.today
        if record.origin == today.origin or place is None or state.vault_secret_version is None:
            return today
        mark = resource_mark(today.origin.identity, today.origin.owner)
        try:
            self.operation.store().remark_secret(place, state.key_id, mark)
        except AllomiaError as problem:
            self.operation.reporter.warn(
                f"key {state.key_id} is declared as {today.origin.identity.name} now, and Vault {place} could not "
                f"be marked so: {problem}. Either name counts until a `pulumi up` does it"
            )
            return replace(today, origin=record.origin)
        return today
