"""Codec of property values between wire and core: secrets are unwrapped and marked, unknowns are the core's own.

Pulumi's SDK has a codec too, for programs: it needs their event loop, and loses unknowns on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

from allomia_pulumi.core.input_fields import is_internal
from allomia_pulumi.core.model import UNKNOWN, Unknown

__all__ = ["decode", "encode", "known"]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's mark of a secret, the same everywhere
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""How the engine writes a value that is not known yet: one text for each type (its `plugin/rpc.go`)."""


def decode(properties: struct_pb2.Struct, *, keeping: Collection[str] = ()) -> dict[str, Any]:
    """Return properties as the core takes them, without those that are Pulumi's own (`__provider`, `__defaults`).

    `keeping` are internal ones that the caller takes out itself.
    """
    fields = properties.fields.items()
    return {name: _decode(value) for name, value in fields if not is_internal(name) or name in keeping}


def encode(properties: Mapping[str, Any], *, secret: Collection[str] = ()) -> struct_pb2.Struct:
    """Return properties for the wire, those named `secret` marked: the engine keeps a mark only if it is repeated."""
    fields = {name: _encode(value) for name, value in properties.items()}
    for name in fields.keys() & set(secret):
        if not fields[name].HasField("null_value"):
            fields[name] = _encode({SIGNATURE: SECRET, "value": properties[name]})
    return struct_pb2.Struct(fields=fields)


def known(properties: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the named properties that are there and known."""
    return {name: properties[name] for name in names if _is_known(properties.get(name))}


def _is_known(value: Any) -> bool:  # noqa: ANN401 - property values are of any type
    return value is not None and not isinstance(value, Unknown)


def _decode(value: struct_pb2.Value) -> Any:  # noqa: ANN401 - property values are of any type
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_object(value.struct_value)
    return None


def _decode_object(value: struct_pb2.Struct) -> Any:  # noqa: ANN401 - a marked value is of any type
    mark = value.fields[SIGNATURE].string_value if SIGNATURE in value.fields else ""
    if mark == SECRET:
        return _decode(value.fields["value"])
    if mark == OUTPUT:
        return _decode(value.fields["value"]) if "value" in value.fields else UNKNOWN
    return {name: _decode(item) for name, item in value.fields.items()}


def _encode(value: Any) -> struct_pb2.Value:  # noqa: ANN401 - property values are of any type
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_TEXT)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case Mapping():
            return struct_pb2.Value(
                struct_value=struct_pb2.Struct(fields={str(name): _encode(item) for name, item in value.items()})
            )
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    return struct_pb2.Value(string_value=str(value))
