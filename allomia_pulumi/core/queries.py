"""Looking up what is there: organizations, and the keys of one. Nothing here makes, changes or shows a secret."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.messages import unusable_organizations
from allomia_pulumi.core.minted_key.models import KEY_LIMIT
from allomia_pulumi.core.ports import ApiKey, Directory, OrganizationDetails
from allomia_pulumi.errors import InvalidInput, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.redaction import printable

__all__ = ["KeyDescription", "KeySurvey", "find_organization", "list_organizations", "survey_keys"]

MOST_SUGGESTIONS = 5
LONGEST_SHOWN_NAME = 60


@dataclass(frozen=True)
class KeyDescription:
    """What AlloMia's list and the name tell of a key.

    Attributes:
        name: The full name, with the mark if it has one.
        label: The name without the mark.
        age: How long ago it was made, in whole seconds; None when AlloMia does not say.
        mark: The mark's stack and resource part, `stack/resource`; None for a key made by hand.
    """

    id: str
    name: str
    label: str
    created_at: datetime | None
    last_used_at: datetime | None
    age: timedelta | None
    mark: str | None


@dataclass(frozen=True)
class KeySurvey:
    """The keys of one organization and the slots they hold."""

    organization_id: str
    keys: tuple[KeyDescription, ...]
    slots_used: int
    slots: int = KEY_LIMIT


def find_organization(directory: Directory, *, organization_id: str | None, name: str | None) -> OrganizationDetails:
    """Return the one organization with this id or with exactly this name.

    Raises:
        InvalidInput: Not exactly one of id and name was given, or several organizations have the name.
        NotFound: The tenant key sees no such organization.
    """
    if organization_id is not None and name is None:
        return _find_by_id(directory, organization_id)
    if name is not None and organization_id is None:
        return _find_by_name(directory, name)
    given = "neither was" if name is None else "both were"
    raise InvalidInput(
        f"an organization is looked up by its id or by its name, and {given} given",
        "Give exactly one of id and name.",
    )


def list_organizations(
    directory: Directory, search: str | None, warn: Callable[[str], None]
) -> Sequence[OrganizationDetails]:
    """Return all organizations that the tenant key sees, or those that AlloMia's search by name finds.

    Those that no request can name are left out, and `warn` is told how many.
    """
    found = directory.list_organizations(search or None)
    usable = [each for each in found if each.is_usable]
    if len(usable) < len(found):
        warn(f"{unusable_organizations(len(found) - len(usable))}: left out")
    return usable


def survey_keys(directory: Directory, organization_id: str, now: datetime) -> KeySurvey:
    """Describe the keys of an organization.

    Raises:
        NotFound: The organization is not visible, or AlloMia serves no key endpoints.
    """
    _refuse_blank(organization_id, "the organization's id")
    keys = tuple(_describe(key, now) for key in directory.list_keys(organization_id))
    return KeySurvey(organization_id, keys, slots_used=len(keys))


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


def _describe(key: ApiKey, now: datetime) -> KeyDescription:
    mark = parse_mark(key.name)
    age = None
    if key.created_at:
        # AlloMia's clock may run ahead of ours.
        age = timedelta(seconds=max(now - key.created_at, timedelta()) // timedelta(seconds=1))
    return KeyDescription(
        id=key.id,
        name=key.name,
        label=label_of(key.name),
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        age=age,
        mark=f"{mark.stack}/{mark.resource}" if mark else None,
    )


def _refuse_blank(value: str, what: str) -> None:
    if not value.strip():
        raise InvalidInput(f"{what} is empty", "Look where the program takes it from.")


def _quoted(name: str) -> str:
    return f"“{printable(name, LONGEST_SHOWN_NAME)}”"
