"""The life cycle of a declared key: check, diff, create, read, update, delete, the same for every face.

A face translates its calls to these and their answers back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.clock import Clock
from allomia_pulumi.errors import AllomiaError, OrganizationFull, SetupError
from allomia_pulumi.keys.adopting import Adopter
from allomia_pulumi.keys.applied import settings_of
from allomia_pulumi.keys.creating import Creation
from allomia_pulumi.keys.deleting import Deletion
from allomia_pulumi.keys.fields import Failure
from allomia_pulumi.keys.forecast import forecast_update
from allomia_pulumi.keys.foresight import Foresight, is_abrupt, is_place_new, refusal, was_abrupt
from allomia_pulumi.keys.importing import Importer
from allomia_pulumi.keys.inputs import lineage_of, parse_inputs, with_lineage, with_name
from allomia_pulumi.keys.inspecting import Inspector
from allomia_pulumi.keys.making import Maker
from allomia_pulumi.keys.marks import draw_lineage
from allomia_pulumi.keys.memory import Memory, Planned, Replacement
from allomia_pulumi.keys.minting import Minter, Order
from allomia_pulumi.keys.models import (
    Identity,
    Inputs,
    KeyState,
    Reason,
    Settings,
    Unknown,
    read_outputs,
)
from allomia_pulumi.keys.plan import Plan, Step, make_plan
from allomia_pulumi.keys.ports import KeyApi, Reporter, Tenants
from allomia_pulumi.keys.proof import revoke_for_good
from allomia_pulumi.keys.reading import Marks, Reading, name_strays, name_unknown_keys
from allomia_pulumi.keys.resource import Checked, Forecast, Outputs
from allomia_pulumi.keys.slots import Ledger
from allomia_pulumi.keys.updating import Update
from allomia_pulumi.keys.wording import explaining_configuration

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
        if old_identity:
            self._memory.forget_reads(old_identity)
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
                self._foresight.look_at_place(inputs, identity, self._replaced(identity), reporter)
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
        inputs = _checked(news)
        state, now = read_outputs(outputs), self._clock.now()
        self._memory.remember_keys(state.key_ids)
        plan = make_plan(inputs, state, now)
        if plan.refused:
            raise refusal(plan.refused, inputs, state)
        has_slot = not plan.is_rotation or self._foresight.has_slot(inputs, state, plan, identity, reporter)
        plan = make_plan(inputs, state, now, has_slot=has_slot)
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
            self._memory.remember_replacement(identity, Replacement(plan.reason, state.key_ids, state.record.lineage))
        self._memory.remember_plan(pulumi_id, Planned(now, has_slot))
        return plan

    def create(
        self, news: Mapping[str, Any], identity: Identity, reporter: Reporter, *, keeps_unfinished: bool = False
    ) -> tuple[str, KeyState]:
        """Mint a key, or adopt one, prove it, and hand it over with its Pulumi id.

        A rotation by replacement mints, whatever `adopt` says: it has done its work with the first key. With
        `keeps_unfinished`, a key that exists without being finished is returned, and the reporter told what is owed.

        Raises:
            OrganizationFull: No slot; nothing was sent.
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            OutcomeUnknown: AlloMia may still make a key; the message has the name to look for.
            AllomiaError: No key exists.
        """
        inputs, settings = _known(news)
        api = self._tenants.open(settings.reference)
        replacement = self._memory.take_replacement(identity)
        lineage = lineage_of(news) or draw_lineage()
        order = Order(settings.organization_id, settings.name, identity, self._tenants.owner, lineage)
        creation = Creation(
            inputs=inputs,
            settings=settings,
            order=order,
            replacement=replacement,
            adopter=self._adopter(api, reporter),
            maker=self._maker(api, reporter),
            clock=self._clock,
            reporter=reporter,
            keeps_unfinished=keeps_unfinished,
        )
        if creation.adoption is None:
            known = (replacement.known_keys if replacement else frozenset()) | self._memory.keys
            name_unknown_keys(self._ledger.alive(api, order.organization_id), order, known, self._clock, reporter)
        state = creation.run()
        self._memory.remember_keys(state.key_ids)
        self._memory.hold(identity, () if creation.adoption is None else state.key_ids)
        return f"{order.organization_id}/{state.key_id}", state

    def import_(self, pulumi_id: str, identity: Identity, reporter: Reporter) -> tuple[KeyState, dict[str, Any]]:
        """Return the record of a key that exists already, proved if its secret is at hand, and inputs for it.

        Raises:
            AllomiaError: Nothing was imported.
        """
        inspector = Inspector(self._tenants.open(None), self._ledger, self._clock, reporter)
        state, inputs = Importer(self._tenants, inspector, reporter).run(pulumi_id, identity)
        self._memory.remember_keys(state.key_ids)
        self._memory.remember_import(pulumi_id)
        return state, inputs

    def forecast(self, pulumi_id: str, outputs: Mapping[str, Any], news: Mapping[str, Any]) -> Forecast:
        """Tell what the update that the last diff decided will leave; nothing is asked or done."""
        inputs, state = _checked(news), read_outputs(outputs)
        planned = self._memory.take_plan(pulumi_id) or Planned(self._clock.now(), has_slot=False)
        return forecast_update(inputs, state, make_plan(inputs, state, planned.now, has_slot=planned.has_slot))

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> KeyState | None:
        """Look whether the key is still there; return its state, or None on proof that it is gone.

        Raises:
            AllomiaError: Nothing is proved; the engine keeps the state.
        """
        state = read_outputs(outputs)
        with explaining_configuration(state.record.settings.reference):
            api = self._tenants.open(state.record.settings.reference)
            self._memory.remember_keys(state.key_ids)
            reading = Reading(
                api=api,
                store=self._tenants.store,
                ledger=self._ledger,
                clock=self._clock,
                reporter=reporter,
                known=self._memory.keys,
                owner=self._tenants.owner,
            )
            found = reading.read(state)
        if found is not None:
            self._memory.remember_read(pulumi_id, found.record.identity)
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
        inputs, settings = _known(news)
        state = read_outputs(outputs)
        planned = self._memory.take_plan(pulumi_id) or Planned(self._clock.now(), has_slot=False)
        plan = make_plan(inputs, state, planned.now, has_slot=planned.has_slot)
        api = self._tenants.open(settings.reference)
        update = Update(
            inputs=inputs,
            slot=identity,
            now=planned.now,
            clock=self._clock,
            api=api,
            store=self._tenants.store,
            maker=self._maker(api, reporter),
            ledger=self._ledger,
            reporter=reporter,
        )
        after = update.run(state, plan)
        self._memory.remember_keys(after.key_ids | state.key_ids)
        if state.rotation_reason is Reason.IMPORTED:
            self._memory.hold(identity, after.key_ids)
        try:
            alive = self._ledger.alive(api, after.record.settings.organization_id)
            marks = Marks((after.record.identity, identity), (after.record.owner, self._tenants.owner))
            name_strays(alive, after, marks, self._clock, reporter, self._memory.keys)
        except AllomiaError as problem:
            reporter.warn(f"the update is done; looking for stray keys failed: {problem}")
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
            Deletion(api, self._clock, self._tenants.store, self._ledger, reporter, self._memory.held).delete(state)

    def abandon(self, before: Mapping[str, Any], after: Outputs, reporter: Reporter) -> None:
        """Revoke the key that an operation made whose answer nobody takes; one that Vault holds stays for its readers.

        A key that cannot be revoked carries its mark, and the next run names it.
        """
        state = read_outputs(after.to_outputs())
        known = read_outputs(before).key_ids if before else frozenset()
        settings = state.record.settings
        if state.key_id in known or state.vault_secret_version is not None:
            return
        api = self._tenants.open(settings.reference)
        with self._ledger.writing(settings.organization_id):
            revoke_for_good(api, self._clock, settings.organization_id, state.key_id, reporter.warn)
        reporter.warn(f"key {state.key_id} was revoked: its engine is gone, and nobody could record it")

    def _replaced(self, identity: Identity) -> frozenset[str]:
        """Return the keys that a replacement, announced by the diff before, is about to replace."""
        replacement = self._memory.replacement(identity)
        return replacement.known_keys if replacement else frozenset()

    def _adopter(self, api: KeyApi, reporter: Reporter) -> Adopter:
        return Adopter(
            Inspector(api, self._ledger, self._clock, reporter), self._tenants.store, self._maker(api, reporter)
        )

    def _maker(self, api: KeyApi, reporter: Reporter) -> Maker:
        minter = Minter(api, self._clock, reporter, self._ledger, self._memory.keys)
        return Maker(api, self._tenants.store, self._ledger, minter)


def _checked(news: Mapping[str, Any]) -> Inputs:
    """Read inputs that check has let through."""
    inputs, failures = parse_inputs(news)
    if inputs is None:
        raise SetupError("; ".join(failure.reason for failure in failures))
    return inputs


def _known(news: Mapping[str, Any]) -> tuple[Inputs, Settings]:
    """Read inputs that check has let through and that are all known by now."""
    inputs = _checked(news)
    if any(isinstance(getattr(inputs, name), Unknown) for name in Inputs.model_fields):
        raise SetupError("an input is still unknown, so nothing was done", "Run `pulumi up` again.")
    return inputs, settings_of(inputs)
