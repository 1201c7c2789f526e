"""The life cycle of a declared key: check, diff, create, read, update, delete, the same for every face.

A face translates its calls to these and their answers back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.core.handler import Checked, Outputs, Preview
from allomia_pulumi.core.input_fields import Failure
from allomia_pulumi.core.marks import draw_lineage
from allomia_pulumi.core.messages import explain, explaining_configuration
from allomia_pulumi.core.minted_key.conversation import Memory, Planned, Replacement
from allomia_pulumi.core.minted_key.creations import Creations
from allomia_pulumi.core.minted_key.delete import Deletion
from allomia_pulumi.core.minted_key.identity import is_elsewhere, made_elsewhere
from allomia_pulumi.core.minted_key.import_ import Importer
from allomia_pulumi.core.minted_key.inputs import (
    checked_inputs,
    known_inputs,
    lineage_of,
    parse_inputs,
    with_lineage,
    with_name,
)
from allomia_pulumi.core.minted_key.inspect import Inspector
from allomia_pulumi.core.minted_key.operations import Builder
from allomia_pulumi.core.minted_key.plan import Plan, Step, make_plan
from allomia_pulumi.core.minted_key.preflight import Foresight, is_abrupt, is_place_new, refusal, was_abrupt
from allomia_pulumi.core.minted_key.preview import preview_update
from allomia_pulumi.core.minted_key.read import Reading, require_here
from allomia_pulumi.core.minted_key.record import settings_of
from allomia_pulumi.core.minted_key.repeats import Outcome, digest
from allomia_pulumi.core.minted_key.state import Identity, Inputs, KeyState, Origin, Reason, Unknown, read_outputs
from allomia_pulumi.core.quota import Ledger
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AllomiaError, OrganizationFull, SetupError
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["OrganizationKeys"]


class OrganizationKeys:
    """All declared keys of one process.

    Args:
        tenants: Where AlloMia's clients come from.
        clock: Where time comes from.
    """

    def __init__(self, tenants: Tenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._ledger = Ledger(clock)
        self._memory = Memory()
        self._foresight = Foresight(tenants, self._ledger, clock)
        self._builder = Builder(tenants, clock, self._ledger, self._memory)
        self._creations = Creations(self._builder)

    def check(
        self,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
        *,
        old_identity: Identity | None = None,
        seed: bytes = b"",
    ) -> Checked:
        """Validate inputs, fill in label and lineage; for a new key also see that its organization has a slot.

        AlloMia or Vault out of reach is a warning here, since create repeats the look before it sends anything.
        """
        if olds:
            self._memory.forget_reads({identity, old_identity or identity}, lineage_of(olds))
        replacement = self._memory.replacement(identity)
        kept = replacement.lineage if replacement else None
        wire = with_lineage(with_name(news, olds, identity), olds, kept or draw_lineage(seed))
        inputs, failures = parse_inputs(wire)
        if inputs is None:
            return Checked(wire, tuple(failures))
        try:
            if not isinstance(inputs.tenant_key_ref, Unknown):
                self._tenants.require(inputs.tenant_key_ref)
                if not olds and (inputs.adopt is None or replacement):
                    api = self._tenants.open(inputs.tenant_key_ref)
                    self._foresight.take_slot(api, inputs, identity, reporter)
            if not olds or is_place_new(olds, news):
                self._look_at_place(olds, inputs, identity, reporter)
        except (SetupError, OrganizationFull) as problem:
            return Checked(wire, (Failure("", str(problem)),))
        is_replacement = not olds and replacement is not None
        if is_abrupt(inputs) and not was_abrupt(olds) and not is_replacement:
            reporter.warn(
                "vaultSecret with rotation and without overlap: readers of Vault poll, and the old key ends with the "
                "`pulumi up` that rotates it. Give them time with overlap"
            )
        return Checked(wire)

    def diff(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> Plan:
        """Decide what to do; a rotation promises itself a slot, or waits for the next `pulumi up`."""
        if self._memory.take_read(pulumi_id):
            return Plan(steps=(Step.FINISH,) if outputs.get("pending") else ())
        inputs = checked_inputs(news)
        state, now = read_outputs(outputs), self._clock.now()
        today = self._builder.today(state, identity)
        self._memory.remember_keys(pulumi_id, identity, state.key_ids)
        self._remember_held(state)
        plan = make_plan(inputs, state, now, today=today)
        if plan.refused:
            raise refusal(plan.refused, inputs, state)
        has_slot = not plan.is_rotation or self._foresight.has_slot(inputs, state, plan, identity, reporter)
        plan = make_plan(inputs, state, now, today=today, has_slot=has_slot)
        self._foresight.say_plan(plan, inputs, state, reporter)
        is_imported = state.rotation_reason is Reason.IMPORTED
        if is_imported and state.is_secret_unknown and not self._memory.was_imported(pulumi_id):
            reporter.warn(
                f"key {state.key_id} was imported without its secret: `secret` stays empty until a rotation brings one"
            )
        if inputs.adopt is not None:
            reporter.warn(
                "`adopt` has done its work: remove it from the program. A forced replacement (--target-replace, taint) "
                "would adopt the same key again instead of making a new one"
            )
        is_held = is_imported and not plan.replaces
        self._memory.hold(identity, state.key_ids if is_held else ())
        if plan.replaces:
            record = state.record
            former = tuple(each for each in record.origins if each != today.origin)
            announced = Replacement(plan.reason, state.key_ids, record.lineage, record.owner, former, record.made_place)
            self._memory.remember_replacement(identity, announced)
        self._memory.remember_plan(pulumi_id, Planned(now, has_slot))
        return plan

    def create(
        self, news: Mapping[str, Any], identity: Identity, reporter: Reporter, *, keeps_unfinished: bool = False
    ) -> tuple[str, KeyState]:
        """Mint a key, or adopt one, prove it, and hand it over with its Pulumi id.

        A rotation by replacement mints, whatever `adopt` says: it has done its work with the first key. With
        `keeps_unfinished`, a key that exists without being finished is returned, and the reporter told what is owed.
        A repeated call goes on from what the one before left.

        Raises:
            OrganizationFull: No slot; nothing was sent.
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            OutcomeUnknown: AlloMia may still make a key; the message has the name to look for.
            AllomiaError: No key exists.
        """
        with self._memory.alone(identity):
            pulumi_id, state = self._creations.create(news, identity, reporter, keeps_unfinished=keeps_unfinished)
        self._remember_held(state)
        return pulumi_id, state

    def import_(self, pulumi_id: str, identity: Identity, reporter: Reporter) -> tuple[KeyState, dict[str, Any]]:
        """Return the record of a key that exists already, proved if its secret is at hand, and inputs for it.

        Raises:
            AllomiaError: Nothing was imported.
        """
        inspector = Inspector(self._tenants.open(None), self._ledger, self._clock, reporter)
        state, inputs = Importer(self._tenants, inspector, reporter).run(pulumi_id, identity)
        self._memory.remember_keys(pulumi_id, identity, state.key_ids)
        self._memory.remember_import(pulumi_id)
        self._remember_held(state)
        return state, inputs

    def preview(
        self, pulumi_id: str, outputs: Mapping[str, Any], news: Mapping[str, Any], identity: Identity
    ) -> Preview:
        """Tell what the update that the last diff decided will leave; nothing is asked or done."""
        inputs, state = checked_inputs(news), read_outputs(outputs)
        today = self._builder.today(state, identity)
        planned = self._memory.plan(pulumi_id) or Planned(self._clock.now(), has_slot=False)
        plan = make_plan(inputs, state, planned.now, today=today, has_slot=planned.has_slot)
        return preview_update(inputs, state, plan, today)

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> KeyState | None:
        """Look whether the key is still there; return its state, or None on proof that it is gone.

        Raises:
            AllomiaError: Nothing is proved; the engine keeps the state.
        """
        state = read_outputs(outputs)
        with explaining_configuration(state.record.settings.reference):
            api = self._tenants.open(state.record.settings.reference)
            self._memory.remember_keys(pulumi_id, state.record.identity, state.key_ids)
            reading = Reading(
                api=api,
                store=self._tenants.store,
                ledger=self._ledger,
                clock=self._clock,
                reporter=reporter,
                known=self._memory.keys,
                owner=self._tenants.owner,
                service=self._tenants.service,
            )
            found = reading.read(state)
        if found is not None:
            names = (each.identity for each in found.record.origins)
            self._memory.remember_read(pulumi_id, names, found.record.lineage)
        return found

    def update(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> KeyState:
        """Do what the diff planned, as of its moment; a replacement that is only due now is left for the next run.

        Raises:
            AllomiaError: Nothing was changed, and what made the update due stays due.
        """
        with self._memory.alone(identity):
            return self._update(pulumi_id, outputs, news, identity, reporter)

    def _update(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> KeyState:
        if self._creations.is_repeated(pulumi_id, outputs, news, identity):
            return self._creations.create(news, identity, reporter, keeps_unfinished=True)[1]
        inputs = known_inputs(news)
        earlier, state = self._memory.update(pulumi_id), read_outputs(outputs)
        if earlier is not None and earlier.is_of(news, outputs):
            state = earlier.state
            if earlier.is_complete:
                return state
        api = self._tenants.open(settings_of(inputs).reference)
        today = self._builder.today(state, identity)
        if is_elsewhere(state.record, today.service):
            require_here(api, state, today.service)
        planned = self._memory.plan(pulumi_id) or Planned(self._clock.now(), has_slot=False)
        plan = make_plan(inputs, state, planned.now, today=today, has_slot=planned.has_slot)
        if plan.waiting and self._memory.plan(pulumi_id) is None:
            reporter.warn(f"the rotation of key {state.key_id} ({plan.waiting}) is left for the next `pulumi up`")
        update = self._builder.update(inputs, today, planned.now, api, reporter)
        after = update.run(state, plan)
        # From here on the new state is what counts: whatever goes wrong, also a fault of ours, must not lose it.
        try:
            self._memory.remember_keys(pulumi_id, identity, after.key_ids | state.key_ids)
            left = make_plan(inputs, after, planned.now, today=today, has_slot=planned.has_slot)
            self._memory.remember_update(
                Outcome(pulumi_id, digest(news), digest(outputs), after, is_complete=not left.has_changes)
            )
            if state.rotation_reason is Reason.IMPORTED:
                self._memory.hold(identity, after.key_ids)
            alive = self._ledger.alive(api, after.record.settings.organization_id)
            self._builder.update(inputs, today, planned.now, api, reporter).strays(after).name_beside(after, alive)
        except Exception as problem:  # noqa: BLE001 - see above
            reporter.warn(f"the update is done; looking for stray keys failed: {explain(problem)}")
        return after

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """Revoke the predecessor, the key, and what is left of half-finished updates; then clear Vault of them.

        A key that is proved gone counts as revoked, so a repeated delete does no harm.

        Raises:
            AllomiaError: A key may be alive, or a copy in Vault; the message names it and the way out.
        """
        state = read_outputs(outputs)
        with explaining_configuration(state.record.settings.reference):
            api = self._tenants.open(state.record.settings.reference)
            if is_elsewhere(state.record, self._tenants.service):
                raise made_elsewhere(state, self._tenants.service, "nothing was revoked")
            Deletion(
                api=api,
                clock=self._clock,
                store=self._tenants.store,
                ledger=self._ledger,
                reporter=reporter,
                held=self._memory.held,
                replaced=self._memory.replaced,
            ).delete(state)
        self._memory.forget_record(state.key_ids)

    def abandon(self, before: Mapping[str, Any], after: Outputs, reporter: Reporter) -> None:
        """Revoke the key that an operation made whose answer nobody takes; one that Vault holds stays for its readers.

        A key that cannot be revoked carries its mark, and the next run names it.
        """
        state = read_outputs(after.to_outputs())
        known = read_outputs(before).key_ids if before else frozenset()
        settings = state.record.settings
        is_ours = state.key_id not in known and self._memory.has_minted(state.key_id)
        if not is_ours or self._may_stand_in_vault(state):
            return
        api = self._tenants.open(settings.reference)
        with self._ledger.writing(settings.organization_id):
            revoke_for_good(api, self._clock, settings.organization_id, state.key_id, reporter.warn)
        self._memory.forget_record({state.key_id})
        reporter.warn(f"key {state.key_id} was revoked: its engine is gone, and nobody could record it")

    def _may_stand_in_vault(self, state: KeyState) -> bool:
        """Tell whether readers of Vault may have the key: where a delivery is owed, only Vault can say no."""
        place = state.record.settings.vault_secret
        if place is None or state.vault_secret_version is not None:
            return place is not None
        try:
            return self._tenants.store().inspect_secret(place).key_id == state.key_id
        except AllomiaError:
            return True

    def _remember_held(self, state: KeyState) -> None:
        """Tell the other kind of resource which keys are not a person's to delete any more."""
        predecessor = fingerprint(state.previous_secret) if state.previous_secret else ""
        for mark in filter(None, (state.secret_fingerprint, predecessor)):
            self._tenants.remember_held(mark)

    def _look_at_place(self, olds: Mapping[str, Any], inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
        """See that the key may be delivered; for a successor, what the diff knows of its predecessor counts as own."""
        replacement = None if olds else self._memory.replacement(identity)
        owner = self._tenants.owner or (replacement.owner if replacement else "")
        origin = Origin(identity=identity, owner=owner)
        origins = (origin, *(replacement.former if replacement else ()))
        known = replacement.known_keys if replacement else frozenset()
        others = frozenset() if olds else self._memory.keys_of_others(identity)
        self._foresight.look_at_place(inputs, origins, known, others, reporter)
