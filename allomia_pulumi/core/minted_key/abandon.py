"""The abandonment of a key that an operation made whose answer nobody takes any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.minted_key.context import Context
from allomia_pulumi.core.minted_key.state import KeyState, read_outputs
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AllomiaError

__all__ = ["abandon"]


def abandon(context: Context, before: Mapping[str, Any], state: KeyState, reporter: Reporter) -> None:
    """Revoke the key that an operation made, unless readers of Vault may have it.

    `before` are the outputs that stay in the state; empty for none.
    """
    known = read_outputs(before).key_ids if before else frozenset()
    settings, conversation = state.record.settings, context.conversation
    is_ours = state.key_id not in known and conversation.has_minted(state.key_id)
    if not is_ours or _may_stand_in_vault(context, state):
        return
    api = context.tenants.open(settings.reference)
    with context.quota.writing(settings.organization_id):
        revoke_for_good(api, context.clock, settings.organization_id, state.key_id, reporter.warn)
    conversation.forget_record({state.key_id})
    reporter.warn(f"key {state.key_id} was revoked: its engine is gone, and nobody could record it")


def _may_stand_in_vault(context: Context, state: KeyState) -> bool:
    """Tell whether readers of Vault may have the key: where a delivery is owed, only Vault can say no."""
    place = state.record.settings.vault_secret
    if place is None or state.vault_secret_version is not None:
        return place is not None
    try:
        return context.tenants.store().inspect_secret(place).key_id == state.key_id
    except AllomiaError:
        return True
