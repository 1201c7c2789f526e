"""What a stack's exported state says about keys, in the core's words, and with which tenant keys they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.core.minted_key.inputs import lineage_of
from allomia_pulumi.core.minted_key.state import Origin, OwedStep, recorded_identity
from allomia_pulumi.core.orphans import Declared, Pending, StackRecord
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.identifiers import is_lineage
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.settings import CONFIGURATION, NAMESPACE
from allomia_pulumi.provider.urn import identity_of, is_default_provider, setting_text

__all__ = [
    "Access",
    "access_of",
    "accesses",
    "dashboard_resources",
    "has_secret_owner",
    "key_resources",
    "pending_keys",
    "record_of",
]

KEY_TYPES = frozenset({"pulumi-python:dynamic/allomia:OrganizationApiKey", "allomia:index:OrganizationApiKey"})
DASHBOARD_TYPES = frozenset({"pulumi-python:dynamic/allomia:DashboardApiKey", "allomia:index:DashboardApiKey"})
CREATING = "creating"
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
        pending=tuple(_pending(operation) for operation in _operations(stack)),
    )


def key_resources(stack: Stack) -> list[Resource]:
    """Return the declared organization keys of the state, also those that wait for their deletion."""
    return [each for each in _resources(stack) if each.get("type") in KEY_TYPES]


def dashboard_resources(stack: Stack) -> list[Resource]:
    """Return the declared keys of the state that a person makes, which have no key id."""
    return [each for each in _resources(stack) if each.get("type") in DASHBOARD_TYPES]


def pending_keys(stack: Stack) -> list[str]:
    """Return the URNs of the declared organization keys with an operation that has no recorded end."""
    return [operation["resource"]["urn"] for operation in _operations(stack)]


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
        reference = _recorded_reference(resource)
        if reference is not None and "tenantKeyRef" not in arguments:
            found.append(replace(access_of(stack, resource, arguments), reference=reference))
    return found


def access_of(stack: Stack, resource: Resource, arguments: Mapping[str, str]) -> Access:
    """Return how one key is reached, by its provider; with no tenant key of its own."""
    provider = str(resource.get("provider", "")).rpartition("::")[0]
    settings = dict(_explicit_providers(stack)).get(provider)
    return Access(stack.settings, arguments) if settings is None else Access({}, {**settings, **arguments})


def _operations(stack: Stack) -> list[Resource]:
    """Return the operations on declared organization keys that have no recorded end."""
    found = [each for each in stack.deployment.get("pending_operations") or () if isinstance(each, Mapping)]
    return [each for each in found if isinstance(each.get("resource"), Mapping) and _is_key(each["resource"])]


def _is_key(resource: Resource) -> bool:
    return resource.get("type") in KEY_TYPES and "urn" in resource


def _pending(operation: Resource) -> Pending:
    """Read an operation; the inputs of a creation witness the lineage that its key was to have."""
    resource = operation["resource"]
    lineage = lineage_of(resource.get("inputs") or {})
    return Pending(resource["urn"], identity_of(resource["urn"]), operation.get("type") == CREATING, lineage)


def _declared(resource: Resource) -> Declared:
    outputs = resource.get("outputs") or {}
    urn = resource["urn"]
    recorded, record = recorded_identity(outputs), outputs.get("record")
    owner = record.get("owner", "") if isinstance(record, Mapping) else None
    record = record if isinstance(record, Mapping) else {}
    pending = outputs.get("pending", [])
    steps = [each if isinstance(each, Mapping) else {} for each in pending] if isinstance(pending, list) else [{}]
    current, previous = outputs.get("keyId"), outputs.get("previousKeyId")
    owed = [each.get("keyId") for each in steps if each.get("step") == OwedStep.REVOKE]
    # An encrypted value is an object: somebody made the output secret, and which key it is does not show.
    shown = (current, *(each.get("step") for each in steps), *filter(None, (previous, *owed)))
    foreign = record.get("foreignKeys") or []
    is_readable = all(isinstance(each, str) for each in shown) and isinstance(foreign, list)
    lineage = record.get("lineage")
    return Declared(
        resource=urn,
        identities=tuple(dict.fromkeys(filter(None, (identity_of(urn), recorded)))),
        owner=owner if isinstance(owner, str) else None,
        key_id=_text(current),
        previous_key_id=_text(previous),
        owed=frozenset(filter(None, map(_text, owed))),
        foreign=frozenset(filter(None, map(_text, foreign))) if isinstance(foreign, list) else frozenset(),
        former=tuple(_former(record)),
        lineage=lineage if is_lineage(lineage) else None,
        is_replaced=bool(resource.get("delete")),
        is_readable=is_readable,
        is_unfinished=bool(pending or resource.get("initErrors") or resource.get("pendingReplacement")),
        is_retained=bool(resource.get("retainOnDelete")),
    )


def _former(record: Mapping[str, Any]) -> Iterator[Origin]:
    """Return what a resource was known as before; what is not readable is left out, and its keys stay doubtful."""
    former = record.get("former")
    for each in former if isinstance(former, list) else ():
        with suppress(ValidationError):
            yield Origin.model_validate(each)


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
