"""Messages about organizations: which one it is, which fields, and how to take one over."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterable

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationFields
from allomia_pulumi.contracts.tokens import ORGANIZATION, plugin_token
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.inputs import wire_name
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "FORGET_IT",
    "IF_DEACTIVATED",
    "describe",
    "describe_each",
    "describe_fields",
    "describe_state",
    "fold",
    "how_to_take_over",
    "is_ended",
    "may_be_ended",
]

LONGEST_NAME = 60

FORGET_IT = (
    "If AlloMia is right, find the resource with `pulumi stack --show-urns` and remove it from the state with "
    "`pulumi state delete URN`."
)
IF_DEACTIVATED = (
    "If it stays so, since it was deactivated there and refuses everything, find the resource with `pulumi stack "
    "--show-urns` and remove it from the state with `pulumi state delete URN`."
)


def describe(organization: ManagedOrganization) -> str:
    """Say which organization it is: its id and its name."""
    return _describe(organization.id, organization.fields.name)


def describe_each(organizations: Iterable[ManagedOrganization]) -> str:
    """List organizations in one line."""
    return ", ".join(map(describe, organizations))


def describe_state(state: OrganizationState) -> str:
    """Say which organization a record is about."""
    return _describe(state.record.organization_id, state.name)


def describe_fields(names: Iterable[str], fields: OrganizationFields | None = None) -> str:
    """Name fields as the caller writes them, with their values in `fields` if that is given."""
    if fields is None:
        return ", ".join(spell(wire_name(name)) for name in names)
    shown = ((spell(wire_name(name)), getattr(fields, name)) for name in names)
    return ", ".join(
        f"{name} “{printable(value, LONGEST_NAME)}”" if value else f"{name} (none)" for name, value in shown
    )


def how_to_take_over(identity: Identity, organization_id: str) -> str:
    """Say how a program takes an organization over that exists already."""
    shown = printable(organization_id)
    command = f"pulumi import {plugin_token(ORGANIZATION)} {shlex.quote(printable(identity.name))} {shlex.quote(shown)}"
    return f'give this resource adopt="{shown}", or, with the plugin\'s class, run `{command}`'


def fold(text: str | None) -> str:
    """Return a text without what people overlook: case, Unicode form, spaces, and characters that nobody sees."""
    seen = (each for each in text or "" if unicodedata.category(each) != "Cf")
    return "".join(unicodedata.normalize("NFKC", "".join(seen)).casefold().split())


def is_ended(organization: ManagedOrganization) -> bool:
    """Tell whether AlloMia says, and does not contradict, that an organization was deactivated."""
    return organization.is_active is False or (organization.deleted_at is not None and organization.is_active is None)


def may_be_ended(organization: ManagedOrganization) -> bool:
    """Tell whether anything that AlloMia says is a sign that an organization was deactivated."""
    return organization.is_active is False or organization.deleted_at is not None


def _describe(organization_id: str, name: str | None) -> str:
    shown = f" “{printable(name, LONGEST_NAME)}”" if name else ""
    return f"{printable(organization_id)}{shown}"
