"""The dynamic face: resource classes for Python programs, with nothing to install beside this package.

The work happens in the provider process (`allomia_pulumi.dynamic_provider`); a program loads none of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar, Final

import pulumi

from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    ORGANIZATION_METADATA,
    PACKAGE,
    dynamic_token,
    plugin_token,
)
from allomia_pulumi.program import dashboard_api_key, organization, organization_api_key, organization_metadata
from allomia_pulumi.program.base import DeclaredResource

__all__ = ["DashboardApiKey", "Organization", "OrganizationApiKey", "OrganizationMetadata"]

STACK_TYPE: Final = "pulumi:pulumi:Stack"


class _Dynamic(DeclaredResource):
    """Register with Pulumi's dynamic provider.

    The provider is a pickled call of a function of `allomia_pulumi.dynamic_provider`: an importable reference, never
    code. It stands in the state of every stack, so it stays the same for ever: across edits, folders and versions of
    Python.
    """

    pulumi_type: ClassVar[str]
    provider_constant: ClassVar[str]
    instead: ClassVar[str]

    def _registration(
        self, resource_name: str, opts: pulumi.ResourceOptions | None
    ) -> tuple[str, Mapping[str, Any], list[pulumi.Input[str | pulumi.Alias]]]:
        if opts is not None and (opts.id is not None or opts.import_ is not None):
            name = type(self).__name__
            raise pulumi.RunError(
                f"allomia: {name} {resource_name}: dynamic resources cannot be imported or looked up, so the options "
                f"import_ and id are of no use here. Leave them out: {self.instead}."
            )
        _refuse_providers(type(self).__name__, resource_name, opts)
        internal = {"__identity": _identity(resource_name, opts), "__provider": self.provider_constant}
        return self.pulumi_type, internal, []


class OrganizationApiKey(organization_api_key.OrganizationApiKey, _Dynamic):  # noqa: D101 - it has the resource's docstring
    __doc__ = organization_api_key.OrganizationApiKey.__doc__
    pulumi_type = dynamic_token(ORGANIZATION_API_KEY)
    instead = "take an existing key over with adopt, or import it with allomia_pulumi.native.OrganizationApiKey"
    provider_constant = (
        "gASVOwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMFG9yZ2FuaXphdGlvbl9hcGlfa2V5kylSLg=="
    )


class DashboardApiKey(dashboard_api_key.DashboardApiKey, _Dynamic):  # noqa: D101 - it has the resource's docstring
    __doc__ = dashboard_api_key.DashboardApiKey.__doc__
    pulumi_type = dynamic_token(DASHBOARD_API_KEY)
    instead = "declaring it with organization_id and vault_secret is all there is to do, since it makes nothing"
    provider_constant = "gASVOAAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMEWRhc2hib2FyZF9hcGlfa2V5kylSLg=="


class Organization(organization.Organization, _Dynamic):  # noqa: D101 - it has the resource's docstring
    __doc__ = organization.Organization.__doc__
    pulumi_type = dynamic_token(ORGANIZATION)
    instead = "take an existing organization over with adopt, or import it with allomia_pulumi.native.Organization"
    provider_constant = "gASVMwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMDG9yZ2FuaXphdGlvbpMpUi4="


class OrganizationMetadata(organization_metadata.OrganizationMetadata, _Dynamic):  # noqa: D101 - it has the resource's docstring
    __doc__ = organization_metadata.OrganizationMetadata.__doc__
    pulumi_type = dynamic_token(ORGANIZATION_METADATA)
    instead = "declaring it with organization_id and metadata is all there is to do, since AlloMia shows no metadata"
    provider_constant = (
        "gASVPAAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMFW9yZ2FuaXphdGlvbl9tZXRhZGF0YZMpUi4="
    )


def _refuse_providers(kind: str, resource_name: str, opts: pulumi.ResourceOptions | None) -> None:
    """Refuse an explicit provider of the plugin, the resource's own or a parent's, which Pulumi drops without a word.

    Raises:
        pulumi.RunError: There is one.
    """
    if opts is None:
        return
    several = opts.providers or ()
    own = [opts.provider, *(several.values() if isinstance(several, Mapping) else several)]
    if any(each is not None and each.package == PACKAGE for each in own):
        given = "its options have an allomia provider"
    elif isinstance(opts.parent, pulumi.Resource) and opts.parent.get_provider(plugin_token(kind)) is not None:
        given = "its parent hands on an allomia provider"
    else:
        return
    raise pulumi.RunError(
        f"allomia: {kind} {resource_name}: {given}, which this class would pass over for the stack's configuration, "
        f"perhaps another tenant's. Use allomia_pulumi.native.{kind}, which takes it, or leave the provider out."
    )


def _identity(
    resource_name: str, opts: pulumi.ResourceOptions | None
) -> dict[str, str] | Awaitable[dict[str, str] | None]:
    """Say which resource this is, as the own URN would: the chain of parent types stands in the parent's URN."""
    identity = {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "parents": "", "name": resource_name}
    if opts is None or opts.parent is None:
        return identity
    return _identity_below(opts.parent, identity)


async def _identity_below(parent: pulumi.Resource, identity: dict[str, str]) -> dict[str, str] | None:
    """Wait for the parent's URN alone: as an output it would make the child depend on the parent, and so on itself."""
    urn = await parent.urn.future()
    return None if urn is None else {**identity, "parents": _type_chain(urn)}


def _type_chain(urn: str) -> str:
    """Return the chain of types of a URN; the stack itself stands in no chain."""
    chain = urn.split("::", 3)[2]
    return "" if chain == STACK_TYPE else chain
