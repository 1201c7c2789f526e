"""The update of an organization: one GET, and one PUT that carries all fields."""

from __future__ import annotations

from dataclasses import dataclass

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi, OrganizationFields
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.inputs import OrganizationInputs
from allomia_pulumi.core.organization.plan import Merge, OrganizationPlan, differing, merge, settle_accepted
from allomia_pulumi.core.organization.preflight import hint_of_refusal
from allomia_pulumi.core.organization.presence import absence_of, require_present
from allomia_pulumi.core.organization.state import OrganizationState, shown_fields
from allomia_pulumi.core.organization.words import FORGET_IT, describe_fields, describe_state, may_be_ended
from allomia_pulumi.errors import AllomiaError, NotFound, OutcomeUnknown, RequestRefused, SetupError

__all__ = ["Update", "record_settings_only"]


def record_settings_only(
    state: OrganizationState, plan: OrganizationPlan, identity: Identity, service: Service
) -> OrganizationState:
    """Return the state with what a plan records; the fields are those of the plan's settings."""
    return state.with_record(settings=plan.settings, identity=identity, api_url=service.api_url)


@dataclass(frozen=True)
class Update:
    """One update of one organization through its tenant's AlloMia."""

    api: OrganizationApi
    service: Service
    reporter: Reporter
    identity: Identity

    def run(self, inputs: OrganizationInputs, state: OrganizationState, plan: OrganizationPlan) -> OrganizationState:
        """Write what the program changed, keep what AlloMia changed, and record it.

        Raises:
            OutcomeUnknown: A PUT was sent, and AlloMia does not show what came of it; nothing is recorded.
            AllomiaError: Nothing was changed.
        """
        found = require_present(self.api, state, self.service)
        if plan.fields and may_be_ended(found):
            raise SetupError(
                f"organization {describe_state(state)} is deactivated at AlloMia, and what an update does to it then "
                "is not documented: nothing was changed",
                f"Ask AlloMia to activate it again, take the change back, or give it up: {FORGET_IT}",
            )
        merged = merge(inputs, state, found.fields, found.unshown)
        is_written = bool(plan.fields) and merged.is_needed
        after = self._write(state, merged) if is_written else found
        self._report(state, merged, found.fields)
        if is_written and merged.recalled:
            self.reporter.warn(
                f"AlloMia's answer shows no text for fields of organization {describe_state(state)}, and a PUT without "
                f"them might clear them: they were sent as last known ({describe_fields(merged.recalled)})"
            )
        written = record_settings_only(state.seen(after, is_active=found.is_active), plan, self.identity, self.service)
        accepted = settle_accepted(state.record.accepted, shown_fields(after), merged.kept)
        return written.accepted(accepted)

    def _write(self, state: OrganizationState, merged: Merge) -> ManagedOrganization:
        """Send the PUT, and return the organization as AlloMia has it after that."""
        organization_id, own = state.record.organization_id, state.record.tenant_id
        try:
            written = self.api.update_organization(organization_id, merged.fields)
        except OutcomeUnknown as problem:
            return self._settle(state, merged, problem)
        except NotFound as problem:
            if problem.said_by != "AlloMia":
                raise
            raise absence_of(self.api, state) from None
        except RequestRefused as problem:
            raise problem.with_hint(hint_of_refusal(merged.fields)) from None
        if own is not None and written.tenant_id not in {None, own}:
            wrong = OutcomeUnknown(f"the answer to updating organization {organization_id} is of another tenant")
            return self._settle(state, merged, wrong)
        if other := differing(written.fields, merged.fields):
            self.reporter.warn(
                f"AlloMia has some fields of organization {organization_id} otherwise than they were sent: "
                f"{describe_fields(other, written.fields)}"
            )
        return written

    def _settle(self, state: OrganizationState, merged: Merge, problem: OutcomeUnknown) -> ManagedOrganization:
        """Read once what came of a PUT whose answer was lost.

        Raises:
            OutcomeUnknown: It does not show what was sent, or cannot be read.
        """
        next_step = "Run `pulumi up` again: it reads first, and writes what still differs."
        shown = describe_state(state)
        try:
            found = require_present(self.api, state, self.service)
        except AllomiaError as second:
            raise OutcomeUnknown(
                f"{problem.message}, and reading organization {shown} failed too ({second.message}): whether the "
                "update holds is not known, and nothing was recorded",
                next_step,
            ) from None
        if other := [name for name in differing(found.fields, merged.fields) if name not in found.unshown]:
            raise OutcomeUnknown(
                f"{problem.message}, and organization {shown} does not show what was sent "
                f"({describe_fields(other, found.fields)}); nothing was recorded",
                next_step,
            )
        self.reporter.info(f"the answer to the update was lost, and organization {shown} shows that it holds")
        return found

    def _report(self, state: OrganizationState, merged: Merge, now: OrganizationFields) -> None:
        shown = describe_state(state)
        if merged.kept:
            self.reporter.warn(
                f"AlloMia changed fields of organization {shown} outside of Pulumi, and they were kept: "
                f"{describe_fields(merged.kept, now)}. Write them into the program"
            )
        if merged.overridden:
            self.reporter.warn(
                f"fields of organization {shown} were changed outside of Pulumi and in the program, and got the "
                f"program's value: {describe_fields(merged.overridden)} (AlloMia had "
                f"{describe_fields(merged.overridden, now)})"
            )
