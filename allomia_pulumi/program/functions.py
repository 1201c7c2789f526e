"""Functions for Python programs of either face: which organizations there are, and which keys one of them has.

They ask AlloMia from the program's own process whenever it runs, in previews too, with the stack's `allomia:`
configuration. What they need is loaded by the first call.

Each comes in two forms. The plain one answers at once and takes plain values; the one ending in `_output` takes
outputs as well and returns an output, which is unknown in a preview while what it is asked with is.

An error ends the program with one line: it is a `pulumi.RunError`, and its `__cause__` the error of
`allomia_pulumi.errors`, for programs that go on without an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pulumi

from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo

__all__ = [
    "ApiKeyInfo",
    "OrganizationApiKeys",
    "OrganizationInfo",
    "get_organization",
    "get_organization_api_keys",
    "get_organization_api_keys_output",
    "get_organization_output",
    "get_organizations",
    "get_organizations_output",
]

T = TypeVar("T")


def get_organization(
    *,
    id: str | None = None,  # noqa: A002 - Pulumi's word for it
    name: str | None = None,
) -> OrganizationInfo:
    """Look up one organization.

    Args:
        id: AlloMia's id of it.
        name: Its exact name; give this or the id.

    Raises:
        pulumi.RunError: The tenant key sees no such organization, several have the name, or AlloMia gave no answer.
    """
    with _loading():
        from allomia_pulumi.provider.dynamic import queries  # noqa: PLC0415 - a program loads the edges only if it asks

    return queries.find_organization(id, name)


def get_organization_output(
    *,
    id: pulumi.Input[str | None] = None,  # noqa: A002 - Pulumi's word for it
    name: pulumi.Input[str | None] = None,
) -> pulumi.Output[OrganizationInfo]:
    """Look up one organization as `get_organization` does, once the values that it is asked with are known.

    Args:
        id: AlloMia's id of it.
        name: Its exact name; give this or the id.
    """
    return _once_known(get_organization, id=id, name=name)


def get_organizations(*, search: str | None = None) -> tuple[OrganizationInfo, ...]:
    """List the tenant's organizations, from the oldest to the newest.

    Args:
        search: Only those that AlloMia's search by name finds.

    Raises:
        pulumi.RunError: AlloMia gave no answer, or one that does not add up.
    """
    with _loading():
        from allomia_pulumi.provider.dynamic import queries  # noqa: PLC0415 - a program loads the edges only if it asks

    return queries.list_organizations(search)


def get_organizations_output(*, search: pulumi.Input[str | None] = None) -> pulumi.Output[tuple[OrganizationInfo, ...]]:
    """List organizations as `get_organizations` does, once the value that it is asked with is known.

    Args:
        search: Only those that AlloMia's search by name finds.
    """
    return _once_known(get_organizations, search=search)


def get_organization_api_keys(organization_id: str) -> OrganizationApiKeys:
    """Describe the living keys of an organization: names, ages, marks and slots, never a secret.

    This needs AlloMia's key endpoints, which are assumed: AlloMia documents none.

    Args:
        organization_id: The organization.

    Raises:
        pulumi.RunError: The tenant key sees no such organization, AlloMia serves no key endpoints, or it gave no
            answer.
    """
    with _loading():
        from allomia_pulumi.provider.dynamic import queries  # noqa: PLC0415 - a program loads the edges only if it asks

    return queries.survey_keys(organization_id)


def get_organization_api_keys_output(organization_id: pulumi.Input[str]) -> pulumi.Output[OrganizationApiKeys]:
    """Describe the keys as `get_organization_api_keys` does, once the organization is known.

    Args:
        organization_id: The organization.
    """
    return _once_known(get_organization_api_keys, organization_id=organization_id)


@contextmanager
def _loading() -> Iterator[None]:
    """Load what the functions need: a program has it only if it asks.

    Raises:
        pulumi.RunError: A file of the program stands where a module that is needed should be.
    """
    from allomia_pulumi.errors import InvalidConfiguration  # noqa: PLC0415 - see above
    from allomia_pulumi.ground.lazy_imports import loading  # noqa: PLC0415 - see above

    try:
        with loading():
            yield
    except InvalidConfiguration as problem:
        raise pulumi.RunError(f"allomia: {problem}") from problem


def _once_known(function: Callable[..., T], **arguments: pulumi.Input[Any]) -> pulumi.Output[T]:
    """Call the function once its arguments are known, in a thread: the program and other calls go on meanwhile."""
    return pulumi.Output.all(**arguments).apply(lambda known: asyncio.to_thread(function, **known))
