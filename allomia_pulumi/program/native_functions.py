"""The functions of the plugin's face: the plugin asks AlloMia, with its own settings or an explicit provider's.

Names, arguments and results are those of `allomia_pulumi.program.functions`, and `opts` can name a provider besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

import pulumi

from allomia_pulumi.contracts.tokens import plugin_token
from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo

__all__ = [
    "get_organization",
    "get_organization_api_keys",
    "get_organization_api_keys_output",
    "get_organization_output",
    "get_organizations",
    "get_organizations_output",
]

TOKENS: Final = {
    "get_organization": plugin_token("getOrganization"),
    "get_organizations": plugin_token("getOrganizations"),
    "get_organization_api_keys": plugin_token("getOrganizationApiKeys"),
}
WIRE_NAMES: Final = {"organization_id": "organizationId"}

T = TypeVar("T")


def get_organization(
    *,
    id: str | None = None,  # noqa: A002 - Pulumi's word for it
    name: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> OrganizationInfo:
    """Look up one organization.

    Args:
        id: AlloMia's id of it.
        name: Its exact name; give this or the id.
        opts: Pulumi's options, such as the provider.

    Raises:
        pulumi.RunError: The tenant key sees no such organization, several have the name, or AlloMia gave no answer.
    """
    return _ask("get_organization", _organization, opts, id=id, name=name)


def get_organization_output(
    *,
    id: pulumi.Input[str | None] = None,  # noqa: A002 - Pulumi's word for it
    name: pulumi.Input[str | None] = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[OrganizationInfo]:
    """Look up one organization as `get_organization` does, once the values that it is asked with are known.

    Args:
        id: AlloMia's id of it.
        name: Its exact name; give this or the id.
        opts: Pulumi's options, such as the provider.
    """
    return _ask_later("get_organization", _organization, opts, id=id, name=name)


def get_organizations(
    *, search: str | None = None, opts: pulumi.InvokeOptions | None = None
) -> tuple[OrganizationInfo, ...]:
    """List the tenant's organizations, from the oldest to the newest.

    Args:
        search: Only those that AlloMia's search by name finds.
        opts: Pulumi's options, such as the provider.

    Raises:
        pulumi.RunError: AlloMia gave no answer, or one that does not add up.
    """
    return _ask("get_organizations", _organizations, opts, search=search)


def get_organizations_output(
    *, search: pulumi.Input[str | None] = None, opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[tuple[OrganizationInfo, ...]]:
    """List organizations as `get_organizations` does, once the value that it is asked with is known.

    Args:
        search: Only those that AlloMia's search by name finds.
        opts: Pulumi's options, such as the provider.
    """
    return _ask_later("get_organizations", _organizations, opts, search=search)


def get_organization_api_keys(organization_id: str, *, opts: pulumi.InvokeOptions | None = None) -> OrganizationApiKeys:
    """Describe the living keys of an organization: names, ages, marks and slots, never a secret.

    This needs AlloMia's key endpoints, which are assumed: AlloMia documents none.

    Args:
        organization_id: The organization.
        opts: Pulumi's options, such as the provider.

    Raises:
        pulumi.RunError: The tenant key sees no such organization, AlloMia serves no key endpoints, or it gave no
            answer.
    """
    return _ask("get_organization_api_keys", _keys, opts, organization_id=organization_id)


def get_organization_api_keys_output(
    organization_id: pulumi.Input[str], *, opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[OrganizationApiKeys]:
    """Describe the keys as `get_organization_api_keys` does, once the organization is known.

    Args:
        organization_id: The organization.
        opts: Pulumi's options, such as the provider.
    """
    return _ask_later("get_organization_api_keys", _keys, opts, organization_id=organization_id)


def _ask(function: str, read: Callable[[Any], T], opts: pulumi.InvokeOptions | None, **arguments: str | None) -> T:
    """Ask the plugin, and wait for its answer."""
    for name, value in arguments.items():
        if isinstance(value, pulumi.Output):
            raise pulumi.RunError(
                f"allomia: {name} of {function} is an output, whose value is not there yet. Use {function}_output "
                "instead."
            )
    try:
        found = pulumi.runtime.invoke(TOKENS[function], _wire(arguments), opts).value
    except Exception as problem:
        raise _in_one_line(function, problem) from problem
    if not found:
        raise pulumi.RunError(
            f"allomia: {function} has no answer in this preview, since its provider's settings are not known yet. Use "
            f"{function}_output instead."
        )
    return read(found)


def _ask_later(
    function: str,
    read: Callable[[Any], T],
    opts: pulumi.InvokeOptions | None,
    **arguments: pulumi.Input[str | None],
) -> pulumi.Output[T]:
    """Ask the plugin once the arguments, and in a preview the provider's settings, are known."""

    def fail(problem: Exception) -> T:
        raise _in_one_line(function, problem) from problem

    found: pulumi.Output[Any] = pulumi.runtime.invoke_output(TOKENS[function], _wire(arguments), opts)
    # An empty answer is the engine's: the provider is not configured yet.
    answer: pulumi.Output[Any] = found.apply(lambda value: read(value) if value else pulumi.UNKNOWN)
    return answer.recover(fail)


def _wire(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {WIRE_NAMES.get(name, name): value for name, value in arguments.items()}


def _in_one_line(function: str, problem: Exception) -> pulumi.RunError:
    """Return an error that ends a program without a traceback, and without what Pulumi puts before the reason."""
    token, reason = TOKENS[function], str(problem)
    for lead in (f"invoke of {token} failed: ", f"invocation of {token} returned an error: ", "allomia: "):
        reason = reason.removeprefix(lead)
    return pulumi.RunError(f"allomia: {reason}")


def _organization(found: Mapping[str, Any]) -> OrganizationInfo:
    told: dict[str, Any] = {each.name: found.get(_camel(each.name)) for each in fields(OrganizationInfo)}
    return OrganizationInfo(**told)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _organizations(found: Mapping[str, Any]) -> tuple[OrganizationInfo, ...]:
    return tuple(_organization(each) for each in found["organizations"])


def _keys(found: Mapping[str, Any]) -> OrganizationApiKeys:
    keys = tuple(_key(each) for each in found["keys"])
    return OrganizationApiKeys(found["organizationId"], keys, int(found["slotsUsed"]), int(found["slots"]))


def _key(found: Mapping[str, Any]) -> ApiKeyInfo:
    age = found.get("ageSeconds")
    return ApiKeyInfo(
        id=found["id"],
        name=found["name"],
        label=found["label"],
        created_at=found.get("createdAt"),
        last_used_at=found.get("lastUsedAt"),
        age_seconds=None if age is None else int(age),
        mark=found.get("mark"),
    )
