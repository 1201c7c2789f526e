"""The endpoints that AlloMia documents: organizations and calls (docs.allomia.com/api-reference)."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ConfigDict

from allomia_pulumi.api.pages import Pagination
from allomia_pulumi.api.paths import segment
from allomia_pulumi.wire import WireModel

__all__ = [
    "CALLS_PATH",
    "EMPTY_WINDOW",
    "ORGANIZATIONS_PATH",
    "CallPage",
    "Organization",
    "OrganizationAnswer",
    "OrganizationPage",
    "organization_path",
]

ORGANIZATIONS_PATH = "/api/organization"
CALLS_PATH = "/api/calls"

EMPTY_WINDOW: Final[dict[str, str | int]] = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z", "limit": 1}
"""A window in which no call was made: the answer proves a key and carries no call record."""


class _Answer(WireModel):
    model_config = ConfigDict(extra="ignore")


class Organization(_Answer):
    """An organization, as far as we read it."""

    id: str
    name: str


class OrganizationAnswer(_Answer):
    """`GET /api/organization/{id}`: wrapped, unlike the other organization endpoints."""

    current_org: Organization


class OrganizationPage(_Answer):
    """`GET /api/organization`: one page."""

    organizations: tuple[Organization, ...]
    pagination: Pagination


class CallPage(_Answer):
    """`GET /api/calls`: read for its status only, so that no call record is looked at."""

    calls: tuple[Any, ...]


def organization_path(organization_id: str) -> str:
    """Return the path of one organization."""
    return f"{ORGANIZATIONS_PATH}/{segment(organization_id)}"
