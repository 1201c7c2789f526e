"""Argument types of both faces' classes, and their wire form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypedDict

import pulumi

__all__ = ["AdoptArgs", "VaultArgs", "VaultAuthArgs", "VaultReferenceArgs", "VaultSecretArgs", "keep_nulls", "to_wire"]

WIRE_NAMES: Final = {
    "allow_plain_http": "allowPlainHttp",
    "ca_cert_file": "caCertFile",
    "jwt_env": "jwtEnv",
    "jwt_file": "jwtFile",
    "jwt_source": "jwtSource",
    "key_id": "keyId",
    "kv_version": "kvVersion",
    "role_id": "roleId",
    "secret_id_env": "secretIdEnv",
    "secret_id_file": "secretIdFile",
    "take_over": "takeOver",
    "timeout_seconds": "timeoutSeconds",
    "token_env": "tokenEnv",
    "token_file": "tokenFile",
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


class VaultAuthArgs(TypedDict, total=False):
    """How to log in to Vault: where the credential lies, never the credential itself.

    Attributes:
        method: `token` (the default), `approle`, `jwt` or `kubernetes`.
        mount: Where the method is mounted; by default its own name.
        role: The role (`jwt`, `kubernetes`).
        audience: The audience of the token that GitHub Actions is asked for (`jwt`).
        token_env: The variable that has the token (`token`).
        token_file: The file that has the token (`token`, `kubernetes`).
        role_id: The role id (`approle`).
        secret_id_env: The variable that has the secret id (`approle`).
        secret_id_file: The file that has the secret id (`approle`).
        jwt_env: The variable that has the JWT (`jwt`).
        jwt_file: The file that has the JWT (`jwt`).
        jwt_source: `github-actions`: GitHub is asked for a JWT (`jwt`).
    """

    method: pulumi.Input[str]
    mount: pulumi.Input[str]
    role: pulumi.Input[str]
    audience: pulumi.Input[str]
    token_env: pulumi.Input[str]
    token_file: pulumi.Input[str]
    role_id: pulumi.Input[str]
    secret_id_env: pulumi.Input[str]
    secret_id_file: pulumi.Input[str]
    jwt_env: pulumi.Input[str]
    jwt_file: pulumi.Input[str]
    jwt_source: pulumi.Input[str]


class VaultArgs(TypedDict, total=False):
    """How to reach Vault or OpenBao, as `allomia:vault` of the stack configuration says it.

    Attributes:
        address: The base URL.
        namespace: The namespace.
        ca_cert_file: The certificates of the authority that it is trusted by.
        timeout_seconds: How long one request may take.
        allow_plain_http: Whether an http address off this machine is allowed: token and keys travel in clear.
        auth: How to log in.
    """

    address: pulumi.Input[str]
    namespace: pulumi.Input[str]
    ca_cert_file: pulumi.Input[str]
    timeout_seconds: pulumi.Input[float]
    allow_plain_http: pulumi.Input[bool]
    auth: pulumi.Input[VaultAuthArgs]


def keep_nulls(value: Any) -> Any:  # noqa: ANN401 - any input, plain or not
    """Let a map keep its entries without a value, as empty maps: Pulumi would drop them before anybody saw them."""
    if isinstance(value, pulumi.Output):
        return value.apply(keep_nulls)
    if isinstance(value, Mapping):
        return {name: _kept(item) for name, item in value.items()}
    return value


def _kept(item: Any) -> Any:  # noqa: ANN401 - the same
    if isinstance(item, pulumi.Output):
        return item.apply(_kept)
    return {} if item is None else item


def to_wire(value: Any) -> Any:  # noqa: ANN401 - any input, plain or not
    """Give an object its wire names, and a `timedelta` its wire form."""
    if isinstance(value, pulumi.Output):
        return value.apply(to_wire)
    if isinstance(value, timedelta):
        return f"{value // timedelta(seconds=1)}s"
    if isinstance(value, Mapping):
        return {WIRE_NAMES.get(name, name): to_wire(item) for name, item in value.items()}
    return value
