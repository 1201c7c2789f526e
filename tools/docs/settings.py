"""The settings: the stack configuration, how to reach Vault, and the methods of logging in to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from allomia_pulumi.ground.config import VARIABLES
from allomia_pulumi.ground.settings import CONFIGURATION, NAMESPACE
from tools.docs.tables import table
from tools.schema import settings
from tools.schema.kinds import AUTH, describe_fields

__all__ = ["describe_auth", "describe_settings", "describe_vault"]

METHOD: Final = "method"


def describe_settings() -> str:
    """Return the table of the stack configuration."""
    variables = settings.describe_variables()
    rows = [
        [
            f"`{NAMESPACE}:{name}`",
            variables[name]["description"],
            _listed(VARIABLES.get(name, ())),
            _listed([variables[name]["default"]] if "default" in variables[name] else []),
        ]
        for name in CONFIGURATION
    ]
    return table(["key", "meaning", "environment", "default"], rows)


def describe_vault() -> str:
    """Return the table of the settings of Vault."""
    rows = [
        [f"`{name}`", field["description"], _listed(VARIABLES.get(f"vault.{name}", ()))]
        for name, field in _properties(settings.VAULT).items()
    ]
    return table(["setting", "meaning", "environment"], rows)


def describe_auth() -> str:
    """Return a row for each setting of each method."""
    texts = _properties(AUTH)
    rows = []
    for method in settings.METHODS:
        (name,) = method.model_fields[METHOD].annotation.__args__  # type: ignore[union-attr] # a Literal of one
        described = describe_fields(method)
        for field, about in described["properties"].items():
            if field == METHOD:
                continue
            required = " (required)" if field in described["required"] else ""
            default = _default_of(method, field)
            rows.append(
                [f"`{name}`", f"`{field}`{required}", about.get("description", texts[field]["description"]), default]
            )
    return table([METHOD, "setting", "meaning", "default"], rows)


def _properties(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = settings.describe_types()[name]["properties"]
    return properties


def _default_of(method: type[Any], wire_name: str) -> str:
    (field,) = [each for each in method.model_fields.values() if each.alias == wire_name]
    return f"`{field.default}`" if isinstance(field.default, str) else ""


def _listed(names: Iterable[str]) -> str:
    return ", then ".join(f"`{name}`" for name in names)
