"""The plugin's face in Python: the resource classes over `pulumi-resource-allomia`, its providers and its functions.

A program names where the plugin lies in `Pulumi.yaml`; the classes have the arguments and outputs of those of
`allomia_pulumi`, whose stacks they take over in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, Final, Self

import pulumi

from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    PACKAGE,
    dynamic_token,
    plugin_token,
)
from allomia_pulumi.contracts.timezones import Timezone
from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.program import dashboard_api_key, organization, organization_api_key
from allomia_pulumi.program.arguments import (
    AdoptArgs,
    VaultArgs,
    VaultAuthArgs,
    VaultReferenceArgs,
    VaultSecretArgs,
    to_wire,
)
from allomia_pulumi.program.base import DeclaredResource
from allomia_pulumi.program.native_functions import (
    get_organization,
    get_organization_api_keys,
    get_organization_api_keys_output,
    get_organization_output,
    get_organizations,
    get_organizations_output,
)

__all__ = [
    "AdoptArgs",
    "ApiKeyInfo",
    "DashboardApiKey",
    "Organization",
    "OrganizationApiKey",
    "OrganizationApiKeys",
    "OrganizationInfo",
    "Provider",
    "Timezone",
    "VaultArgs",
    "VaultAuthArgs",
    "VaultReferenceArgs",
    "VaultSecretArgs",
    "get_organization",
    "get_organization_api_keys",
    "get_organization_api_keys_output",
    "get_organization_output",
    "get_organizations",
    "get_organizations_output",
]

URN_PARTS: Final = 4


@pulumi.input_type
class _NoInputs:
    """A resource that is only looked up has none."""


class _Native(DeclaredResource):
    """Register with the plugin, under aliases that take over what the dynamic face made.

    Each alias of the user's gets a twin of the dynamic type, so that a resource can be renamed or reparented in the
    same run that moves it. What a component was known as before, the engine combines with each of them itself.
    """

    kind: ClassVar[str]

    def _registration(
        self, resource_name: str, opts: pulumi.ResourceOptions | None
    ) -> tuple[str, Mapping[str, Any], list[pulumi.Input[str | pulumi.Alias]]]:
        former_type = dynamic_token(self.kind)
        formerly: pulumi.Alias | str
        if opts is None or opts.parent is None:
            # The whole URN says the same, and spares the SDK a chain of outputs for each resource.
            formerly = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{former_type}::{resource_name}"
        else:
            formerly = pulumi.Alias(type_=former_type)
        own = (opts.aliases if opts else None) or ()
        twins = [twin for alias in own if (twin := _twin(alias, former_type)) is not None]
        return plugin_token(self.kind), {}, [formerly, *twins]

    @classmethod
    def _look_up(cls, resource_name: str, pulumi_id: pulumi.Input[str], opts: pulumi.ResourceOptions | None) -> Self:
        """Return a resource that this stack does not manage: what `__init__` does, without inputs."""
        found = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=pulumi_id))
        found._declare(resource_name, by_id, _NoInputs, {})  # noqa: SLF001 - it is of this very class
        return found


def _twin(alias: pulumi.Input[str | pulumi.Alias] | None, former_type: str) -> pulumi.Input[str | pulumi.Alias] | None:
    """Return the alias with the former type, or None if it says nothing new or is no URN."""
    match alias:
        case None:
            return None
        case str():
            return _twin_urn(alias, former_type)
        case pulumi.Alias():
            twin = copy(alias)
            twin.type_ = former_type
            return None if alias.type_ == former_type else twin
    later: pulumi.Output[Any] = pulumi.Output.from_input(alias)
    return later.apply(lambda known: _twin(known, former_type) or known)


def _twin_urn(urn: str, former_type: str) -> str | None:
    parts = urn.split("::", 3)
    if len(parts) != URN_PARTS:
        return None
    parents, separator, _ = parts[2].rpartition("$")
    parts[2] = f"{parents}{separator}{former_type}"
    twin = "::".join(parts)
    return None if twin == urn else twin


class OrganizationApiKey(organization_api_key.OrganizationApiKey, _Native):  # noqa: D101 - it has the resource's docstring
    __doc__ = organization_api_key.OrganizationApiKey.__doc__
    kind = ORGANIZATION_API_KEY

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - Pulumi's word for it
        opts: pulumi.ResourceOptions | None = None,
    ) -> Self:
        """Look up a key that this stack does not manage: nothing of it is rotated or revoked here.

        Its secret is an output if the environment says where it is, as for `pulumi import`.

        Args:
            resource_name: The logical name.
            id: `<organizationId>/<keyId>`.
            opts: Pulumi's resource options.
        """
        return cls._look_up(resource_name, id, opts)


class DashboardApiKey(dashboard_api_key.DashboardApiKey, _Native):  # noqa: D101 - it has the resource's docstring
    __doc__ = dashboard_api_key.DashboardApiKey.__doc__
    kind = DASHBOARD_API_KEY


class Organization(organization.Organization, _Native):  # noqa: D101 - it has the resource's docstring
    __doc__ = organization.Organization.__doc__
    kind = ORGANIZATION

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - Pulumi's word for it
        opts: pulumi.ResourceOptions | None = None,
    ) -> Self:
        """Look up an organization that this stack does not manage: nothing of it is changed or deactivated here.

        Args:
            resource_name: The logical name.
            id: AlloMia's id of it.
            opts: Pulumi's resource options.
        """
        return cls._look_up(resource_name, id, opts)


class Provider(pulumi.ProviderResource):
    """The settings of one tenant, for resources and functions that name it as their `provider`.

    What is left out comes from the environment or is the default; the stack's `allomia:` configuration belongs to the
    default provider and does not count here. Settings are references, never secret values: Pulumi keeps them in state.
    """

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        api_url: pulumi.Input[str] | None = None,
        tenant_key_ref: pulumi.Input[str | VaultReferenceArgs] | None = None,
        vault: pulumi.Input[VaultArgs] | None = None,
        owner: pulumi.Input[str] | None = None,
        keys_path: pulumi.Input[str] | None = None,
    ) -> None:
        """Declare the settings of one tenant; what is left out comes from the environment or is the default.

        Args:
            resource_name: The logical name.
            opts: Pulumi's resource options.
            api_url: AlloMia's base URL; http only on loopback.
            tenant_key_ref: Where the tenant key lies in Vault: `mount/path#field`, or an object.
            vault: How to reach Vault or OpenBao, and how to log in.
            owner: Tells apart people who use the same project and stack names on one tenant.
            keys_path: Path of the key collection, which AlloMia does not document.
        """
        settings = {
            "apiUrl": api_url,
            "tenantKeyRef": _text(tenant_key_ref),
            "vault": _text(vault),
            "owner": owner,
            "keysPath": keys_path,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        super().__init__(PACKAGE, resource_name, given, opts)


def _text(setting: pulumi.Input[Any] | None) -> pulumi.Output[str] | None:
    """Return an object as JSON, since the engine knows no other provider settings than texts."""
    if setting is None:
        return None
    whole: pulumi.Output[Any] = pulumi.Output.from_input(to_wire(setting))
    return whole.apply(lambda value: value if isinstance(value, str) else pulumi.runtime.to_json(value))
