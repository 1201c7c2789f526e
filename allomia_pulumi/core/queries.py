"""Queries: the tenant's organizations, and the keys of one. Nothing is changed, and no known secret is in a result."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from allomia_pulumi.contracts.allomia import Directory
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey
from allomia_pulumi.contracts.organizations import OrganizationDetails
from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.messages import unusable_organizations
from allomia_pulumi.errors import InvalidInput, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import printable, scrub

__all__ = ["find_organization", "list_organizations", "survey_keys"]

MOST_SUGGESTIONS = 5
LONGEST_SHOWN_NAME = 60


def find_organization(directory: Directory, *, organization_id: str | None, name: str | None) -> OrganizationInfo:
    """Find the one organization with this id or with exactly this name.

    Raises:
        InvalidInput: Not exactly one of id and name was given, or several organizations have the name.
        NotFound: The tenant key sees no such organization.
    """
    if organization_id is not None and name is None:
        return _organization(_find_by_id(directory, organization_id))
    if name is not None and organization_id is None:
        listed = _find_by_name(directory, name)
        # The list has not all fields. What it names and nobody finds by its id may be deactivated, so it still counts.
        return _organization(directory.organization(listed.id) or listed)
    given = "neither was" if name is None else "both were"
    raise InvalidInput(
        f"an organization is looked up by its id or by its name, and {given} given",
        "Give exactly one of id and name.",
    )


def list_organizations(
    directory: Directory, search: str | None, warn: Callable[[str], None]
) -> tuple[OrganizationInfo, ...]:
    """List all organizations that the tenant key sees, or those that AlloMia's search by name finds.

    Those that no request can name are left out, and `warn` is told how many.
    """
    found = directory.list_organizations(search or None)
    usable = [each for each in found if each.is_usable]
    if len(usable) < len(found):
        warn(f"{unusable_organizations(len(found) - len(usable))}: left out")
    return tuple(_organization(each) for each in usable)


def survey_keys(directory: Directory, organization_id: str, now: datetime) -> OrganizationApiKeys:
    """Describe the keys of an organization.

    Raises:
        NotFound: The organization is not visible, or AlloMia serves no key endpoints.
    """
    _refuse_blank(organization_id, "the organization's id")
    keys = tuple(_key(key, now) for key in directory.list_keys(organization_id))
    return OrganizationApiKeys(scrub(organization_id), keys, slots_used=len(keys), slots=KEY_LIMIT)


def _find_by_id(directory: Directory, organization_id: str) -> OrganizationDetails:
    _refuse_blank(organization_id, "the organization's id")
    found = directory.organization(organization_id)
    if found is None:
        raise NotFound(
            f"organization {printable(organization_id)} does not exist, or the tenant key from {directory.source} "
            "does not see it",
            "Check the id, and that the tenant key is of the right tenant; get_organizations() shows what it sees.",
        )
    return found


def _find_by_name(directory: Directory, name: str) -> OrganizationDetails:
    _refuse_blank(name, "the organization's name")
    found = _named(directory.list_organizations(name), name)
    if not found:
        # How AlloMia's search matches is not documented, so only the whole list proves that a name is missing.
        everything = directory.list_organizations()
        found = _named(everything, name)
        if not found:
            raise _name_missing(directory, name, everything)
    if len(found) > 1:
        ids = ", ".join(printable(each.id) for each in found)
        raise InvalidInput(
            f"{len(found)} organizations are named {_quoted(name)} (ids {ids})", "Give the id of the one that you mean."
        )
    if not found[0].is_usable:
        raise UnexpectedAnswer(
            f"AlloMia lists the organization {_quoted(name)} with an id that no request can name", "Tell AlloMia."
        )
    return found[0]


def _named(organizations: Iterable[OrganizationDetails], name: str) -> list[OrganizationDetails]:
    return [each for each in organizations if each.name == name]


def _name_missing(directory: Directory, name: str, everything: Sequence[OrganizationDetails]) -> NotFound:
    message = f"no organization that the tenant key from {directory.source} sees is named exactly {_quoted(name)}"
    close = [f"{_quoted(each.name)} (id {printable(each.id)})" for each in _close(name, everything)]
    if close:
        return NotFound(f"{message}; close to it: {', '.join(close)}", "Give the exact name, or the id.")
    return NotFound(
        f"{message}, and no name of its {len(everything)} organizations comes close",
        "Check the name, and that the tenant key is of the right tenant; get_organizations() shows what it sees.",
    )


def _close(name: str, organizations: Iterable[OrganizationDetails]) -> list[OrganizationDetails]:
    """Return the organizations whose names come closest: other case, form or spaces first."""
    by_name: dict[str, list[OrganizationDetails]] = {}
    for each in organizations:
        by_name.setdefault(_folded(each.name), []).append(each)
    wanted = _folded(name)
    similar = difflib.get_close_matches(wanted, by_name, n=MOST_SUGGESTIONS)
    longer = (each for each in by_name if wanted in each)
    ranked = [each for folded in dict.fromkeys((*similar, *longer)) for each in by_name[folded]]
    return ranked[:MOST_SUGGESTIONS]


def _folded(name: str) -> str:
    """Return a name without what people overlook: case, Unicode form and spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _organization(found: OrganizationDetails) -> OrganizationInfo:
    return OrganizationInfo(
        id=scrub(found.id),
        name=scrub(found.name),
        city=_scrubbed(found.city),
        country=_scrubbed(found.country),
        timezone=_scrubbed(found.timezone),
        created_at=_formatted(found.created_at),
        email=_scrubbed(found.email),
        address=_scrubbed(found.address),
        state_province=_scrubbed(found.state_province),
        postal_code=_scrubbed(found.postal_code),
        phone_number=_scrubbed(found.phone_number),
        tenant_id=_scrubbed(found.tenant_id),
        created_by=_scrubbed(found.created_by),
        is_active=found.is_active,
        image=_scrubbed(found.image),
        owner_id=_scrubbed(found.owner_id),
        last_modified_by=_scrubbed(found.last_modified_by),
        updated_at=_formatted(found.updated_at),
        deleted_at=_formatted(found.deleted_at),
    )


def _key(key: ApiKey, now: datetime) -> ApiKeyInfo:
    mark = parse_mark(key.name)
    # AlloMia's clock may run ahead of ours.
    age = max(now - key.created_at, timedelta()) // timedelta(seconds=1) if key.created_at else None
    return ApiKeyInfo(
        id=scrub(key.id),
        name=scrub(key.name),
        label=scrub(label_of(key.name)),
        created_at=_formatted(key.created_at),
        last_used_at=_formatted(key.last_used_at),
        age_seconds=age,
        mark=f"{mark.stack}/{mark.resource}" if mark else None,
    )


def _scrubbed(text: str | None) -> str | None:
    return None if text is None else scrub(text)


def _formatted(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _refuse_blank(value: str, what: str) -> None:
    if not value.strip():
        raise InvalidInput(f"{what} is empty", "Look where the program takes it from.")


def _quoted(name: str) -> str:
    return f"“{printable(name, LONGEST_SHOWN_NAME)}”"
