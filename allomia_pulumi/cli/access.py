"""Access to a stack's keys: with which settings, and with which tenant keys, each of them is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import PROVIDER_TYPE, DeclaredKey, declared_keys, object_of, resources_of
from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.provider.urn import is_default_provider, setting_text

__all__ = ["Access", "access_of", "accesses"]


@dataclass(frozen=True)
class Access:
    """Way to a key of a stack: the sources of settings, and the reference to the tenant key if it has its own.

    Attributes:
        stack: The stack configuration that holds for it.
        arguments: What wins over it and over the environment, as an explicit provider's arguments do.
    """

    stack: Mapping[str, str]
    arguments: Mapping[str, str]
    reference: VaultReference | None = None


def accesses(stack: Stack, arguments: Mapping[str, str]) -> list[Access]:
    """Return every way in which the stack's keys are reached, the configured one first.

    Args:
        stack: The stack, with its state.
        arguments: What the command was given; it wins over everything.
    """
    found = [Access(stack.settings, arguments)]
    found += [Access({}, {**settings, **arguments}) for settings in _explicit_providers(stack).values()]
    for key in declared_keys(stack.deployment):
        is_own = key.kind == ORGANIZATION_API_KEY and key.tenant_key_ref is not None
        if is_own and "tenantKeyRef" not in arguments:
            found.append(replace(access_of(stack, key, arguments), reference=key.tenant_key_ref))
    return found


def access_of(stack: Stack, key: DeclaredKey, arguments: Mapping[str, str]) -> Access:
    """Return how one key is reached, by its provider; with no tenant key of its own."""
    settings = _explicit_providers(stack).get(key.provider)
    return Access(stack.settings, arguments) if settings is None else Access({}, {**settings, **arguments})


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
