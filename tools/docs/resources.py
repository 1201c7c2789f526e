"""The resources, their objects and the functions, from the schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from tools.docs.tables import table
from tools.schema import build_schema

__all__ = ["describe_package"]

# The settings stand on the page of the configuration.
ELSEWHERE: Final = {"VaultSettings", "VaultAuth"}
LINK: Final = re.compile(r"^## Import.*", re.MULTILINE | re.DOTALL)


def describe_package() -> str:
    """Return a section for each resource, each object and each function."""
    schema = build_schema()
    parts = [_resource(_short(token), each) for token, each in sorted(schema["resources"].items(), reverse=True)]
    parts.append("## Objects\n\n")
    parts += [_object(_short(token), each) for token, each in schema["types"].items() if _short(token) not in ELSEWHERE]
    parts.append("## Functions\n\n")
    parts += [_function(_short(token), each) for token, each in schema["functions"].items()]
    return "".join(parts)


def _resource(name: str, resource: Mapping[str, Any]) -> str:
    inputs = _fields("input", resource["inputProperties"], resource["requiredInputs"])
    outputs = _fields("output", resource["properties"], resource["required"], absent="may be absent")
    about = LINK.sub("", resource["description"]).strip()
    return f"## {name}\n\n{about}\n\n### Inputs of {name}\n\n{inputs}### Outputs of {name}\n\n{outputs}"


def _object(name: str, kind: Mapping[str, Any]) -> str:
    if choices := kind.get("enum"):
        values = ", ".join(f"`{each['value']}`" for each in choices)
        return f"### {name}\n\n{kind['description']}\n\n{values}\n\n"
    return f"### {name}\n\n{kind['description']}\n\n{_fields('field', kind['properties'], kind.get('required', ()))}"


def _function(name: str, function: Mapping[str, Any]) -> str:
    inputs, outputs = function["inputs"], function["outputs"]
    return (
        f"### {name}\n\n{function['description']}\n\n"
        + _fields("input", inputs["properties"], inputs.get("required", ()))
        + _fields("output", outputs["properties"], outputs.get("required", ()), absent="may be absent")
    )


def _fields(kind: str, fields: Mapping[str, Any], required: Collection[str], *, absent: str = "") -> str:
    """Return a table of fields; without `absent` the required ones are marked, with it the others are."""
    rows = []
    for name, field in fields.items():
        marks = ["secret"] if field.get("secret") else []
        if absent:
            marks += [absent] if name not in required else []
        else:
            marks += ["required"] if name in required else []
        head = f"`{name}`" + (f" ({', '.join(marks)})" if marks else "")
        text = field["description"]
        if "default" in field:
            text += f" Default: `{str(field['default']).lower()}`."
        rows.append([head, _kind(field), text])
    return table([kind, "type", "meaning"], rows)


def _kind(field: Mapping[str, Any]) -> str:
    if "oneOf" in field:
        return " or ".join(map(_kind, field["oneOf"]))
    if target := field.get("$ref"):
        return "any" if target.endswith("/Any") else f"[`{_short(target)}`](#{_short(target).lower()})"
    if field["type"] == "array":
        return f"list of {_kind(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_kind(field['additionalProperties'])}"
    return str(field["type"])


def _short(token: str) -> str:
    return token.rpartition(":")[2]
