"""Write down the shape of what every resource keeps in a state: `python -m tests.shapes`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from allomia_pulumi.core.record import SECRET_OUTPUTS, STATE_VERSION
from tools.schema import MODELS

FILE = Path(__file__).parent / "engine" / "recorded" / "shapes.json"


def shapes() -> dict[str, Any]:
    """Return the state version, and for each kind of resource its properties by their paths, with their types."""
    return {
        "stateVersion": STATE_VERSION,
        "secretOutputs": sorted(SECRET_OUTPUTS),
        "outputs": {kind: _shape(kept.model_json_schema()) for kind, (_, kept, _) in MODELS.items()},
    }


def _shape(schema: Mapping[str, Any]) -> dict[str, str]:
    return dict(_properties(schema, schema.get("$defs", {}), ""))


def _properties(part: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield each property below a part by its path, `[]` for the items of a list, with its types."""
    for each in _alternatives(part, definitions):
        if isinstance(each.get("items"), Mapping):
            yield from _properties(each["items"], definitions, f"{path}[]")
        for name, value in each.get("properties", {}).items():
            where = f"{path}.{name}".lstrip(".")
            kinds = sorted({kind for one in _alternatives(value, definitions) for kind in _kinds(one)})
            need = "required" if name in each.get("required", ()) else "optional"
            yield where, f"{need}: {' or '.join(kinds)}"
            yield from _properties(value, definitions, where)


def _alternatives(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a value may be, references resolved."""
    if "$ref" in part:
        yield from _alternatives(definitions[part["$ref"].rpartition("/")[2]], definitions)
        return
    for each in part.get("anyOf", part.get("allOf", ())):
        yield from _alternatives(each, definitions)
    if "type" in part or "enum" in part or "const" in part:
        yield part


def _kinds(part: Mapping[str, Any]) -> list[str]:
    values = [part["const"]] if "const" in part else part.get("enum")
    return [json.dumps(each) for each in values] if values else [str(part["type"])]


def main() -> None:
    """Write the file."""
    FILE.write_text(f"{json.dumps(shapes(), indent=2)}\n")


if __name__ == "__main__":
    main()
