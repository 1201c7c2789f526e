"""The end of an organization in a stack: it is forgotten, or deactivated if the record says so and no key lives."""

from __future__ import annotations

from dataclasses import dataclass

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.messages import describe_keys, look_command, revoke_command
from allomia_pulumi.core.organization.presence import (
    is_elsewhere,
    is_proved_gone,
    made_elsewhere,
    require_present,
)
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.core.organization.words import IF_DEACTIVATED, describe_state, is_ended
from allomia_pulumi.errors import AccessDenied, AllomiaError, NotFound, RequestRefused, SetupError, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.spelling import spell

__all__ = ["Deletion", "say_forgotten"]


def say_forgotten(state: OrganizationState, reporter: Reporter) -> None:
    """Say that an organization lives on at AlloMia, and how a stack has it again."""
    organization_id = printable(state.record.organization_id)
    reporter.info(
        f"organization {describe_state(state)} lives on at AlloMia, and is only forgotten here: "
        f'{spell("deactivateOnDestroy")} is not in its state. adopt="{organization_id}" takes it over again'
    )


@dataclass(frozen=True)
class Deletion:
    """The deactivation of one organization; safe to repeat, since one that is deactivated already counts as done."""

    api: OrganizationApi
    service: Service
    clock: Clock
    reporter: Reporter

    def run(self, state: OrganizationState) -> None:
        """Deactivate the organization, if no key of it lives.

        Raises:
            SetupError: Keys live; they are named, and nothing was changed.
            AllomiaError: It may be active; the message says what is known.
        """
        shown = describe_state(state)
        if is_elsewhere(state, self.service):
            raise made_elsewhere(state, self.service, "nothing was deactivated")
        try:
            if self._is_done(state):
                self.reporter.info(f"organization {shown} was deactivated already")
                return
            self._refuse_living_keys(state)
        except AllomiaError as problem:
            problem.message = f"organization {shown} was not deactivated: {problem.message}"
            if isinstance(problem, (AccessDenied, RequestRefused, NotFound)):
                problem.with_hint(IF_DEACTIVATED)
            raise
        try:
            answer = self.api.deactivate_organization(state.record.organization_id)
        except AllomiaError as problem:
            self._settle(state, problem)
            if isinstance(problem, UnexpectedAnswer):
                # It may have named another organization, which a person has to look at.
                self.reporter.warn(
                    f"{problem.message}; organization {shown} is deactivated all the same. {problem.hint}"
                )
        else:
            if answer is not Revocation.CONFIRMED:
                self._settle(state, UnexpectedAnswer(f"AlloMia's answer does not say that organization {shown} is"))
        self.reporter.info(f"organization {shown} is deactivated")

    def _is_done(self, state: OrganizationState) -> bool:
        """Tell whether AlloMia has it as deactivated, or has it no more for the tenant that the record names.

        Raises:
            AllomiaError: Nothing is proved.
        """
        found = self._find(state)
        return found is None or is_ended(found)

    def _find(self, state: OrganizationState) -> ManagedOrganization | None:
        """Return the organization; None on proof that it is gone."""
        try:
            return require_present(self.api, state, self.service)
        except NotFound as problem:
            if problem.is_proved and is_proved_gone(self.api, state):
                return None
            raise

    def _settle(self, state: OrganizationState, problem: AllomiaError) -> None:
        """See what became of a deletion that nothing confirms.

        Raises:
            AllomiaError: It is not deactivated, or nothing tells.
        """
        shown = describe_state(state)
        try:
            is_done = self._is_done(state)
        except AllomiaError as second:
            problem.message = (
                f"whether organization {shown} is deactivated is not known: {problem.message}, and reading it failed "
                f"({second.message})"
            )
            raise problem.with_hint("Run again: a repeated deactivation does no harm.") from None
        if not is_done:
            problem.message = f"organization {shown} was not deactivated: {problem.message}, and it is still active"
            raise problem.with_hint("Run again: a repeated deactivation does no harm.")

    def _refuse_living_keys(self, state: OrganizationState) -> None:
        """See that no key of the organization lives.

        Raises:
            SetupError: Some do.
            AllomiaError: Whether some do could not be found out.
        """
        organization_id, shown = state.record.organization_id, describe_state(state)
        try:
            keys = self.api.list_keys(organization_id)
        except NotFound as problem:
            if not problem.is_proved:
                raise
            self.reporter.warn(
                f"whether organization {shown} has living keys is not known, since AlloMia serves no key endpoints "
                "here: what uses them may end with it"
            )
            return
        if keys:
            raise SetupError(
                f"keys of it are alive ({describe_keys(keys, self.clock.now())})",
                f"See who uses them ({look_command(organization_id)}), revoke them "
                f"({revoke_command(organization_id, 'KEY_ID')}), and run again; or set "
                f"{spell('deactivateOnDestroy')} to false with a `pulumi up`, and it is only forgotten.",
            )
