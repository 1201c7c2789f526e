"""Terms of the engine: URNs, and the arguments of a provider."""

from __future__ import annotations

import json
from typing import Any

from allomia_pulumi.core.identity import Identity

__all__ = ["identity_of", "is_default_provider", "kind_in", "name_of", "project_of", "setting_text", "stack_of"]

PREFIX = "urn:pulumi:"
DEFAULT_PROVIDER = "default"
"""How the engine begins the name of a provider that no program declared."""


def identity_of(urn: str) -> Identity:
    """Return the identity, as the dynamic face's class passes it: so a key keeps its mark when it changes faces."""
    stack, project, types, name = _parts(urn)
    return Identity(project=project, stack=stack, parents=types.rpartition("$")[0], name=name)


def kind_in(urn: str) -> str:
    """Return the resource's own name in the package, such as `OrganizationApiKey`."""
    return _parts(urn)[2].rpartition("$")[2].rpartition(":")[2]


def name_of(urn: str) -> str:
    """Return the logical name."""
    return _parts(urn)[3]


def project_of(urn: str) -> str:
    """Return the project."""
    return _parts(urn)[1]


def stack_of(urn: str) -> str:
    """Return the stack."""
    return _parts(urn)[0]


def is_default_provider(urn: str) -> bool:
    """Tell whether a provider is the engine's own, whose arguments are the stack configuration."""
    return name_of(urn).startswith(DEFAULT_PROVIDER)


def setting_text(value: Any) -> str:  # noqa: ANN401 - property values are of any type
    """Return a provider's argument as the stack configuration has it: objects are JSON, texts are themselves."""
    if not isinstance(value, str):
        return json.dumps(value)
    if not value.startswith('"'):
        return value
    # A generated SDK writes whatever may be an object as JSON, also when it is a text.
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _parts(urn: str) -> list[str]:
    return urn.removeprefix(PREFIX).split("::", 3)
