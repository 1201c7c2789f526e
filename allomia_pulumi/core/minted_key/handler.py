"""The handler of `OrganizationApiKey`: check, diff, create, read, update, delete, the same for every face.

A face translates its calls to these and their answers back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.core.handler import Call, Checked, Outputs, Preview
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import Failure, require_checked
from allomia_pulumi.core.listing import Page, PageRequest
from allomia_pulumi.core.marks import draw_lineage
from allomia_pulumi.core.messages import explain, explaining_configuration
from allomia_pulumi.core.minted_key.abandon import abandon
from allomia_pulumi.core.minted_key.context import Context
from allomia_pulumi.core.minted_key.conversation import KeyConversation, Outcome, Planned, Replacement
from allomia_pulumi.core.minted_key.create import Creations
from allomia_pulumi.core.minted_key.identity import is_elsewhere, made_elsewhere
from allomia_pulumi.core.minted_key.import_ import Importer
from allomia_pulumi.core.minted_key.inputs import (
    Declaration,
    Inputs,
    digest,
    lineage_of,
    parse_inputs,
    read_declaration,
    with_lineage,
    with_name,
)
from allomia_pulumi.core.minted_key.inspect import Inspector
from allomia_pulumi.core.minted_key.listing import list_page
from allomia_pulumi.core.minted_key.plan import Plan, Step, make_plan
from allomia_pulumi.core.minted_key.preflight import Preflight, is_place_new, refusal, report_label, warn_if_abrupt
from allomia_pulumi.core.minted_key.preview import preview_update
from allomia_pulumi.core.minted_key.read import require_here
from allomia_pulumi.core.minted_key.record import settings_of
from allomia_pulumi.core.minted_key.state import KeyState, Reason, read_outputs
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.quota import Quota
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
        self._quota = Quota(clock)
        self._conversation = KeyConversation()
        self._context = Context(tenants, clock, self._quota, self._conversation)
        self._preflight = Preflight(self._context)
        self._creations = Creations(self._context)

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Checked:
        """Validate inputs, fill in label and lineage; for a new key also foresee whether create would fail.

        If the call is foreseen later, a new key only takes its place in the order in which slots are given.
        """
        identity, reporter = call.identity, call.reporter
        self._quota.read_ahead.announce(call.announced)
        if olds:
            self._conversation.forget_reads({identity, call.old_identity or identity}, lineage_of(olds))
        replacement = self._conversation.replacement(identity)
        kept = replacement.lineage if replacement else None
        wire = with_lineage(with_name(news, olds, identity), olds, kept or draw_lineage(call.seed))
        inputs, failures = parse_inputs(wire)
        if inputs is None:
            return Checked(wire, tuple(failures))
        try:
            if not isinstance(inputs.tenant_key_ref, Unknown):
                self._tenants.require(inputs.tenant_key_ref)
            if not olds and call.is_foreseen:
                self._queue(inputs, identity)
            elif not olds:
                self._foresee(inputs, identity, reporter)
            elif is_place_new(olds, inputs):
                self._preflight.check_location(inputs, identity, reporter, is_successor=False)
        except (SetupError, OrganizationFull) as problem:
            return Checked(wire, (Failure("", str(problem)),))
        if olds or replacement is None:
            warn_if_abrupt(olds, inputs, reporter)
        if not olds and replacement is None:
            report_label(news, inputs, identity, reporter)
        return Checked(wire)

    def foresee(self, news: Mapping[str, Any], call: Call) -> None:
        """See that AlloMia will give a new key a slot, or show the one to adopt, and that it may be delivered.

        What is not certain to fail in create too is a warning: create looks again before it sends anything.

        Raises:
            OrganizationFull: There is no slot.
            AllomiaError: Another failure of create is certain.
        """
        self._foresee(require_checked(parse_inputs(news)), call.identity, call.reporter)

    def _foresee(self, inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
        if not isinstance(inputs.tenant_key_ref, Unknown):
            api = self._tenants.open(inputs.tenant_key_ref)
            if self._adopts(inputs, identity):
                self._preflight.check_adoption(api, inputs, reporter)
            else:
                self._preflight.reserve_slot(api, inputs, identity, reporter)
        self._preflight.check_location(inputs, identity, reporter, is_successor=True)

    def _queue(self, inputs: Inputs, identity: Identity) -> None:
        """Take the key's place in the order of its organization's slots, and start to read the list that tells them."""
        reference, organization_id = inputs.tenant_key_ref, inputs.organization_id
        self._conversation.record_coming(identity, inputs)
        if not isinstance(reference, Unknown) and not isinstance(organization_id, Unknown):
            if not self._adopts(inputs, identity):
                self._quota.queue(organization_id, identity)
            self._quota.read_ahead.request(self._tenants.open(reference), organization_id)

    def _foresee_successor(self, inputs: Inputs, state: KeyState, reporter: Reporter) -> None:
        """Foresee the key that is made when an old one has ended; that frees its slot.

        Raises:
            AllomiaError: A failure is certain, so the old key has to stay.
        """
        identity = state.record.identity
        try:
            try:
                self._foresee(inputs, identity, reporter)
            except OrganizationFull:
                if inputs.organization_id != state.record.settings.organization_id:
                    raise
                self._preflight.check_location(inputs, identity, reporter, is_successor=True)
        except AllomiaError as problem:
            problem.message = (
                f"key {state.key_id} was not revoked, since the one that is to replace it cannot be made: "
                f"{problem.message}"
            )
            raise

    def _adopts(self, inputs: Inputs, identity: Identity) -> bool:
        """Tell whether a key is taken over; a rotation by replacement has done that with the first one."""
        return inputs.adopt is not None and self._conversation.replacement(identity) is None

    def diff(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Plan:
        """Decide what to do; a rotation reserves itself a slot, or waits for the next `pulumi up`."""
        pulumi_id, identity, reporter = call.pulumi_id, call.identity, call.reporter
        if self._conversation.take_read(pulumi_id):
            return Plan(steps=(Step.FINISH,) if outputs.get("pending") else ())
        inputs = require_checked(parse_inputs(news))
        state, now = read_outputs(outputs), self._clock.now()
        today = self._context.today(state, identity)
        self._conversation.record_keys(pulumi_id, identity, state.key_ids)
        self._record_managed(state)
        plan = make_plan(inputs, state, now, today=today)
        if plan.refused:
            raise refusal(plan.refused, inputs, state)
        has_slot = not plan.is_rotation or self._preflight.has_slot(inputs, state, plan, identity, reporter)
        if not has_slot:
            plan = make_plan(inputs, state, now, today=today, has_slot=False)
        self._preflight.report(plan, inputs, state, reporter)
        self._preflight.report_origin(pulumi_id, inputs, state, reporter)
        is_imported = state.rotation_reason is Reason.IMPORTED
        self._conversation.record_kept(identity, state.key_ids if is_imported and not plan.replaces else ())
        if plan.replaces:
            record = state.record
            former = tuple(each for each in record.origins if each != today.origin)
            announced = Replacement(plan.reason, state.key_ids, record.lineage, record.owner, former, record.made_place)
            self._conversation.record_replacement(identity, announced)
        self._conversation.record_plan(pulumi_id, Planned(now, has_slot))
        return plan

    def create(self, news: Mapping[str, Any], call: Call) -> tuple[str, KeyState]:
        """Mint a key, or adopt one, prove it, and hand it over with its Pulumi id.

        A rotation by replacement mints, whatever `adopt` says: it has done its work with the first key. If
        the call keeps what is unfinished, a key that exists without being finished is returned, and the reporter is
        given what is owed.
        A repeated call goes on from what the one before left.

        Raises:
            OrganizationFull: No slot; nothing was sent.
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            OutcomeUnknown: AlloMia may still make a key; the message has the name to look for.
            AllomiaError: No key exists.
        """
        declaration = read_declaration(news)
        self._conversation.take_coming(call.identity)
        with self._conversation.lock(call.identity):
            pulumi_id, state = self._creations.create(
                declaration, call.identity, call.reporter, keeps_unfinished=call.keeps_unfinished
            )
        self._record_managed(state)
        return pulumi_id, state

    def import_(self, pulumi_id: str, identity: Identity, reporter: Reporter) -> tuple[KeyState, dict[str, Any]]:
        """Return the record of a key that exists already, proved if its secret is at hand, and inputs for it.

        Raises:
            AllomiaError: Nothing was imported.
        """
        inspector = Inspector(self._tenants.open(None), self._quota, self._clock, reporter)
        state, inputs = Importer(self._tenants, inspector, reporter).run(pulumi_id, identity)
        self._conversation.record_keys(pulumi_id, identity, state.key_ids)
        self._conversation.record_import(pulumi_id)
        self._record_managed(state)
        return state, inputs

    def list_page(self, query: Mapping[str, Any], asked: PageRequest, reporter: Reporter) -> Page | None:
        """Return a page of the living keys that a query finds; None while the query is not known yet.

        Raises:
            AllomiaError: Nothing is shown.
        """
        return list_page(self._tenants, query, asked, reporter)

    def preview(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Preview:
        """Tell what the update that the last diff decided will leave; nothing is asked or done."""
        inputs, state = require_checked(parse_inputs(news)), read_outputs(outputs)
        today = self._context.today(state, call.identity)
        planned = self._planned(call.pulumi_id)
        plan = make_plan(inputs, state, planned.now, today=today, has_slot=planned.has_slot)
        return preview_update(inputs, state, plan, today)

    def _planned(self, pulumi_id: str) -> Planned:
        """Return what the last diff decided; without one, a rotation waits for the next."""
        return self._conversation.plan(pulumi_id) or Planned(self._clock.now(), has_slot=False)

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> KeyState | None:
        """Look whether the key is still there; return its state, or None on proof that it is gone.

        Raises:
            AllomiaError: Nothing is proved; the engine keeps the state.
        """
        state = read_outputs(outputs)
        with explaining_configuration(state.record.settings.reference):
            api = self._tenants.open(state.record.settings.reference)
            self._conversation.record_keys(pulumi_id, state.record.identity, state.key_ids)
            found = self._context.reading(api, reporter).read(state)
        if found is not None:
            names = (each.identity for each in found.record.origins)
            self._conversation.record_read(pulumi_id, names, found.record.lineage)
        return found

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> KeyState:
        """Do what the diff planned, as of its moment; a replacement that is only due now is left for the next run.

        Raises:
            AllomiaError: Nothing was changed, and what made the update due stays due.
        """
        declaration, pulumi_id, identity = read_declaration(news), call.pulumi_id, call.identity
        with self._conversation.lock(identity):
            if self._creations.is_repeated(pulumi_id, outputs.get("keyId"), declaration, identity):
                return self._creations.create(declaration, identity, call.reporter, keeps_unfinished=True)[1]
            return self._update(pulumi_id, outputs, declaration, identity, call.reporter)

    def _update(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        declaration: Declaration,
        identity: Identity,
        reporter: Reporter,
    ) -> KeyState:
        inputs, asked, before = declaration.inputs, declaration.digest, digest(outputs)
        earlier, state = self._conversation.update(pulumi_id), read_outputs(outputs)
        if earlier is not None and earlier.is_of(asked, before):
            state = earlier.state
            if earlier.is_complete:
                return state
        api = self._tenants.open(settings_of(inputs).reference)
        today = self._context.today(state, identity)
        if is_elsewhere(state.record, today.service):
            require_here(api, state, today.service)
        planned = self._planned(pulumi_id)
        plan = make_plan(inputs, state, planned.now, today=today, has_slot=planned.has_slot)
        if plan.waiting and self._conversation.plan(pulumi_id) is None:
            reporter.warn(f"the rotation of key {state.key_id} ({plan.waiting}) is left for the next `pulumi up`")
        after = self._context.update(inputs, today, planned.now, api, reporter).run(state, plan)
        # From here on the new state is what counts: whatever goes wrong, also a fault of ours, must not lose it.
        try:
            self._conversation.record_keys(pulumi_id, identity, after.key_ids | state.key_ids)
            left = make_plan(inputs, after, planned.now, today=today, has_slot=planned.has_slot)
            outcome = Outcome(pulumi_id, asked, before, after, is_complete=not left.has_changes)
            self._conversation.record_update(outcome)
            if state.rotation_reason is Reason.IMPORTED:
                self._conversation.record_kept(identity, after.key_ids)
            alive = self._quota.alive(api, after.record.settings.organization_id)
            update = self._context.update(inputs, today, planned.now, api, reporter)
            update.operation.strays(after).warn_beside(after, alive)
        except Exception as problem:  # noqa: BLE001 - see above
            reporter.warn(f"the update is done; looking for stray keys failed: {explain(problem)}")
        return after

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """Revoke the predecessor, the key, and what is left of half-finished updates; then clear Vault of them.

        A key that is proved gone counts as revoked, so a repeated delete does no harm. One that is deleted before its
        successor is made is only revoked if that can be made: check has not looked.

        Raises:
            AllomiaError: A key may be alive, or a copy in Vault; the message names it and the way out.
        """
        state = read_outputs(outputs)
        if (coming := self._conversation.take_coming(state.record.identity)) is not None:
            self._foresee_successor(coming, state, reporter)
        with explaining_configuration(state.record.settings.reference):
            api = self._tenants.open(state.record.settings.reference)
            if is_elsewhere(state.record, self._tenants.service):
                raise made_elsewhere(state, self._tenants.service, "nothing was revoked")
            self._context.deletion(api, reporter).delete(state)
        self._conversation.forget_record(state.key_ids)

    def abandon(self, before: Mapping[str, Any], after: Outputs, reporter: Reporter) -> None:
        """Revoke the key that an operation made whose answer nobody takes; one that Vault holds stays for its readers.

        A key that cannot be revoked carries its mark, and the next run names it.
        """
        abandon(self._context, before, read_outputs(after.to_outputs()), reporter)

    def _record_managed(self, state: KeyState) -> None:
        """Tell the other kind of resource which keys are not a person's to delete any more."""
        predecessor = fingerprint(state.previous_secret) if state.previous_secret else ""
        for mark in filter(None, (state.secret_fingerprint, predecessor)):
            self._tenants.record_managed(mark)
