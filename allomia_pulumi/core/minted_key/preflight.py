"""The preflight of check and diff: free slots, the place in Vault, and what to tell before anything is done.

AlloMia or Vault out of reach is a warning here, and the change is shown as planned: create and update look again, and
fail before anything is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.marks import own_marks
from allomia_pulumi.core.messages import describe_keys, look_command
from allomia_pulumi.core.minted_key.context import Context
from allomia_pulumi.core.minted_key.deliver import check_ownership
from allomia_pulumi.core.minted_key.identity import is_elsewhere, recorded_address
from allomia_pulumi.core.minted_key.inputs import Inputs, parse_inputs
from allomia_pulumi.core.minted_key.plan import Plan, Step
from allomia_pulumi.core.minted_key.schedule import is_overlap_over, overlap_end
from allomia_pulumi.core.minted_key.state import KeyState, Reason
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.quota import OwnKey, organization_full
from allomia_pulumi.errors import (
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    SetupError,
    TemporaryError,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.moments import format_moment

__all__ = ["Preflight", "is_place_new", "refusal", "warn_if_abrupt"]

ROTATIONS_FIRST = (
    "If keys of this stack were rotated just now, take the new key out of the program, run `pulumi up` so that the old "
    "ones are revoked, and add it again."
)


class Preflight:
    """Preflight checks of one process."""

    def __init__(self, context: Context) -> None:
        self._tenants = context.tenants
        self._quota = context.quota
        self._clock = context.clock
        self._conversation = context.conversation

    def reserve_slot(self, api: KeyApi, inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
        """Reserve a slot for a new key.

        Raises:
            OrganizationFull: The organization was read well, and is full.
        """
        if isinstance(inputs.organization_id, Unknown):
            return
        try:
            if inputs.tenant_key_ref is None:
                self._quota.read_ahead.follow(api, inputs.organization_id)
            holders = self._quota.reserve(api, inputs.organization_id, identity)
        except InvalidConfiguration:
            raise
        except AllomiaError as problem:
            reporter.warn(f"the free slots of organization {inputs.organization_id} are not known: {problem}")
            return
        if holders is not None:
            raise organization_full(inputs.organization_id, holders, self._clock).with_hint(ROTATIONS_FIRST)

    def has_slot(self, inputs: Inputs, state: KeyState, plan: Plan, identity: Identity, reporter: Reporter) -> bool:
        """Reserve a slot for the successor, or say that the rotation waits; without an answer it goes on as planned."""
        organization_id = state.record.settings.organization_id
        try:
            reference = inputs.tenant_key_ref
            api = self._tenants.open(None if isinstance(reference, Unknown) else reference)
            if reference is None:
                self._quota.read_ahead.follow(api, organization_id)
            freed = 1 if Step.RETIRE in plan.steps else 0
            holders = self._quota.reserve(api, organization_id, identity, freed=freed)
        except AllomiaError as problem:
            reporter.warn(f"the free slots of organization {organization_id} are not known: {problem}")
            return True
        if holders is not None:
            frees = is_overlap_over(inputs, state, self._clock.now())
            reporter.warn(self._waiting(state, plan, holders, frees=frees))
        return holders is None

    def _waiting(self, state: KeyState, plan: Plan, holders: Collection[ApiKey], *, frees: bool) -> str:
        organization_id = state.record.settings.organization_id
        frees = frees or any(isinstance(holder, OwnKey) for holder in holders)
        is_stuck = len(holders) >= KEY_LIMIT and not frees
        way_on = (
            f"Free a slot, or wait until one is freed ({look_command(organization_id)}), and run `pulumi up` again"
            if is_stuck
            else "Run `pulumi up` again: it goes on where this one ends"
        )
        return (
            f"the rotation of key {state.key_id} (reason: {plan.reason}) waits for a free slot: {len(holders)} keys of "
            f"organization {organization_id} are alive ({describe_keys(holders, self._clock.now())}), and a rotation "
            f"needs one of {KEY_LIMIT} slots until the old key is revoked. {way_on}"
        )

    def check_location(self, inputs: Inputs, identity: Identity, reporter: Reporter, *, is_successor: bool) -> None:
        """See before a new key is made that it may be delivered; a Vault out of reach is a warning here.

        For a successor, what the diff knows of its predecessor counts as own.

        Raises:
            SecretConflict: What stands there was not written by this resource.
            SetupError: Vault says that the delivery would not be allowed.
        """
        place = inputs.vault_secret
        if not isinstance(place, VaultLocation):
            return
        try:
            stored = self._tenants.store().preflight_delivery(place)
        except (TemporaryError, UnexpectedAnswer, CredentialRejected) as problem:
            reporter.warn(f"whether the key can be written to Vault {place} is not known: {problem}")
            return
        replacement = self._conversation.replacement(identity) if is_successor else None
        owner = self._tenants.owner or (replacement.owner if replacement else "")
        origins = (Origin(identity=identity, owner=owner), *(replacement.former if replacement else ()))
        known_keys = replacement.known_keys if replacement else frozenset()
        others = self._conversation.keys_of_others(identity) if is_successor else frozenset()
        check_ownership(place, stored, own_marks(origins), known_keys, others)

    def report(self, plan: Plan, inputs: Inputs, state: KeyState, reporter: Reporter) -> None:
        """Say in preview and `up` what is due, why and since when."""
        if state.secret is None and state.record.settings.secret_in_state and not state.is_secret_unknown:
            reporter.warn(
                f"the state has lost the secret of key {state.key_id}; replace it with `pulumi up --target-replace URN`"
            )
        if plan.is_rotation:
            since = ""
            if plan.reason is Reason.SCHEDULE and isinstance(inputs.rotate_after, timedelta):
                since = f" since {format_moment(state.made_at + inputs.rotate_after)}"
            reporter.info(f"key {state.key_id} is due for rotation{since} (reason: {plan.reason})")
        if Step.RETIRE in plan.steps:
            reporter.info(f"the overlap of predecessor {state.previous_key_id} is over: it is revoked")
        ended = [state.key_id] if plan.is_rotation else []
        ended += [state.previous_key_id] if Step.RETIRE in plan.steps and state.previous_key_id else []
        for key_id in filter(state.record.foreign_keys.__contains__, ended):
            reporter.warn(
                f"key {key_id} was taken over with the mark of another declared key, and this ends it: make sure that "
                "nobody else uses it"
            )
        if plan.waiting and is_elsewhere(state.record, self._tenants.service):
            made_at, asked = recorded_address(state.record), self._tenants.service.api_url
            reporter.warn(
                f"the rotation of key {state.key_id} (reason: {plan.waiting}) waits: the key was made at "
                f"{made_at}, and this run asks {asked}. This `pulumi up` looks for it there and records "
                "the address; the next one goes on"
            )
        for owed in state.pending:
            reporter.warn(f"an earlier run left something to do: {owed.step} ({owed.why})")
        if plan.is_uncertain:
            reporter.info("rotationTriggers are not known yet: the key may rotate")

    def report_origin(self, pulumi_id: str, inputs: Inputs, state: KeyState, reporter: Reporter) -> None:
        """Say what a key that was imported or adopted still needs of a person."""
        is_imported = state.rotation_reason is Reason.IMPORTED
        if is_imported and state.is_secret_unknown and not self._conversation.was_imported(pulumi_id):
            reporter.warn(
                f"key {state.key_id} was imported without its secret: `secret` stays empty until a rotation brings one"
            )
        if inputs.adopt is not None:
            reporter.warn(
                "`adopt` has done its work: remove it from the program. A forced replacement (--target-replace, taint) "
                "would adopt the same key again instead of making a new one"
            )


def refusal(reason: Reason, inputs: Inputs, state: KeyState) -> SetupError:
    """Say why a rotation may not start while a predecessor lives, until when, and the way out."""
    ends = overlap_end(inputs, state)
    until = format_moment(ends) if ends else state.previous_revoke_at
    return SetupError(
        f"key {state.key_id} is due for rotation (reason: {reason}), and its predecessor {state.previous_key_id} stays "
        f"valid until {until}; nothing was changed",
        "Run again after that; or, if a key has leaked, remove overlap: the rotation is then a replacement that ends "
        "both keys.",
    )


def warn_if_abrupt(olds: Mapping[str, Any], inputs: Inputs, reporter: Reporter) -> None:
    """Warn of inputs that newly let a rotation end the old key while readers of Vault may still use it."""
    if _is_abrupt(inputs) and not _was_abrupt(olds):
        reporter.warn(
            "vaultSecret with rotation and without overlap: readers of Vault poll, and the old key ends with the "
            "`pulumi up` that rotates it. Give them time with overlap"
        )


def _is_abrupt(inputs: Inputs) -> bool:
    rotates = inputs.rotation_triggers or inputs.rotate_after
    return bool(inputs.vault_secret and rotates and not inputs.overlap)


def _was_abrupt(olds: Mapping[str, Any]) -> bool:
    inputs, _ = parse_inputs({**olds, "name": olds.get("name") or "key"}) if olds else (None, [])
    return inputs is not None and _is_abrupt(inputs)


def is_place_new(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Tell whether the program names another place in Vault than before."""

    def where(inputs: Mapping[str, Any]) -> list[Any]:
        place = inputs.get("vaultSecret")
        return [place.get(name) for name in ("mount", "path", "field")] if isinstance(place, Mapping) else []

    return where(news) not in ([], where(olds))
