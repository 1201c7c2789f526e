"""What a stack's exported state says about keys, in the core's words, and with which tenant keys they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.config import CONFIGURATION, NAMESPACE
from allomia_pulumi.engine_terms import identity_of, is_default_provider, setting_text
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.keys.models import OwedStep, recorded_identity
from allomia_pulumi.keys.orphans import Declared, Pending, StackRecord
from allomia_pulumi.references import VaultReference, parse_reference

__all__ = ["Access", "accesses", "has_secret_owner", "key_resources", "pending_keys", "record_of"]

KEY_TYPES = frozenset({"pulumi-python:dynamic/allomia:OrganizationApiKey", "allomia:index:OrganizationApiKey"})
PROVIDER_TYPE = "pulumi:providers:allomia"
DYNAMIC_PROVIDER_TYPE = "pulumi:providers:pulumi-python"
OWNER_VARIABLE = "ALLOMIA_OWNER"

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Access:
    """How a key of a stack is reached: where settings come from, and the reference to the tenant key if it has its own.

    Attributes:
        stack: The stack configuration that holds for it.
        arguments: What wins over it and over the environment, as an explicit provider's arguments do.
    """

    stack: Mapping[str, str]
    arguments: Mapping[str, str]
    reference: VaultReference | None = None


def record_of(stack: Stack, environ: Mapping[str, str]) -> StackRecord:
    """Return what the stack knows of keys, and every owner under which it may have made some."""
    # Keys that were made before there was an owner carry the mark without one, so that one counts always.
    owners = {"", stack.settings.get("owner", ""), environ.get(OWNER_VARIABLE, "")}
    owners |= {owner for owner in _provider_owners(stack) if isinstance(owner, str)}
    return StackRecord(
        label=stack.label,
        project=stack.project,
        stack=stack.name,
        owners=frozenset(owners),
        declared=tuple(_declared(resource) for resource in key_resources(stack)),
        pending=tuple(Pending(urn, identity_of(urn)) for urn in pending_keys(stack)),
    )


def key_resources(stack: Stack) -> list[Resource]:
    """Return the declared organization keys of the state, also those that wait for their deletion."""
    return [each for each in _resources(stack) if each.get("type") in KEY_TYPES]


def pending_keys(stack: Stack) -> list[str]:
    """Return the URNs of the declared organization keys with an operation that has no recorded end."""
    operations = stack.deployment.get("pending_operations") or ()
    resources = (each.get("resource") for each in operations if isinstance(each, Mapping))
    return [each["urn"] for each in resources if isinstance(each, Mapping) and each.get("type") in KEY_TYPES]


def has_secret_owner(stack: Stack) -> bool:
    """Tell whether a provider of the state has an owner that is encrypted there, so that its marks are not known."""
    return any(owner is not None and not isinstance(owner, str) for owner in _provider_owners(stack))


def accesses(stack: Stack, arguments: Mapping[str, str]) -> list[Access]:
    """Return every way in which the stack's keys are reached, the configured one first.

    Args:
        stack: The stack, with its state.
        arguments: What the command was given; it wins over everything.
    """
    explicit = dict(_explicit_providers(stack))
    found = [Access(stack.settings, arguments)]
    found += [Access({}, {**settings, **arguments}) for settings in explicit.values()]
    for resource in key_resources(stack):
        provider = str(resource.get("provider", "")).rpartition("::")[0]
        reference = _recorded_reference(resource)
        if reference is not None and "tenantKeyRef" not in arguments:
            settings = explicit.get(provider)
            found.append(
                Access(stack.settings, arguments, reference)
                if settings is None
                else Access({}, {**settings, **arguments}, reference)
            )
    return found


def _declared(resource: Resource) -> Declared:
    outputs = resource.get("outputs") or {}
    urn = resource["urn"]
    recorded, record = recorded_identity(outputs), outputs.get("record")
    owner = record.get("owner", "") if isinstance(record, Mapping) else None
    pending = outputs.get("pending", [])
    steps = [each if isinstance(each, Mapping) else {} for each in pending] if isinstance(pending, list) else [{}]
    current, previous = outputs.get("keyId"), outputs.get("previousKeyId")
    owed = [each.get("keyId") for each in steps if each.get("step") == OwedStep.REVOKE]
    # An encrypted value is an object: somebody made the output secret, and which key it is does not show.
    shown = (current, *(each.get("step") for each in steps), *filter(None, (previous, *owed)))
    is_readable = all(isinstance(each, str) for each in shown)
    return Declared(
        resource=urn,
        identities=tuple(dict.fromkeys(filter(None, (identity_of(urn), recorded)))),
        owner=owner if isinstance(owner, str) else None,
        key_id=_text(current),
        previous_key_id=_text(previous),
        owed=frozenset(filter(None, map(_text, owed))),
        is_replaced=bool(resource.get("delete")),
        is_readable=is_readable,
    )


def _recorded_reference(resource: Resource) -> VaultReference | None:
    record = (resource.get("outputs") or {}).get("record")
    settings = record.get("settings") if isinstance(record, Mapping) else None
    written = settings.get("tenantKeyRef") if isinstance(settings, Mapping) else None
    try:
        return parse_reference(written, "the recorded tenantKeyRef") if written else None
    except InvalidInput:
        return None


def _explicit_providers(stack: Stack) -> Iterator[tuple[str, dict[str, str]]]:
    """Return each explicit provider of the plugin by its URN, with the settings that are not encrypted."""
    for resource in _resources(stack):
        if resource.get("type") == PROVIDER_TYPE and not is_default_provider(resource["urn"]):
            inputs = resource.get("inputs") or {}
            known = {name: inputs[name] for name in CONFIGURATION if inputs.get(name) is not None}
            yield resource["urn"], {name: setting_text(value) for name, value in known.items() if not _is_secret(value)}


def _provider_owners(stack: Stack) -> Iterator[object]:
    for resource in _resources(stack):
        inputs = resource.get("inputs") or {}
        if resource.get("type") == PROVIDER_TYPE:
            yield inputs.get("owner")
        elif resource.get("type") == DYNAMIC_PROVIDER_TYPE:
            yield inputs.get(f"{NAMESPACE}:owner")


def _resources(stack: Stack) -> list[Resource]:
    return [each for each in stack.deployment.get("resources") or () if isinstance(each, Mapping) and "urn" in each]


def _is_secret(value: object) -> bool:
    return isinstance(value, Mapping) and "ciphertext" in value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
