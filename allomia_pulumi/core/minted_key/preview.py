"""The preview of an update: outputs that stay are known, so that dependents stay untouched; the rest is not."""

from __future__ import annotations

from typing import Final

from allomia_pulumi.core.handler import Preview
from allomia_pulumi.core.minted_key.identity import Today
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.plan import Plan, Step
from allomia_pulumi.core.minted_key.record import apply_settings, is_undelivered
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import OwedStep

__all__ = ["preview_update"]

DELIVERED: Final = frozenset({"vault_secret_version", "record", "pending", "next_action_at"})
TIMED: Final = frozenset({"record", "rotate_at", "next_action_at", "previous_revoke_at", "triggers_hash"})


def preview_update(inputs: Inputs, state: KeyState, plan: Plan, today: Today) -> Preview:
    """Return what is known of the outputs after the update, if every step succeeds."""
    after = apply_settings(inputs, _retired(state, plan), today=today, keep_place=is_undelivered(inputs, state))
    known = after.to_outputs()
    unknown = frozenset(map(_wire_name, _unknown(inputs, state, plan, today)))
    names = frozenset(map(_wire_name, KeyState.model_fields))
    return Preview({name: known.get(name) for name in names - unknown}, unknown)


def _wire_name(field: str) -> str:
    """Return the wire name of an output."""
    return str(KeyState.model_fields[field].alias)


def _unknown(inputs: Inputs, state: KeyState, plan: Plan, today: Today) -> frozenset[str]:
    if plan.is_rotation or plan.is_uncertain:
        return frozenset(KeyState.model_fields)
    # A lineage that is still to be drawn, and a place that Vault may not let us mark anew, are told by the update.
    is_place_behind = state.vault_secret_version is not None and state.record.origin != today.origin
    names = frozenset({"record"}) if state.record.lineage is None or is_place_behind else frozenset()
    if Step.DELIVER in plan.steps:
        names |= DELIVERED
    if inputs.secret_in_state is True and not state.record.settings.secret_in_state:
        names |= {"secret", "record"}
    if any(isinstance(getattr(inputs, name), Unknown) for name in Inputs.model_fields):
        names |= TIMED | DELIVERED
    return names


def _retired(state: KeyState, plan: Plan) -> KeyState:
    """Return the state without what the plan's steps revoke."""
    if Step.RETIRE in plan.steps:
        state = state.without_predecessor()
    return state.without_owed(OwedStep.REVOKE) if Step.FINISH in plan.steps else state
