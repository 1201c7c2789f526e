"""The creation of an organization: one POST at most, and an organization that exists is never made twice unasked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi, OrganizationFields
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.conversation import Attempt, OrganizationConversation
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, known_fields
from allomia_pulumi.core.organization.plan import differing
from allomia_pulumi.core.organization.preflight import Duplicates, hint_of_refusal
from allomia_pulumi.core.organization.roster import Roster
from allomia_pulumi.core.organization.settle import Settlement
from allomia_pulumi.core.organization.words import describe_fields, fold
from allomia_pulumi.errors import AllomiaError, NotFound, OutcomeUnknown, RateLimited, RequestRefused
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable, scrub

__all__ = ["Maker"]

RATE_LIMIT_SECONDS: Final = 60.0
SHORTEST_PAUSE: Final = 0.5


@dataclass(frozen=True)
class Maker:
    """What makes one declared organization through one tenant's AlloMia."""

    api: OrganizationApi
    roster: Roster
    duplicates: Duplicates
    conversation: OrganizationConversation
    clock: Clock
    cancellation: Cancellation
    reporter: Reporter
    identity: Identity

    def make(self, inputs: OrganizationInputs) -> ManagedOrganization:
        """Make the organization, or find the one that an earlier call of this run made whose answer was lost.

        Raises:
            InvalidInput: An active one has the same name and e-mail address; nothing was sent.
            OutcomeUnknown: AlloMia may have made one, or still make it; the message names what is there.
            AllomiaError: None was made.
        """
        fields = known_fields(inputs)
        # Creates of one name follow one another: each sees in the roster what the one before made.
        with self.conversation.lock(fold(fields.name)):
            if (attempt := self.conversation.attempt(self.identity)) is None:
                self.duplicates.refuse(self.roster, self.api, inputs, self.identity, self.reporter)
                before = self.roster.ids()
                try:
                    made = self._check(self._send(inputs, fields), fields, before)
                except OutcomeUnknown as problem:
                    attempt = Attempt(before, problem)
                    self.conversation.record_attempt(self.identity, attempt)
                    made = self._settlement(fields).find(attempt)
            else:
                made = self._settlement(fields).find(attempt)
            self.roster.add_made(made)
            self.conversation.record_made(made.id)
        return made

    def _settlement(self, fields: OrganizationFields) -> Settlement:
        return Settlement(
            self.roster,
            self.clock,
            self.conversation,
            self.reporter,
            self.identity,
            fields,
            self.roster.tenant_id,
        )

    def _check(
        self, made: ManagedOrganization, fields: OrganizationFields, before: frozenset[str]
    ) -> ManagedOrganization:
        """Return the organization of an answer that can be the one to this request.

        Raises:
            OutcomeUnknown: It cannot be, so what became of the request is not known.
        """
        doubt = self._doubt(made, fields, before)
        if doubt or not self.conversation.claim(made.id, self.identity):
            doubt = doubt or f"organization {made.id} is another resource's"
            raise OutcomeUnknown(
                f"the answer to making organization “{printable(fields.name or '')}” is wrong: {doubt}"
            )
        if other := differing(made.fields, fields):
            self.reporter.warn(
                f"AlloMia has some fields of organization {made.id} otherwise than they were sent: "
                f"{describe_fields(other, made.fields)}"
            )
        return made

    def _doubt(self, made: ManagedOrganization, fields: OrganizationFields, before: frozenset[str]) -> str:
        """Return why an answer cannot be the one to this request; empty if it can."""
        if scrub(made.id) != made.id:
            return "its id contains a secret"
        if made.id in before:
            return f"organization {made.id} existed before"
        if _is_another(made.fields, fields):
            return f"organization {made.id} has another name"
        own = self.roster.tenant_id
        if own is not None and made.tenant_id not in {None, own}:
            return f"organization {made.id} is said to be another tenant's"
        return ""

    def _send(self, inputs: OrganizationInputs, fields: OrganizationFields) -> ManagedOrganization:
        """Send the POST once; only a 429 is followed by another, since it says that nothing was made."""
        external_id = inputs.external_id if isinstance(inputs.external_id, str) else None
        end, pause = self.clock.monotonic() + RATE_LIMIT_SECONDS, SHORTEST_PAUSE
        while True:
            try:
                return self._send_once(fields, external_id)
            except RateLimited as problem:
                wait = max(SHORTEST_PAUSE, pause if problem.retry_after is None else problem.retry_after)
                if self.clock.monotonic() + wait > end:
                    raise
                self.clock.sleep(wait)
                if self.cancellation.is_requested:
                    raise
                pause *= 2

    def _send_once(self, fields: OrganizationFields, external_id: str | None) -> ManagedOrganization:
        """Send the POST; after a fault of ours nobody knows whether AlloMia carried it out."""
        try:
            return self.api.create_organization(fields, external_id)
        except RequestRefused as problem:
            raise problem.with_hint(hint_of_refusal(fields)) from None
        except NotFound as problem:
            raise problem if problem.hint else problem.with_hint("None was made. Check allomia:apiUrl.") from None
        except AllomiaError:
            raise
        except Exception as problem:  # noqa: BLE001 - see above
            broken = f"this package itself broke ({type(problem).__name__}) while making an organization"
        raise OutcomeUnknown(broken, "Please report it with this line.")


def _is_another(made: OrganizationFields, sent: OrganizationFields) -> bool:
    """Tell whether an answer is about another organization: its name differs, and its e-mail or street address too.

    AlloMia may write a name in its own way, or cut it; to ask for it again at every run would make many of it.
    """
    differs = {name: fold(getattr(made, name)) != fold(getattr(sent, name)) for name in FIELDS}
    return made.name is not None and differs["name"] and (differs["email"] or differs["address"])
