"""Argument types of both faces' classes, and their wire form."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict

import pulumi

__all__ = [
    "AdoptArgs",
    "AuthMethod",
    "VaultArgs",
    "VaultAuthArgs",
    "VaultReferenceArgs",
    "VaultSecretArgs",
    "keep_nulls",
    "to_wire",
]

AuthMethod: TypeAlias = Literal["token", "approle", "jwt", "kubernetes"]

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


class VaultReferenceArgs(TypedDict):
    """One field of one secret in Vault; `mount/path#field` says the same in short.

    Attributes:
        mount: The KV mount. Without one, Vault itself tells where the mount ends and the path begins.
        path: The path inside the mount.
        field: The field of the secret.
        version: A pinned KV v2 version; by default the latest.
        kv_version: 1 or 2: asserts what Vault says of the mount.
    """

    mount: NotRequired[pulumi.Input[str]]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    version: NotRequired[pulumi.Input[int]]
    kv_version: NotRequired[pulumi.Input[int]]


class VaultSecretArgs(TypedDict):
    """Where in Vault a key is also written to; `mount/path#field` says the same in short.

    Attributes:
        mount: The KV v2 mount.
        path: The path inside the mount.
        field: The field that holds the key; `key_id` and `organization_id` are written beside it.
        take_over: Accept a secret that is there already, or a version that somebody else wrote, and write over it.
    """

    mount: pulumi.Input[str]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    take_over: NotRequired[pulumi.Input[bool]]


class AdoptArgs(TypedDict):
    """A key that exists already, to be taken over instead of making one.

    Attributes:
        key_id: AlloMia's id of the key.
        vault_secret: Where its secret lies in Vault.
    """

    key_id: pulumi.Input[str]
    vault_secret: pulumi.Input[str | VaultReferenceArgs]


class VaultAuthArgs(TypedDict, total=False):
    """A login to Vault or OpenBao: a method, and what it needs; never the credential itself.

    Attributes:
        method: `token` (the default), `approle`, `jwt` or `kubernetes`.
        mount: Where the auth method is mounted; by default under its own name.
        role: The role to log in to.
        audience: The audience of that JWT.
        token_env: Variable that holds the token.
        token_file: File that holds the token; of `kubernetes`, by default the pod's own.
        role_id: The role id.
        secret_id_env: Variable that holds the secret id; this or the file.
        secret_id_file: File that holds the secret id.
        jwt_env: Variable that holds the JWT; this, the file or the source.
        jwt_file: File that holds the JWT.
        jwt_source: `github-actions`: ask the workflow's own issuer for a JWT.
    """

    method: pulumi.Input[AuthMethod]
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
    jwt_source: pulumi.Input[Literal["github-actions"]]


class VaultArgs(TypedDict, total=False):
    """How to reach Vault or OpenBao, and how to log in; as `allomia:vault` of the stack configuration says it.

    Attributes:
        address: Base URL; by default `BAO_ADDR`, then `VAULT_ADDR`.
        namespace: Namespace; by default `BAO_NAMESPACE`, then `VAULT_NAMESPACE`.
        ca_cert_file: File with the certificates to trust; by default `BAO_CACERT`, then `VAULT_CACERT`.
        timeout_seconds: How long one request may take: 10 by default, 300 at the most.
        allow_plain_http: Allow an http address off this machine, as in a cluster: token and keys travel in clear.
        auth: How to log in; by default with the token in `BAO_TOKEN`, `VAULT_TOKEN` or `~/.vault-token`.
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
