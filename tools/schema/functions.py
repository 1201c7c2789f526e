"""The functions: what they are asked with and what they answer, from the Python functions and their results."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_type_hints

from pydantic.alias_generators import to_camel

from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.program import functions
from tools.schema.kinds import API_KEY_INFO, ORGANIZATION_INFO, alternatives, describe_kind

__all__ = ["describe_functions", "describe_types"]

SECTION = re.compile(r"^(?:Args|Attributes|Raises):$", re.MULTILINE)
# A name and its text, which may go on in deeper lines.
ENTRY = re.compile(r"^    (\w+): (.+(?:\n     +.+)*)", re.MULTILINE)


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
        token: {"type": "object", "description": _summary(kind), **_result(kind)}
        for token, kind in ((ORGANIZATION_INFO, OrganizationInfo), (API_KEY_INFO, ApiKeyInfo))
    }


def _function(function: Callable[..., Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    required = [to_camel(each.name) for each in parameters if each.default is each.empty]
    inputs = {"type": "object", "properties": _properties(function, [each.name for each in parameters])}
    return {
        "description": _summary(function),
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
    texts = {name: _worded(text) for name, text in ENTRY.findall(inspect.getdoc(documented) or "")}
    return {
        to_camel(name): {**describe_kind(alternatives(hints[name])[0]), "description": texts[name]} for name in names
    }


def _summary(documented: Callable[..., Any]) -> str:
    """Return the docstring up to its first section."""
    return _worded(SECTION.split(inspect.getdoc(documented) or "")[0])


def _worded(text: str) -> str:
    """Say in the words of every language what a docstring says in Python's."""
    paragraphs = [" ".join(each.split()) for each in text.strip().split("\n\n")]
    in_wire_names = re.sub(r"`([a-z_]+)`", lambda match: f"`{to_camel(match[1])}`", "\n\n".join(paragraphs))
    return re.sub(r"\bNone\b", "absent", in_wire_names)
