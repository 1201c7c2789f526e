"""Access to a stack's keys and organizations: with which settings, and which tenant keys, each of them is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import (
    PROVIDER_TYPE,
    DeclaredKey,
    DeclaredOrganization,
    declared_keys,
    declared_organizations,
    object_of,
    resources_of,
)
from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.provider.urn import is_default_provider, setting_text

__all__ = ["Access", "access_of", "accesses"]


@dataclass(frozen=True)
class Access:
    """Way to a resource of a stack: the sources of settings, and the reference to the tenant key if it has its own.

    Attributes:
        stack: The stack configuration that holds for it.
        arguments: What wins over it and over the environment, as an explicit provider's arguments do.
        provider: The URN of the explicit provider, if it is one's; two of the same settings are one way.
    """

    stack: Mapping[str, str]
    arguments: Mapping[str, str]
    reference: VaultReference | None = None
    provider: str = field(default="", compare=False)


def accesses(stack: Stack, arguments: Mapping[str, str]) -> list[Access]:
    """Return every way in which the stack's keys and organizations are reached, the configured one first.

    Args:
        stack: The stack, with its state.
        arguments: What the command was given; it wins over everything.
    """
    found = [Access(stack.settings, arguments)]
    found += [
        Access({}, {**settings, **arguments}, provider=urn) for urn, settings in _explicit_providers(stack).items()
    ]
    if "tenantKeyRef" not in arguments:
        keys = [each for each in declared_keys(stack.deployment) if each.kind == ORGANIZATION_API_KEY]
        declared: list[DeclaredKey | DeclaredOrganization] = [*keys, *declared_organizations(stack.deployment)]
        for each in declared:
            if each.tenant_key_ref is not None:
                found.append(replace(access_of(stack, each, arguments), reference=each.tenant_key_ref))
    return found


def access_of(stack: Stack, declared: DeclaredKey | DeclaredOrganization, arguments: Mapping[str, str]) -> Access:
    """Return how one resource is reached, by its provider; with no tenant key of its own."""
    settings = _explicit_providers(stack).get(declared.provider)
    if settings is None:
        return Access(stack.settings, arguments)
    return Access({}, {**settings, **arguments}, provider=declared.provider)


def _explicit_providers(stack: Stack) -> dict[str, dict[str, str]]:
    """Return each explicit provider of the plugin by its URN, with the settings that are not encrypted."""
    return {
        resource["urn"]: dict(_shown_settings(object_of(resource.get("inputs"))))
        for resource in resources_of(stack.deployment)
        if resource.get("type") == PROVIDER_TYPE and not is_default_provider(resource["urn"])
    }


def _shown_settings(inputs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in CONFIGURATION:
        value = inputs.get(name)
        if value is not None and "ciphertext" not in object_of(value):
            yield name, setting_text(value)
