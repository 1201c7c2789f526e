"""The functions: what they are asked with and what they answer, from the Python functions and their results."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_type_hints

from pydantic.alias_generators import to_camel

from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.program import functions
from tools.schema.kinds import API_KEY_INFO, ORGANIZATION_INFO, alternatives, describe_kind
from tools.schema.texts import entry_texts, summary_of

__all__ = ["describe_functions", "describe_types"]


def describe_functions() -> dict[str, Any]:
    """Return every function by its token."""
    organizations = {
        "properties": {
            "organizations": {
                **describe_kind(tuple[OrganizationInfo, ...]),
                "description": "The organizations, from the oldest to the newest.",
            }
        },
        "required": ["organizations"],
    }
    return {
        "allomia:index:getOrganization": _function(functions.get_organization, _result(OrganizationInfo)),
        "allomia:index:getOrganizationApiKeys": _function(
            functions.get_organization_api_keys, _result(OrganizationApiKeys)
        ),
        "allomia:index:getOrganizations": _function(functions.get_organizations, organizations),
    }


def describe_types() -> dict[str, Any]:
    """Return the objects inside the answers."""
    return {
        token: {"type": "object", "description": summary_of(kind), **_result(kind)}
        for token, kind in ((ORGANIZATION_INFO, OrganizationInfo), (API_KEY_INFO, ApiKeyInfo))
    }


def _function(function: Callable[..., Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    required = [to_camel(each.name) for each in parameters if each.default is each.empty]
    inputs = {"type": "object", "properties": _properties(function, [each.name for each in parameters])}
    return {
        "description": summary_of(function),
        "inputs": {**inputs, "required": required} if required else inputs,
        "outputs": {"type": "object", **outputs},
    }


def _result(kind: type[Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind)]
    always = [to_camel(name) for name in names if type(None) not in get_args(get_type_hints(kind)[name])]
    return {"properties": _properties(kind, names), "required": always}


def _properties(documented: Callable[..., Any], names: Iterable[str]) -> dict[str, Any]:
    """Describe parameters or attributes by their annotations and by what the docstring says of each."""
    hints = get_type_hints(documented)
    texts = entry_texts(documented)
    return {
        to_camel(name): {**describe_kind(alternatives(hints[name])[0]), "description": texts[name]} for name in names
    }
