"""A reference to one field of one secret in Vault: where a credential lies, never what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.model import WireModel

__all__ = ["VaultReference", "api_path_hint", "parse_reference"]

FIELD_PATTERN = re.compile(r"[A-Za-z0-9_.-]+")
SHORTEST_LOCATION = 2
API_SEGMENTS = frozenset({"data", "metadata"})
"""What Vault's API puts between a KV v2 mount and a path."""

NOT_A_REFERENCE = "is not a Vault reference such as secret/allomia/tenant#api_key"
REMOVE_KEY_HINT = (
    "If this is a key, remove it from the configuration, put it into Vault, and replace it in AlloMia "
    "if a `pulumi up` has stored it."
)


def _segments(path: str) -> str:
    """Check that each path segment stays inside its mount and is safe to print."""
    if any(segment in {"", ".", ".."} or segment != segment.strip() for segment in path.split("/")):
        raise ValueError("has an empty or a dot segment")
    if not path.isprintable() or "#" in path:
        raise ValueError("has a character that no path may have")
    return path


def _field(name: str) -> str:
    if not FIELD_PATTERN.fullmatch(name):
        raise ValueError("may hold letters, digits, `_`, `.` and `-` only")
    return name


class VaultReference(WireModel):
    """Reference to one field of one secret; while `mount` is None, `path` holds mount and path together."""

    model_config = ConfigDict(extra="forbid")

    mount: Annotated[str, AfterValidator(_segments)] | None = None
    """The KV mount. Without one, Vault itself tells where the mount ends and the path begins."""

    path: Annotated[str, AfterValidator(_segments)]
    """The path inside the mount."""

    field: Annotated[str, AfterValidator(_field)]
    """The field of the secret."""

    version: Annotated[int, Field(ge=1)] | None = None
    """A pinned KV v2 version; by default the latest."""

    kv_version: Literal[1, 2] | None = None
    """1 or 2: asserts what Vault says of the mount."""

    @property
    def location(self) -> str:
        """Return mount and path as one string."""
        return self.path if self.mount is None else f"{self.mount}/{self.path}"

    def is_same_field(self, other: VaultReference) -> bool:
        """Tell whether both name the same field of the same secret, whatever the version."""
        return (self.location, self.field) == (other.location, other.field)

    def __str__(self) -> str:
        pinned = f" version {self.version}" if self.version else ""
        return f"{self.location}#{self.field}{pinned}"

    def to_wire(self) -> str | dict[str, Any]:
        """Return the form that configuration and inputs carry: a string where one says it all."""
        if self.mount is None and self.version is None and self.kv_version is None:
            return f"{self.path}#{self.field}"
        return self.model_dump(by_alias=True, exclude_none=True)


def parse_reference(value: object, what: str) -> VaultReference:
    """Read a reference from `mount/path#field`, an object, or an object as a JSON string.

    Args:
        value: What the user wrote; it is never repeated in an error, since it may be a key in clear.
        what: How the value is called, for the error.

    Raises:
        InvalidInput: The value is not a reference.
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidInput(f"{what} {NOT_A_REFERENCE}", REMOVE_KEY_HINT) from None
    fields = dict(value) if isinstance(value, Mapping) else _split(value, what)
    try:
        return VaultReference.model_validate(fields)
    except ValidationError as problem:
        raise InvalidInput(f"{what} {NOT_A_REFERENCE}: {_explain(problem)}", REMOVE_KEY_HINT) from None


def api_path_hint(path: str) -> str:
    """Return what to change about a path inside a KV v2 mount that looks copied from an API path; else nothing."""
    first, slash, _ = path.partition("/")
    if not slash or first not in API_SEGMENTS:
        return ""
    return f"Leave {first}/ out of the path: it belongs to Vault's API, not to the path."


def _split(value: object, what: str) -> dict[str, str]:
    location, mark, field = value.partition("#") if isinstance(value, str) else ("", "", "")
    if not mark or "#" in field or len(location.split("/")) < SHORTEST_LOCATION:
        raise InvalidInput(f"{what} {NOT_A_REFERENCE}", REMOVE_KEY_HINT)
    return {"path": location, "field": field}


def _explain(problem: ValidationError) -> str:
    """Name the field at fault and why, without its value; an unknown name may be a value, so it is not repeated."""
    first = problem.errors(include_input=False, include_url=False)[0]
    if first["type"] == "extra_forbidden":
        return "it has a field other than mount, path, field, version and kvVersion"
    known = {"mount", "path", "field", "version", "kvVersion"}
    where = next((str(part) for part in first["loc"] if part in known), "it")
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where} {first['msg'].removeprefix('Value error, ').lower()}"
