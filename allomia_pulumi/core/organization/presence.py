"""The look at a recorded organization: it is there and the one of the record, or what is proved instead."""

from __future__ import annotations

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.core.organization.words import FORGET_IT, describe_state
from allomia_pulumi.errors import InvalidConfiguration, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.redaction import printable

__all__ = ["absence_of", "is_elsewhere", "is_proved_gone", "made_elsewhere", "require_present"]

LONGEST_ADDRESS = 300


def require_present(api: OrganizationApi, state: OrganizationState, service: Service) -> ManagedOrganization:
    """Ask for the organization of a record.

    Raises:
        NotFound: It answers 404; the message says what the list says of it.
        UnexpectedAnswer: It belongs to another tenant than the record says.
        InvalidConfiguration: The record is of another AlloMia, and nothing proves that this one has it.
        AllomiaError: Nothing is proved.
    """
    found = api.read_organization(state.record.organization_id)
    recorded = state.record.tenant_id
    if found is None:
        if is_elsewhere(state, service):
            raise made_elsewhere(state, service, "nothing was changed")
        raise absence_of(api, state)
    if is_elsewhere(state, service) and (recorded is None or found.tenant_id != recorded):
        raise made_elsewhere(state, service, "nothing was changed")
    if recorded is not None and found.tenant_id not in {None, recorded}:
        raise UnexpectedAnswer(
            f"organization {describe_state(state)} belongs to tenant {printable(str(found.tenant_id))} for the tenant "
            f"key from {api.source}, and to tenant {printable(recorded)} in the state; nothing was changed",
            "Check the tenant key, and allomia:apiUrl. If AlloMia moved it, take it out of the state with "
            "`pulumi state delete URN` and import it again.",
        )
    return found


def absence_of(api: OrganizationApi, state: OrganizationState) -> NotFound:
    """Return the error for an organization that answers 404, with what the tenant's list says of it.

    Raises:
        AllomiaError: The list could not be read.
    """
    listed, shown = api.list_organizations(), describe_state(state)
    if any(each.id == state.record.organization_id for each in listed):
        return NotFound(
            f"organization {shown} answers 404 although AlloMia lists it, so nothing is proved",
            "The state was kept; run again later.",
        )
    if not all(each.is_usable for each in listed):
        return NotFound(
            f"organization {shown} answers 404, and AlloMia lists organizations with ids that nobody can read, so "
            "nothing is proved",
            "The state was kept; tell AlloMia.",
        )
    return NotFound(
        f"organization {shown} is gone: it answers 404, and AlloMia's list of organizations lacks it; the state was "
        "kept",
        f"{FORGET_IT} If not, check the tenant key.",
        is_proved=True,
    )


def is_proved_gone(api: OrganizationApi, state: OrganizationState) -> bool:
    """Prove that an organization which answers 404 is gone: the list of the recorded tenant lacks it.

    Raises:
        AllomiaError: The list could not be read.
    """
    recorded, listed = state.record.tenant_id, api.list_organizations()
    is_own_tenant = recorded is not None and {each.tenant_id for each in listed} == {recorded}
    return is_own_tenant and all(each.is_usable and each.id != state.record.organization_id for each in listed)


def is_elsewhere(state: OrganizationState, service: Service) -> bool:
    """Tell whether a record is of another AlloMia than the one that is asked."""
    return state.record.api_url not in {None, service.api_url}


def made_elsewhere(state: OrganizationState, service: Service, what: str) -> InvalidConfiguration:
    """Return the error that names both addresses; `what` says what did not happen."""
    recorded = printable(str(state.record.api_url), LONGEST_ADDRESS)
    return InvalidConfiguration(
        f"organization {describe_state(state)} is recorded at {recorded}, and this run asks {service.api_url}, which "
        f"does not show that it is the same; {what}",
        f"Set allomia:apiUrl back. If the old one is gone for good: {FORGET_IT}",
    )
