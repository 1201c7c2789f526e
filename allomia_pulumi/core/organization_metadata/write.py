"""The write of an organization's metadata: one PUT, once more if its answer is lost, and what a refusal means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allomia_pulumi.contracts.managed_organizations import MetadataRecord, OrganizationApi
from allomia_pulumi.errors import AllomiaError, NotFound, OutcomeUnknown, RequestRefused
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable

__all__ = ["write_metadata"]

PAUSE_SECONDS: Final = 1.0
REFUSED: Final = 400


def write_metadata(
    api: OrganizationApi, clock: Clock, organization_id: str, metadata: Mapping[str, Any]
) -> MetadataRecord:
    """Write the whole metadata object.

    A write whose answer was lost is repeated once: the same object again changes nothing but the version's number.

    Raises:
        NotFound: The organization has no metadata record, or is not visible; nothing was written.
        RequestRefused: AlloMia's schema refuses the metadata; nothing was written.
        OutcomeUnknown: Neither answer tells whether they were written.
        AllomiaError: Nothing was written.
    """
    try:
        return _put(api, clock, organization_id, metadata)
    except NotFound as problem:
        raise _explain_absence(api, organization_id, problem) from None
    except RequestRefused as problem:
        if problem.status == REFUSED:
            problem.with_hint("Correct metadata by the schema that AlloMia has for your tenant.")
        raise


def _put(api: OrganizationApi, clock: Clock, organization_id: str, metadata: Mapping[str, Any]) -> MetadataRecord:
    try:
        return api.put_metadata(organization_id, metadata)
    except OutcomeUnknown:
        clock.sleep(PAUSE_SECONDS)
    try:
        return api.put_metadata(organization_id, metadata)
    except OutcomeUnknown as problem:
        raise OutcomeUnknown(
            f"{problem.message}; sent twice, so that the metadata of organization {printable(organization_id)} may be "
            "the new ones or still those before",
            "Run `pulumi up` again: it writes them once more.",
        ).as_said_by(problem.said_by) from None


def _explain_absence(api: OrganizationApi, organization_id: str, problem: NotFound) -> AllomiaError:
    """Return what a 404 to the write means: no record yet, or no organization."""
    shown = printable(organization_id)
    try:
        organization = api.read_organization(organization_id)
    except AllomiaError:
        return problem.with_hint("Nothing was written.")
    if organization is None:
        return NotFound(
            f"organization {shown} is not visible to the tenant key, so no metadata were written",
            "Correct the organization's id, or give the key of its tenant.",
        ).as_said_by("AlloMia")
    return NotFound(
        f"AlloMia has no metadata record of organization {shown}, so nothing was written, and documents no call that "
        "makes the first one",
        "Have the first record made on AlloMia's side, then run `pulumi up` again.",
    ).as_said_by("AlloMia")
