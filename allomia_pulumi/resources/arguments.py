"""What both faces' classes take as objects, and how that is said on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypedDict

import pulumi

__all__ = ["AdoptArgs", "VaultReferenceArgs", "VaultSecretArgs", "to_wire"]

WIRE_NAMES: Final = {
    "key_id": "keyId",
    "kv_version": "kvVersion",
    "take_over": "takeOver",
    "vault_secret": "vaultSecret",
}


class VaultReferenceArgs(TypedDict, total=False):
    """One field of one secret in Vault, as an object; `mount/path#field` says the same in short.

    Attributes:
        mount: The KV mount.
        path: The path inside the mount.
        field: The field of the secret.
        version: A pinned KV v2 version.
        kv_version: 1 or 2: asserts what Vault says of the mount.
    """

    mount: pulumi.Input[str]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    version: pulumi.Input[int]
    kv_version: pulumi.Input[int]


class VaultSecretArgs(TypedDict, total=False):
    """Where a key is also written to: a field of a KV v2 secret.

    Attributes:
        mount: The KV v2 mount.
        path: The path inside the mount.
        field: The field for the key; `key_id` and `organization_id` are written beside it.
        take_over: Write over a secret, or a version, that this resource did not write.
    """

    mount: pulumi.Input[str]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    take_over: pulumi.Input[bool]


class AdoptArgs(TypedDict, total=False):
    """A key that exists already, to be taken over instead of making one.

    Attributes:
        key_id: AlloMia's id of the key.
        vault_secret: Where its secret lies in Vault.
    """

    key_id: pulumi.Input[str]
    vault_secret: pulumi.Input[str | VaultReferenceArgs]


def to_wire(value: Any) -> Any:  # noqa: ANN401 - any input, plain or not
    """Give an object its wire names, and a `timedelta` its wire form."""
    if isinstance(value, pulumi.Output):
        return value.apply(to_wire)
    if isinstance(value, timedelta):
        return f"{value // timedelta(seconds=1)}s"
    if isinstance(value, Mapping):
        return {WIRE_NAMES.get(name, name): to_wire(item) for name, item in value.items()}
    return value
