"""Invokes: the functions of the plugin, answered by the core; no result has a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic.alias_generators import to_camel

from allomia_pulumi.contracts.allomia import Directory
from allomia_pulumi.core import queries
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.redaction import printable

__all__ = ["invoke"]

Arguments = Mapping[str, str | None]
Warn = Callable[[str], None]


def invoke(
    token: str,
    arguments: Mapping[str, Any],
    directory: Callable[[], Directory],
    now: datetime,
    warn: Warn,
) -> Any:  # noqa: ANN401 - results are of any type
    """Answer a function; return its result by its wire names, or None while an argument is not known yet.

    Raises:
        InvalidInput: There is no such function, or it has no such argument.
        AllomiaError: AlloMia gave no answer.
    """
    name = token.rpartition(":")[2]
    if name not in FUNCTIONS:
        raise InvalidInput(f"{printable(token)} is no function of this version", "Upgrade, or correct its name.")
    accepted, answer = FUNCTIONS[name]
    for argument, value in arguments.items():
        if argument not in accepted:
            raise InvalidInput(f"{name} has no argument {printable(argument)}", f"It takes {' and '.join(accepted)}.")
        if value is not None and not isinstance(value, str | Unknown):
            raise InvalidInput(f"{argument} of {name} is not a text", "Give a text.")
    if any(isinstance(value, Unknown) for value in arguments.values()):
        return None
    return _wire(answer(directory(), arguments, now, warn))


def _organization(directory: Directory, arguments: Arguments, _now: datetime, _warn: Warn) -> object:
    found = queries.find_organization(directory, organization_id=arguments.get("id"), name=arguments.get("name"))
    return asdict(found)


def _organizations(directory: Directory, arguments: Arguments, _now: datetime, warn: Warn) -> object:
    found = queries.list_organizations(directory, arguments.get("search"), warn)
    return {"organizations": [asdict(each) for each in found]}


def _api_keys(directory: Directory, arguments: Arguments, now: datetime, _warn: Warn) -> object:
    return asdict(queries.survey_keys(directory, arguments.get("organizationId") or "", now))


Answer = Callable[[Directory, Arguments, datetime, Warn], object]

FUNCTIONS: Final[Mapping[str, tuple[tuple[str, ...], Answer]]] = {
    "getOrganization": (("id", "name"), _organization),
    "getOrganizations": (("search",), _organizations),
    "getOrganizationApiKeys": (("organizationId",), _api_keys),
}


def _wire(value: Any) -> Any:  # noqa: ANN401 - results are of any type
    if isinstance(value, Mapping):
        return {to_camel(name): _wire(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    return value
