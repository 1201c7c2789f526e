"""The handler of `Organization`: check, diff, create, read, update, delete, the same for every face.

A face translates its calls to these and their answers back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import OrganizationTenants
from allomia_pulumi.core.forecast import Forecast
from allomia_pulumi.core.handler import Call, Checked, Outputs, Preview
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import require_checked
from allomia_pulumi.core.listing import Page, PageRequest
from allomia_pulumi.core.marks import draw_lineage
from allomia_pulumi.core.messages import explaining_configuration
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.conversation import OrganizationConversation
from allomia_pulumi.core.organization.create import Maker
from allomia_pulumi.core.organization.delete import Deletion, say_forgotten
from allomia_pulumi.core.organization.inputs import (
    OrganizationInputs,
    parse_organization_inputs,
    read_organization_inputs,
)
from allomia_pulumi.core.organization.listing import list_page
from allomia_pulumi.core.organization.plan import OrganizationPlan, drift_of, found_by, make_plan
from allomia_pulumi.core.organization.preflight import Duplicates, check_fields, replacement_refused
from allomia_pulumi.core.organization.presence import require_present
from allomia_pulumi.core.organization.preview import preview_update
from allomia_pulumi.core.organization.roster import Rosters
from allomia_pulumi.core.organization.state import (
    AcceptedFields,
    OrganizationRecord,
    OrganizationSettings,
    OrganizationState,
    read_organization_outputs,
    shown_fields,
)
from allomia_pulumi.core.organization.takeover import Takeover, as_inputs, as_settings
from allomia_pulumi.core.organization.update import Update, record_settings_only
from allomia_pulumi.core.organization.words import (
    describe,
    describe_fields,
    describe_state,
    how_to_take_over,
    may_be_ended,
)
from allomia_pulumi.core.record import record_settings
from allomia_pulumi.errors import SetupError
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.spelling import spell

__all__ = ["Organizations"]


class Organizations:
    """All declared organizations of one process.

    Args:
        tenants: Where AlloMia's clients come from.
        clock: Where time comes from.
    """

    def __init__(self, tenants: OrganizationTenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._rosters = Rosters(clock)
        self._conversation = OrganizationConversation()
        self._duplicates = Duplicates(self._conversation)
        self._forecast = Forecast()

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Checked:
        """Validate inputs; for a new organization also see that it does not exist, or that the one to adopt does.

        What is not certain to fail in create too is a warning here: create looks again before it sends anything.
        """
        if olds:
            self._conversation.forget_reads({call.identity, call.old_identity or call.identity})
            self._conversation.record_declared(call.identity)
        inputs, failures = parse_organization_inputs(news)
        if inputs is None:
            return Checked(dict(news), tuple(failures))
        if not olds:
            if inputs.adopt is None and self._conversation.is_declared(call.identity):
                return Checked(dict(news)).failing("", str(replacement_refused()))
            self._conversation.announce(call.identity, inputs.adopt if isinstance(inputs.adopt, str) else None)
        checked = Checked(dict(news), tuple(check_fields(inputs, olds, call.reporter)))
        reference = inputs.tenant_key_ref
        if checked.failures or isinstance(reference, Unknown):
            return checked
        try:
            self._tenants.require(reference)
            if not olds:
                self._look_ahead(inputs, self._tenants.organizations(reference), call)
        except SetupError as problem:
            return checked.failing("", str(problem))
        return checked

    def _look_ahead(self, inputs: OrganizationInputs, api: OrganizationApi, call: Call) -> None:
        """Look for what makes a creation fail.

        Raises:
            SetupError: Its failure is certain.
        """
        if isinstance(inputs.adopt, Unknown):
            return
        with self._forecast.foretelling(call.reporter):
            if inputs.adopt is not None:
                Takeover(api, self._conversation, call.reporter).adopt(inputs.adopt, inputs)
            else:
                roster = self._rosters.of(api)
                self._duplicates.refuse(roster, api, inputs, call.identity, call.reporter)
                self._duplicates.refuse_twin(roster, inputs, call.identity)

    def diff(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> OrganizationPlan:
        """Compare what the program asks for with the record; nothing is asked, and nothing is ever replaced."""
        state, reporter = read_organization_outputs(outputs), call.reporter
        own = _own(call.pulumi_id, state)
        if self._conversation.take_read(own):
            return OrganizationPlan(state.record.settings, found=self._conversation.take_found(own))
        inputs = require_checked(parse_organization_inputs(news))
        self._conversation.hold(state, call.identity)
        plan = make_plan(inputs, state, call.identity, self._tenants.service)
        shown = describe_state(state)
        if plan.settings.external_id != state.record.settings.external_id:
            reporter.warn(
                f"{spell('externalId')} of organization {shown} changed, and AlloMia takes it only when it makes an "
                "organization: the change is recorded here, and AlloMia keeps what it has"
            )
        if drifted := tuple(name for name in drift_of(state) if name not in plan.fields):
            reporter.warn(
                f"AlloMia has fields of organization {shown} otherwise than they were written, and they are kept: "
                f"{describe_fields(drifted, state.fields)}. Write them into the program"
            )
        if state.is_active is False:
            reporter.warn(f"organization {shown} was deactivated outside of Pulumi; it stays in the state")
        return plan

    def create(self, news: Mapping[str, Any], call: Call) -> tuple[str, OrganizationState]:
        """Make an organization, or take over the one that the program names; each once, however often asked.

        Raises:
            OutcomeUnknown: AlloMia may have made one, or still make it; the message names what is there.
            AllomiaError: None was made.
        """
        inputs, identity = read_organization_inputs(news), call.identity
        with self._conversation.lock(identity):
            state = self._conversation.creation(identity, news)
            if state is None:
                state = self._create(inputs, identity, call.reporter)
                self._conversation.record_creation(identity, news, state)
            self._conversation.hold(state, identity)
        return state.record.organization_id, state

    def _create(self, inputs: OrganizationInputs, identity: Identity, reporter: Reporter) -> OrganizationState:
        settings = record_settings(OrganizationSettings, inputs, None)
        api = self._tenants.organizations(settings.reference)
        if isinstance(inputs.adopt, str):
            found = Takeover(api, self._conversation, reporter).adopt(inputs.adopt, inputs)
            if not self._conversation.claim(found.id, identity):
                reporter.warn(
                    f"organization {describe(found)} is another resource's of this stack too: both write it. A run "
                    "that ends one and has the other deactivates nothing; one that leaves the other out, as with "
                    "--target, may deactivate it for both"
                )
            return self._first_state(found, as_settings(found, settings), identity, is_active=found.is_active)
        maker = Maker(
            api,
            self._rosters.of(api),
            self._duplicates,
            self._conversation,
            self._clock,
            self._tenants.cancellation,
            reporter,
            identity,
        )
        made = maker.make(inputs)
        self._tenants.record_made_organization(made.id)
        # The answer to a POST does not carry it, and AlloMia documents only one way to end an organization.
        is_active = True if made.is_active is None else made.is_active
        return self._first_state(made, settings, identity, is_active=is_active)

    def _first_state(
        self,
        organization: ManagedOrganization,
        settings: OrganizationSettings,
        identity: Identity,
        *,
        is_active: bool | None,
    ) -> OrganizationState:
        record = OrganizationRecord(
            organization_id=organization.id,
            identity=identity,
            settings=settings,
            accepted=AcceptedFields(**shown_fields(organization).model_dump()),
            lineage=draw_lineage(),
            api_url=self._tenants.service.api_url,
        )
        return OrganizationState(record=record).seen(organization, is_active=is_active)

    def import_(
        self, pulumi_id: str, identity: Identity, reporter: Reporter
    ) -> tuple[OrganizationState, dict[str, Any]]:
        """Return the record of an organization that exists already, and inputs that describe it.

        Raises:
            AllomiaError: Nothing was imported.
        """
        takeover = Takeover(self._tenants.organizations(None), self._conversation, reporter)
        found = takeover.find_imported(pulumi_id)
        state = self._first_state(found, as_settings(found), identity, is_active=found.is_active)
        self._conversation.hold(state, identity)
        return state, as_inputs(state.record.settings)

    def list_page(self, query: Mapping[str, Any], asked: PageRequest, reporter: Reporter) -> Page | None:
        """Return a page of the organizations that a query finds; None while the query is not known yet.

        Raises:
            AllomiaError: Nothing is shown.
        """
        return list_page(self._tenants, query, asked, reporter)

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> OrganizationState:
        """Return the organization as AlloMia has it now; one that is gone is a person's to remove from the state.

        Raises:
            AllomiaError: Nothing is proved, or it is gone; the engine keeps the state.
        """
        state = read_organization_outputs(outputs)
        reference = state.record.settings.reference
        with explaining_configuration(reference):
            api = self._tenants.organizations(reference)
            found = require_present(api, state, self._tenants.service)
        after = state.seen(found, is_active=found.is_active)
        if may_be_ended(found):
            after = after.model_copy(update={"is_active": False})
            reporter.warn(
                f"organization {describe_state(state)} was deactivated outside of Pulumi; it stays in the state, and "
                "is not made again"
            )
        if drifted := drift_of(after):
            reporter.info(
                f"AlloMia has fields of organization {describe_state(state)} otherwise than they were written: "
                f"{describe_fields(drifted, after.fields)}"
            )
        self._conversation.claim(after.record.organization_id, after.record.identity)
        own = _own(pulumi_id, state)
        self._conversation.record_found(own, found_by(state, after))
        self._conversation.record_read(own, (state.record.identity,))
        return after

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> OrganizationState:
        """Write what the program changed, and record the settings.

        Raises:
            AllomiaError: Nothing was changed, or nothing tells; what made the update due stays due.
        """
        inputs, state = read_organization_inputs(news), read_organization_outputs(outputs)
        identity, service = call.identity, self._tenants.service
        plan = make_plan(inputs, state, identity, service)
        with self._conversation.lock(state.record.organization_id):
            if not plan.needs_look:
                after = record_settings_only(state, plan, identity, service)
            else:
                api = self._tenants.organizations(plan.settings.reference)
                after = Update(api, service, call.reporter, identity).run(inputs, state, plan)
        self._conversation.hold(after, identity)
        return after

    def preview(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Preview:
        """Tell what the update will leave; nothing is asked or done."""
        inputs, state = require_checked(parse_organization_inputs(news)), read_organization_outputs(outputs)
        return preview_update(inputs, state, make_plan(inputs, state, call.identity, self._tenants.service))

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """Forget the organization; deactivate it only if its recorded settings say so and no key of it lives.

        Raises:
            InvalidInput: Another one is to be made in its place.
            AllomiaError: It was to be deactivated, and may be active; the message says what is known.
        """
        state = read_organization_outputs(outputs)
        settings = state.record.settings
        if self._conversation.is_to_be_replaced(state):
            raise replacement_refused(state)
        if not settings.deactivate_on_destroy:
            say_forgotten(state, reporter)
        elif self._conversation.is_held_by_another(state):
            reporter.warn(
                f"organization {describe_state(state)} was not deactivated: another record of this stack goes on using "
                "it"
            )
        elif self._conversation.has_successor(state):
            reporter.warn(
                f"organization {describe_state(state)} was not deactivated, and is only forgotten: a forced "
                "replacement made another one in its place. Deactivate it in AlloMia if nobody needs it"
            )
        else:
            with explaining_configuration(settings.reference):
                api = self._tenants.organizations(settings.reference)
                Deletion(api, self._tenants.service, self._clock, reporter).run(state)
        self._conversation.forget(state)

    def abandon(self, before: Mapping[str, Any], after: Outputs, reporter: Reporter) -> None:
        """Say which organization nobody records whose creation no engine waited for; it is never deactivated."""
        state = read_organization_outputs(after.to_outputs())
        if before or not self._conversation.has_made(state.record.organization_id):
            return
        reporter.warn(
            f"organization {describe_state(state)} was made, its engine is gone, and nobody could record it: it lives "
            f"on. In the next run {how_to_take_over(state.record.identity, state.record.organization_id)}"
        )


def _own(pulumi_id: str, state: OrganizationState) -> str:
    """Return what this process remembers a resource by: two that took over one organization share their Pulumi id."""
    return f"{pulumi_id}\n{state.record.identity.model_dump_json()}"
