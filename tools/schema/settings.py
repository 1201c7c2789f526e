"""The configuration of the provider: as variables of a stack, and as inputs of an explicit provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allomia_pulumi.ground.config import VARIABLES
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import (
    CONFIGURATION,
    DEFAULT_API_URL,
    DEFAULT_KEYS_PATH,
    AppRoleAuth,
    JwtAuth,
    KubernetesAuth,
    TokenAuth,
    VaultSettings,
)
from tools.schema.kinds import AUTH, KINDS, describe_fields

__all__ = ["describe_provider", "describe_types", "describe_variables"]

VAULT: Final = "allomia:index:VaultSettings"
TEXT: Final = {"type": "string"}
SETTINGS: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "apiUrl": (TEXT, "AlloMia's base URL; http only on loopback."),
    "tenantKeyRef": (KINDS[VaultReference], "Where the tenant key lies in Vault: `mount/path#field`, or an object."),
    "vault": ({"$ref": f"#/types/{VAULT}"}, "How to reach Vault or OpenBao, and how to log in."),
    "owner": (TEXT, "Tells apart people who use the same project and stack names on one tenant."),
    "keysPath": (TEXT, "Path of the key collection, which AlloMia does not document."),
}
DEFAULTS: Final = {"apiUrl": DEFAULT_API_URL, "keysPath": DEFAULT_KEYS_PATH}
METHODS: Final = (TokenAuth, AppRoleAuth, JwtAuth, KubernetesAuth)
TEXTS: Final = {
    "address": "Base URL; by default `BAO_ADDR`, then `VAULT_ADDR`.",
    "namespace": "Namespace; by default `BAO_NAMESPACE`, then `VAULT_NAMESPACE`.",
    "caCertFile": "File with the certificates to trust; by default `BAO_CACERT`, then `VAULT_CACERT`.",
    "timeoutSeconds": "How long one request may take: 10 by default, 300 at the most.",
    "allowPlainHttp": "Allow an http address off this machine, as in a cluster: token and keys travel in clear.",
    "auth": "How to log in; by default with the token in `BAO_TOKEN`, `VAULT_TOKEN` or `~/.vault-token`.",
    "method": "`token` (the default), `approle`, `jwt` or `kubernetes`.",
    "mount": "Where the auth method is mounted; by default under its own name.",
    "tokenEnv": "Variable that holds the token.",
    "tokenFile": "File that holds the token; of `kubernetes`, by default the pod's own.",
    "roleId": "The role id.",
    "secretIdEnv": "Variable that holds the secret id; this or the file.",
    "secretIdFile": "File that holds the secret id.",
    "role": "The role to log in to.",
    "jwtEnv": "Variable that holds the JWT; this, the file or the source.",
    "jwtFile": "File that holds the JWT.",
    "jwtSource": "`github-actions`: ask the workflow's own issuer for a JWT.",
    "audience": "The audience of that JWT.",
}


def describe_variables() -> dict[str, Any]:
    """Return the variables of the stack configuration."""
    variables = describe_provider()
    # A program reads an object as the JSON that it is configured as, and a text is no JSON.
    variables["tenantKeyRef"].pop("oneOf")
    variables["tenantKeyRef"].update(TEXT)
    for name, default in DEFAULTS.items():
        variables[name]["default"] = default
    for name in variables.keys() & VARIABLES.keys():
        variables[name]["defaultInfo"] = {"environment": list(VARIABLES[name])}
    return variables


def describe_provider() -> dict[str, Any]:
    """Return the inputs of an explicit provider.

    Without defaults, and without the variables they may come from: an SDK would fill them in in the program, as if
    they were declared. They would beat the plugin's environment, and state would keep them for every later destroy.
    """
    return {
        name: {**kind, "description": text} for name, (kind, text) in ((name, SETTINGS[name]) for name in CONFIGURATION)
    }


def describe_types() -> dict[str, Any]:
    """Return the objects inside the settings."""
    vault = describe_fields(VaultSettings)["properties"]
    auth: dict[str, Any] = {}
    for method in METHODS:
        # One object for all methods: no generator makes a union of objects that is pleasant to write.
        auth |= {name: kind for name, kind in describe_fields(method)["properties"].items() if name not in auth}
    return {
        VAULT: {"type": "object", "description": SETTINGS["vault"][1], "properties": _explained(vault)},
        AUTH: {
            "type": "object",
            "description": "A login to Vault or OpenBao: a method, and what it needs.",
            "properties": _explained(auth),
        },
    }


def _explained(properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: {**kind, "description": TEXTS[name]} for name, kind in properties.items()}
