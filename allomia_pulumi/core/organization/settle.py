"""The end of a POST whose answer was lost: the tenant's list tells whether an organization came of it.

AlloMia takes no idempotency key and no mark, and two clinics may have one name. So the POST is never repeated, and only
one organization that was not there before, with all the fields that were sent, is taken for the one that was made.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationFields
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.conversation import Attempt, OrganizationConversation
from allomia_pulumi.core.organization.plan import differing
from allomia_pulumi.core.organization.roster import Roster
from allomia_pulumi.core.organization.words import describe, describe_each, fold, how_to_take_over
from allomia_pulumi.errors import AllomiaError, OutcomeUnknown
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable

__all__ = ["Settlement"]

SETTLE_SECONDS: Final = 30.0
SETTLE_PAUSES: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True)
class Settlement:
    """What finds the organization of one lost answer.

    Attributes:
        fields: What was sent.
        tenant_id: The tenant that all listed organizations name; None if that is not known.
    """

    roster: Roster
    clock: Clock
    conversation: OrganizationConversation
    reporter: Reporter
    identity: Identity
    fields: OrganizationFields
    tenant_id: str | None

    def find(self, attempt: Attempt) -> ManagedOrganization:
        """Look for the one new organization with the fields that were sent, for up to half a minute.

        Raises:
            OutcomeUnknown: There is none, or more than one, or no readable list; the message names what is there.
        """
        new: tuple[ManagedOrganization, ...] = ()
        failure: AllomiaError | None = None
        end = self.clock.monotonic() + SETTLE_SECONDS
        for pause in SETTLE_PAUSES:
            if self.clock.monotonic() + pause > end:
                break
            self.clock.sleep(pause)
            try:
                listed = self.roster.read_again()
            except AllomiaError as problem:
                failure = problem
                continue
            failure, new = None, self._new(listed, attempt)
            equal = [each for each in new if self._is_equal(each)]
            if len(equal) == 1 and self.conversation.claim(equal[0].id, self.identity):
                self.reporter.warn(
                    f"the answer that showed the new organization was lost ({attempt.problem.message}); organization "
                    f"{describe(equal[0])} is new in AlloMia's list with the same fields, and was taken for it"
                )
                return equal[0]
            if equal:
                raise self._several(attempt, equal)
        raise self._none(attempt, new) if failure is None else self._unread(attempt, failure)

    def _new(self, listed: Sequence[ManagedOrganization], attempt: Attempt) -> tuple[ManagedOrganization, ...]:
        """Return the organizations of that name or e-mail address that are new, and that no declaration has."""
        return tuple(
            each
            for each in listed
            if each.id not in attempt.before
            and (self._has_same(each, "name") or self._has_same(each, "email"))
            and not self.conversation.is_claimed(each.id)
        )

    def _has_same(self, organization: ManagedOrganization, name: str) -> bool:
        return fold(getattr(organization.fields, name)) == fold(getattr(self.fields, name))

    def _is_equal(self, organization: ManagedOrganization) -> bool:
        is_own_tenant = self.tenant_id is None or organization.tenant_id in {None, self.tenant_id}
        return organization.is_usable and is_own_tenant and not differing(organization.fields, self.fields)

    def _several(self, attempt: Attempt, equal: Sequence[ManagedOrganization]) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{attempt.problem.message}, and AlloMia's list has new organizations with the same fields that may be the "
            f"one ({describe_each(equal)}); none was recorded",
            f"Find out which one it is, and {how_to_take_over(self.identity, equal[0].id)}.",
        )

    def _none(self, attempt: Attempt, new: Sequence[ManagedOrganization]) -> OutcomeUnknown:
        others = f" (new, with this name or e-mail address and other fields: {describe_each(new)})" if new else ""
        return OutcomeUnknown(
            f"{attempt.problem.message}, and within {SETTLE_SECONDS:.0f} s AlloMia's list showed no new organization "
            f"with these fields{others}; none was recorded",
            f"AlloMia may still carry the request out. {self._look()} Then run `pulumi up` again: it looks at the list "
            "first, and makes one only if none is there.",
        )

    def _unread(self, attempt: Attempt, failure: AllomiaError) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{attempt.problem.message}, and the list that would settle it failed ({failure.message}); none was "
            "recorded",
            f"An organization may exist that no state has. {self._look()} `pulumi up` looks at the list first, and "
            "makes one only if none is there.",
        )

    def _look(self) -> str:
        name = shlex.quote(printable(self.fields.name or ""))
        return f"Look for {name} in AlloMia, and if it is there, take it over with adopt and its id."
