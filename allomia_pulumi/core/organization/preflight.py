"""The preflight of an organization: fields that AlloMia may refuse, and organizations that look like the new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi, OrganizationFields
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.timezones import TIMEZONES
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import Failure
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.conversation import OrganizationConversation
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, known_fields, wire_name
from allomia_pulumi.core.organization.roster import Roster, is_namesake
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.core.organization.words import (
    describe,
    describe_each,
    describe_state,
    how_to_take_over,
    is_ended,
)
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.likeness import nearest
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.spelling import spell
from allomia_pulumi.ground.timezones import known_timezones

__all__ = ["Duplicates", "check_fields", "hint_of_refusal", "replacement_refused"]


def check_fields(inputs: OrganizationInputs, olds: Mapping[str, Any], reporter: Reporter) -> Iterator[Failure]:
    """Yield what is wrong with fields that are new or changed, and warn of what AlloMia may refuse.

    What stays as it was is let through: an organization that was imported is as it is.
    """
    changed = {name: getattr(inputs, name) for name in FIELDS if getattr(inputs, name) != olds.get(wire_name(name))}
    for name, value in changed.items():
        if isinstance(value, str) and not value.strip():
            reason = f"{spell(wire_name(name))} is empty. AlloMia requires it of every organization."
            yield Failure(wire_name(name), reason)
    email, timezone = changed.get("email"), changed.get("timezone")
    if isinstance(email, str) and email.strip() and "@" not in email:
        reporter.warn("email has no @, so AlloMia may refuse it, and nobody can be written to there")
    if isinstance(timezone, str) and timezone.strip() and timezone not in TIMEZONES:
        yield from _check_timezone(timezone, reporter)


def hint_of_refusal(fields: OrganizationFields) -> str:
    """Say what may be the reason that AlloMia refuses an organization, as far as its documentation tells."""
    if fields.timezone in TIMEZONES:
        return "AlloMia does not document what it refuses: look at each field."
    return f"timezone is none of the {len(TIMEZONES)} that AlloMia documents: that may be the reason."


def _check_timezone(timezone: str, reporter: Reporter) -> Iterator[Failure]:
    known, shown = known_timezones(), printable(timezone)
    if timezone in known:
        reporter.warn(
            f"timezone {shown} is none of the {len(TIMEZONES)} that AlloMia documents: AlloMia decides whether it "
            "takes it"
        )
    elif not known:
        reporter.warn(
            f"timezone {shown} is none of the {len(TIMEZONES)} that AlloMia documents, and this machine has no list of "
            "time zones to look it up in: AlloMia decides whether it takes it"
        )
    else:
        close = nearest(timezone, TIMEZONES) or nearest(timezone, known)
        meant = f"Did you mean {close}? " if close else "Write its IANA name, such as America/New_York. "
        newer = "If it is newer than this machine's list of time zones: `pip install --upgrade tzdata`."
        yield Failure("timezone", f"timezone {shown} is no time zone. {meant}{newer}")


def replacement_refused(state: OrganizationState | None = None) -> InvalidInput:
    """Return the error of a forced replacement that would make another organization for one that the state has."""
    which = f"organization {describe_state(state)}" if state else "this organization"
    return InvalidInput(
        f"{which} is in the state, and would be replaced: an organization is never replaced, so none was made and none "
        "is ended",
        "Leave out what forces the replacement, a resource option or an option of `pulumi up`: a change of fields is "
        "an update in place.",
    )


class Duplicates:
    """The look for organizations that are the new one already; each finding that stops nothing is said once."""

    def __init__(self, conversation: OrganizationConversation) -> None:
        self._conversation = conversation

    def refuse(
        self,
        roster: Roster,
        api: OrganizationApi,
        inputs: OrganizationInputs,
        identity: Identity,
        reporter: Reporter,
    ) -> None:
        """See that no active organization has the name and the e-mail address of one that is to be made.

        Raises:
            InvalidInput: One has, and the program does not say that it is meant to stay beside the new one.
            AllomiaError: AlloMia could not be asked.
        """
        fields, meant = known_fields(inputs), inputs.duplicate_of
        if fields.name is None or fields.email is None:
            return
        named = () if isinstance(meant, Unknown) else meant
        found = (self._look(each, api, fields, reporter) for each in roster.namesakes(fields) if each.id not in named)
        active = [each for each in found if each is not None]
        if active and isinstance(meant, Unknown):
            self._conversation.warn_once(
                f"organizations with this name and e-mail address exist already ({describe_each(active)}): "
                f"`pulumi up` will fail unless {spell('duplicateOf')} names them by then",
                reporter,
            )
        elif active:
            raise _duplicate(active, identity)

    def refuse_twin(self, roster: Roster, inputs: OrganizationInputs, identity: Identity) -> None:
        """See that no other new organization of the program has the name and the e-mail address.

        Raises:
            InvalidInput: One has, and this one does not wait for its id.
        """
        fields = known_fields(inputs)
        if fields.name is None or fields.email is None or isinstance(inputs.duplicate_of, Unknown):
            return
        if twin := roster.reserve(fields, identity):
            raise _twin(twin)

    def _look(
        self, listed: ManagedOrganization, api: OrganizationApi, fields: OrganizationFields, reporter: Reporter
    ) -> ManagedOrganization | None:
        """Ask for one that the list names; return it if it is active, and the same for all that AlloMia says."""
        found = api.read_organization(listed.id) if listed.is_usable else listed
        if found is None:
            self._conversation.warn_once(
                f"AlloMia lists organization {describe(listed)} with this name, and it answers 404 itself: it is not "
                "counted",
                reporter,
            )
            return None
        is_same = is_namesake(found.fields, fields)
        if is_same is None:
            self._conversation.warn_once(
                f"organization {describe(found)} has this name and no e-mail address to tell it by: if it is the one "
                "that is meant, take it over instead",
                reporter,
            )
        if not is_same:
            return None
        if is_ended(found):
            self._conversation.warn_once(
                f"organization {describe(found)} has this name and e-mail address and is deactivated: a new one is "
                "made beside it",
                reporter,
            )
            return None
        return found


def _twin(other: Identity) -> InvalidInput:
    return InvalidInput(
        f"{printable(other.name)} of this program is to have this name and e-mail address too, and AlloMia would not "
        "tell the two apart",
        f"Declare it once, or correct one of them. If both are meant, name the other's id in {spell('duplicateOf')}.",
    )


def _duplicate(active: list[ManagedOrganization], identity: Identity) -> InvalidInput:
    ids = ", ".join(printable(each.id) for each in active)
    several = "active organizations have" if len(active) > 1 else "an active organization has"
    return InvalidInput(
        f"{several} this name and e-mail address already ({describe_each(active)}); none was made",
        f"If it is the one that is meant, {how_to_take_over(identity, active[0].id)}. If this one is to stand beside "
        f"it, name it in {spell('duplicateOf')} ({ids}). If the state has it already, this is a forced replacement: "
        "leave that out, since an organization is never replaced.",
    )
