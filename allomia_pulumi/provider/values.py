"""From what the core looked up to what the functions of both faces return; no known secret is part of it."""

from __future__ import annotations

from allomia_pulumi.contracts.organizations import OrganizationDetails
from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.core.queries import KeyDescription, KeySurvey
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import scrub

__all__ = ["organization_info", "survey_info"]


def organization_info(found: OrganizationDetails) -> OrganizationInfo:
    """Return an organization as functions do."""
    return OrganizationInfo(
        id=scrub(found.id),
        name=scrub(found.name),
        city=_scrubbed(found.city),
        country=_scrubbed(found.country),
        timezone=_scrubbed(found.timezone),
        created_at=format_moment(found.created_at) if found.created_at else None,
    )


def survey_info(survey: KeySurvey) -> OrganizationApiKeys:
    """Return an organization's keys as functions do."""
    keys = tuple(_key(each) for each in survey.keys)
    return OrganizationApiKeys(scrub(survey.organization_id), keys, survey.slots_used, survey.slots)


def _key(found: KeyDescription) -> ApiKeyInfo:
    return ApiKeyInfo(
        id=scrub(found.id),
        name=scrub(found.name),
        label=scrub(found.label),
        created_at=format_moment(found.created_at) if found.created_at else None,
        last_used_at=format_moment(found.last_used_at) if found.last_used_at else None,
        age_seconds=None if found.age is None else int(found.age.total_seconds()),
        mark=found.mark,
    )


def _scrubbed(text: str | None) -> str | None:
    return None if text is None else scrub(text)
