"""The steps of an update that end keys: finish what an earlier one left, and retire the predecessor."""

from __future__ import annotations

from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.minted_key.operation import Operation
from allomia_pulumi.core.minted_key.rotate import rotate
from allomia_pulumi.core.minted_key.schedule import overlap_end
from allomia_pulumi.core.minted_key.state import KeyState, Reason
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.core.verification import is_proved_gone, revoke_for_good
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.side_by_side import ask_both

__all__ = ["finish", "retire"]


def finish(operation: Operation, state: KeyState) -> KeyState:
    """Revoke keys that an earlier update left and nobody holds."""
    for owed in state.pending:
        if owed.step is not OwedStep.REVOKE or not owed.key_id:
            continue
        # Only an edited state asks for the end of the key in use without a successor being due.
        is_in_use = owed.key_id == state.key_id and not state.owes(OwedStep.ROTATE)
        if is_in_use:
            operation.reporter.warn(
                f"key {owed.key_id} was not revoked ({owed.why}): it is the one in use, and no successor is due. "
                "To end it, change a rotation trigger"
            )
        if is_in_use or _try_revoke(operation, state, owed.key_id, owed.why):
            state = state.without_owed(owed)
    return state


def retire(operation: Operation, state: KeyState) -> KeyState:
    """Revoke the predecessor, if the current key is alive and AlloMia's own clock agrees that its time is over.

    If the current key is gone, it is rotated, and the predecessor stays until then.
    """
    organization_id, previous = state.record.settings.organization_id, state.previous_key_id
    ends = overlap_end(operation.inputs, state)
    if previous is None or ends is None:
        return state
    if previous == state.key_id:
        # Only an edited state says so, and what it says may not end the key in use.
        return state.without_predecessor()
    # A list may lag behind: the key that is to outlive the predecessor has to answer for itself.
    (alive, moment), answers = ask_both(
        lambda: operation.quota.read(operation.api, organization_id),
        lambda: operation.api.has_key(organization_id, state.key_id),
    )
    is_alive = answers and any(key.id == state.key_id for key in alive)
    if not is_alive and is_proved_gone(operation.api, organization_id, state.key_id):
        why = f"key {state.key_id} was revoked outside of Pulumi"
        operation.reporter.warn(f"{why}; its predecessor {previous} stays until there is a new key")
        state = state.with_owed(Owed(step=OwedStep.ROTATE, why=why))
        return state if state.owes(OwedStep.REVOKE) else rotate(operation, state, Reason.REVOKED)
    if moment is not None and moment < ends:
        until = format_moment(ends)
        operation.reporter.info(f"the predecessor {previous} stays: by AlloMia's clock its overlap ends at {until}")
        return state
    is_revoked = _try_revoke(operation, state, previous, "its overlap is over")
    return state.without_predecessor() if is_revoked else state


def _try_revoke(operation: Operation, state: KeyState, key_id: str, why: str) -> bool:
    """Revoke a key that is not the current one; a failure is a warning, and it stays."""
    organization_id = state.record.settings.organization_id
    try:
        with operation.quota.writing(organization_id):
            revoked = revoke_for_good(operation.api, operation.clock, organization_id, key_id, operation.reporter.warn)
            operation.quota.remove(organization_id, key_id)
    except AllomiaError as problem:
        operation.reporter.warn(
            f"key {key_id} was not revoked ({why}): {problem.message}. The next `pulumi up` tries again; by hand: "
            f"{revoke_command(organization_id, key_id)}"
        )
        return False
    operation.reporter.info(f"{revoked.describe(organization_id, key_id)}: {why}")
    return True
