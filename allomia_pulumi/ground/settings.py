"""The settings of the provider and the command line, and the names that they go by.

Configuration holds references, never secret values: Pulumi stores it in state and reuses it on refresh and destroy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from allomia_pulumi.ground.addresses import is_in_clear
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference

__all__ = [
    "CONFIGURATION",
    "NAMESPACE",
    "VAULT_NAMES",
    "AppRoleAuth",
    "JwtAuth",
    "KubernetesAuth",
    "Settings",
    "TokenAuth",
    "VaultAuth",
    "VaultSettings",
]

NAMESPACE: Final = "allomia"
"""The namespace of the stack configuration."""

CONFIGURATION: Final = ("apiUrl", "tenantKeyRef", "vault", "owner", "keysPath")
"""The names in it."""

DEFAULT_API_URL: Final = "https://allomia.com"
DEFAULT_KEYS_PATH: Final = "/api/organization/{organizationId}/api-keys"
TENANT_KEY_VARIABLE: Final = "ALLOMIA_TENANT_KEY"
IMPORT_REFERENCE_VARIABLE: Final = "ALLOMIA_IMPORT_VAULT_SECRET"
IMPORT_SECRET_VARIABLE: Final = "ALLOMIA_IMPORT_SECRET"  # noqa: S105 - the name of a variable
KUBERNETES_TOKEN_FILE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path, not a token


class _Model(WireModel):
    model_config = ConfigDict(extra="forbid")


class TokenAuth(_Model):
    """A token that the user brings: from a variable or a file; by default from where logins leave it."""

    method: Literal["token"] = "token"
    token_env: str | None = None
    token_file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.token_env and self.token_file:
            raise ValueError("needs tokenEnv or tokenFile, not both")
        return self


class AppRoleAuth(_Model):
    """An AppRole login: the role id in clear, the secret id from a file or a variable."""

    method: Literal["approle"]
    mount: str = "approle"
    role_id: str
    secret_id_env: str | None = None
    secret_id_file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.secret_id_env) == bool(self.secret_id_file):
            raise ValueError("needs one of secretIdEnv and secretIdFile")
        return self


class JwtAuth(_Model):
    """A JWT login: the token from a file, a variable, or GitHub Actions."""

    method: Literal["jwt"]
    mount: str = "jwt"
    role: str
    jwt_env: str | None = None
    jwt_file: str | None = None
    jwt_source: Literal["github-actions"] | None = None
    audience: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.jwt_env, self.jwt_file, self.jwt_source))) != 1:
            raise ValueError("needs one of jwtEnv, jwtFile and jwtSource")
        return self


class KubernetesAuth(_Model):
    """A login with the pod's service account token."""

    method: Literal["kubernetes"]
    mount: str = "kubernetes"
    role: str
    token_file: str = KUBERNETES_TOKEN_FILE


VaultAuth = Annotated[TokenAuth | AppRoleAuth | JwtAuth | KubernetesAuth, Field(discriminator="method")]


class VaultSettings(_Model):
    """How to reach Vault or OpenBao and how to log in."""

    address: str | None = None
    namespace: str | None = None
    ca_cert_file: str | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    allow_plain_http: bool = False
    auth: VaultAuth = TokenAuth()

    @property
    def warning(self) -> str:
        """Say what is allowed and dangerous; empty if nothing is."""
        if not self.address or not is_in_clear(self.address):
            return ""
        return (
            f"Vault at {printable(self.address)} is reached by plain http (allomia:vault.allowPlainHttp): whoever "
            "shares the network can read the Vault token and every key that is sent"
        )


VAULT_NAMES: Final = tuple(
    dict.fromkeys(
        str(field.alias)
        for model in (VaultSettings, TokenAuth, AppRoleAuth, JwtAuth, KubernetesAuth)
        for field in model.model_fields.values()
    )
)
"""The names in `vault` and in its `auth`."""


class Settings(_Model):
    """Everything that a run of the provider or the command line needs to know.

    Attributes:
        sources: For each setting by its wire name, where its value came from, for messages.
    """

    api_url: str = DEFAULT_API_URL
    tenant_key_ref: VaultReference | None = None
    vault: VaultSettings = VaultSettings()
    owner: str = ""
    keys_path: str = DEFAULT_KEYS_PATH
    sources: Mapping[str, str] = Field(default_factory=dict)
