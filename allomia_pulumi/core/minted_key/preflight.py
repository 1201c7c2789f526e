"""The preflight of check and diff: free slots, the place in Vault, and what to tell before anything is done.

What is certain to fail is an error here. What is not is a warning, and the change is shown as planned: create and
update look again, and fail before anything is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.vault_delivery import StoredSecret, VaultLocation
from allomia_pulumi.core.forecast import Forecast, proving_absence
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.marks import LONGEST_LABEL, own_marks
from allomia_pulumi.core.messages import describe_keys, look_command
from allomia_pulumi.core.minted_key.context import Context
from allomia_pulumi.core.minted_key.deliver import check_ownership
from allomia_pulumi.core.minted_key.identity import is_elsewhere, recorded_address
from allomia_pulumi.core.minted_key.inputs import Adoption, Inputs, former_place, parse_inputs
from allomia_pulumi.core.minted_key.plan import Plan, Step
from allomia_pulumi.core.minted_key.schedule import is_overlap_over, overlap_end
from allomia_pulumi.core.minted_key.state import KeyState, Reason
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.quota import OwnKey, organization_full
from allomia_pulumi.errors import AccessDenied, InvalidConfiguration, InvalidInput, SetupError
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.references import api_path_hint
from allomia_pulumi.ground.spelling import spell

__all__ = ["Preflight", "is_place_new", "refusal", "report_label", "warn_if_abrupt"]

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
        self._forecast = Forecast()

    def reserve_slot(self, api: KeyApi, inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
        """Reserve a slot for a new key.

        Raises:
            OrganizationFull: The organization was read well, and is full.
            AllomiaError: Another failure of create is certain.
        """
        organization_id = inputs.organization_id
        if isinstance(organization_id, Unknown):
            return
        with self._forecast.foretelling(reporter), self._proving_absence(api, organization_id):
            if inputs.tenant_key_ref is None:
                self._quota.read_ahead.follow(api, organization_id)
            holders = self._quota.reserve(api, organization_id, identity)
            if holders is not None:
                raise organization_full(organization_id, holders, self._clock).with_hint(ROTATIONS_FIRST)

    def _proving_absence(self, api: KeyApi, organization_id: str) -> AbstractContextManager[None]:
        """Prove an organization's 404, unless this run made it: AlloMia's list may be older than that."""
        if self._tenants.has_made_organization(organization_id):
            return nullcontext()
        return proving_absence(api, organization_id)

    def check_adoption(self, api: KeyApi, inputs: Inputs, reporter: Reporter) -> None:
        """See that a key can be adopted: its organization's keys can be listed, and Vault has a secret for it.

        Raises:
            AllomiaError: A failure of create is certain.
        """
        organization_id, adoption = inputs.organization_id, inputs.adopt
        alive: Collection[ApiKey] = ()
        if isinstance(organization_id, Unknown):
            return
        with self._forecast.foretelling(reporter), self._proving_absence(api, organization_id):
            alive = self._quota.alive(api, organization_id)
        if isinstance(adoption, Adoption) and any(key.id == adoption.key_id for key in alive):
            with self._forecast.foretelling(reporter):
                self._tenants.store().read_secret(adoption.vault_secret)

    def has_slot(self, inputs: Inputs, state: KeyState, plan: Plan, identity: Identity, reporter: Reporter) -> bool:
        """Reserve a slot for the successor, or say that the rotation waits; without an answer it goes on as planned.

        Raises:
            AllomiaError: A failure of the rotation is certain.
        """
        organization_id, reference = state.record.settings.organization_id, inputs.tenant_key_ref
        if isinstance(reference, Unknown):
            # Another tenant's key proves nothing of this organization.
            return True
        api = self._tenants.open(reference)
        freed = 1 if Step.RETIRE in plan.steps else 0
        holders = None
        # A preview may run without the credential that `up` has; what is certain on any day, check has refused before.
        may_differ = (InvalidConfiguration,)
        with self._forecast.foretelling(reporter, passing=may_differ), proving_absence(api, organization_id):
            if reference is None:
                self._quota.read_ahead.follow(api, organization_id)
            holders = self._quota.reserve(api, organization_id, identity, freed=freed)
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
        """See before a new key is made that it may be delivered.

        For a successor, what the diff knows of its predecessor counts as own.

        Raises:
            SecretConflict: What stands there was not written by this resource.
            InvalidInput: It is where the tenant key lies; a version holds one secret's fields, so it would be gone.
            AllomiaError: Another failure of the delivery is certain.
        """
        place, reference = inputs.vault_secret, inputs.tenant_key_ref
        if isinstance(place, VaultLocation):
            if self._tenants.keeps_tenant_key(place.location, None if isinstance(reference, Unknown) else reference):
                raise InvalidInput(
                    f"Vault {place.location} is where the tenant key lies, and a delivery would write over it",
                    f"Give {spell('vaultSecret')} another path.",
                )
            with self._forecast.foretelling(reporter):
                stored = self._look_at(place, reporter)
                self._check_ownership(place, stored, identity, is_successor=is_successor)

    def _look_at(self, place: VaultLocation, reporter: Reporter) -> StoredSecret:
        """Ask Vault what stands at a place; a path that looks copied from an API path is said to be so."""
        # Of a place in short the mount is not known yet, and most mounts have no slash.
        copied = api_path_hint(place.path if place.mount else place.path.partition("/")[2])
        try:
            stored = self._tenants.store().preflight_delivery(place)
        except AccessDenied as problem:
            raise problem.with_hint(copied) from None
        if copied and not stored.exists:
            reporter.warn(f"Vault {place} does not exist, and the key makes it. {copied}")
        return stored

    def _check_ownership(
        self, place: VaultLocation, stored: StoredSecret, identity: Identity, *, is_successor: bool
    ) -> None:
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
            reporter.info(f"{spell('rotationTriggers')} are not known yet: the key may rotate")

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


def report_label(news: Mapping[str, Any], inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
    """Say that a label was made out of a resource's name which could not be one as it is."""
    if news.get("name") is None and inputs.name != identity.name:
        reporter.info(
            f"the key's label in AlloMia's dashboard is “{inputs.name}”: the resource's name has more than "
            f"{LONGEST_LABEL} characters, or some that a label cannot have. Another label is set with name"
        )


def warn_if_abrupt(olds: Mapping[str, Any], inputs: Inputs, reporter: Reporter) -> None:
    """Warn of inputs that newly let a rotation end the old key while readers of Vault may still use it."""
    if _is_abrupt(inputs) and not _was_abrupt(olds):
        reporter.warn(
            f"{spell('vaultSecret')} with rotation and without overlap: readers of Vault poll, and the old key ends "
            "with the `pulumi up` that rotates it. Give them time with overlap"
        )


def _is_abrupt(inputs: Inputs) -> bool:
    rotates = inputs.rotation_triggers or inputs.rotate_after
    return bool(inputs.vault_secret and rotates and not inputs.overlap)


def _was_abrupt(olds: Mapping[str, Any]) -> bool:
    inputs, _ = parse_inputs({**olds, "name": olds.get("name") or "key"}) if olds else (None, [])
    return inputs is not None and _is_abrupt(inputs)


def is_place_new(olds: Mapping[str, Any], inputs: Inputs) -> bool:
    """Tell whether the program names another place in Vault than before, whatever form both have."""
    place, before = inputs.vault_secret, former_place(olds)
    return isinstance(place, VaultLocation) and (before is None or not place.is_same(before))
