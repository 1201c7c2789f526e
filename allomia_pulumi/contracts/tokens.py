"""Type tokens: the names under which the engine, states and programs know this package's resources and functions."""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "DASHBOARD_API_KEY",
    "KEY_KINDS",
    "KINDS",
    "ORGANIZATION",
    "ORGANIZATION_API_KEY",
    "ORGANIZATION_METADATA",
    "PACKAGE",
    "dynamic_token",
    "is_of_package",
    "kind_of",
    "plugin_token",
]

PACKAGE: Final = "allomia"
ORGANIZATION_API_KEY: Final = "OrganizationApiKey"
DASHBOARD_API_KEY: Final = "DashboardApiKey"
ORGANIZATION: Final = "Organization"
ORGANIZATION_METADATA: Final = "OrganizationMetadata"

KEY_KINDS: Final = (ORGANIZATION_API_KEY, DASHBOARD_API_KEY)
"""The kinds that are keys: what the command line asks about keys passes over the others."""

KINDS: Final = (*KEY_KINDS, ORGANIZATION, ORGANIZATION_METADATA)


def plugin_token(name: str) -> str:
    """Return the plugin's token of a resource or function."""
    return f"{PACKAGE}:index:{name}"


def dynamic_token(kind: str) -> str:
    """Return the token that a resource has with Pulumi's dynamic provider."""
    return f"pulumi-python:dynamic/{PACKAGE}:{kind}"


def kind_of(token: Any) -> str | None:  # noqa: ANN401 - a state may hold anything
    """Return the kind of resource that a token names, of either face; None if it is none of this package."""
    return next((kind for kind in KINDS if token in (plugin_token(kind), dynamic_token(kind))), None)


def is_of_package(token: Any) -> bool:  # noqa: ANN401 - a state may hold anything
    """Tell whether a token is one of this package's resources, of either face, if only in another version of it."""
    return isinstance(token, str) and token.startswith((plugin_token(""), dynamic_token("")))
