"""Settings of the provider and the command line: which value won, and where it came from.

Configuration holds references, never secret values: Pulumi stores it in state and reuses it on refresh and destroy.
Precedence: argument, stack configuration, `ALLOMIA_*`, `BAO_*`, `VAULT_*`, default.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationError, model_validator

from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference, parse_reference

__all__ = [
    "CONFIGURATION",
    "NAMESPACE",
    "AppRoleAuth",
    "JwtAuth",
    "KubernetesAuth",
    "Settings",
    "TokenAuth",
    "VaultAuth",
    "VaultSettings",
    "is_in_clear",
    "is_loopback",
    "load_settings",
]

NAMESPACE = "allomia"
"""The namespace of the stack configuration."""

CONFIGURATION = ("apiUrl", "tenantKeyRef", "vault", "owner", "keysPath")
"""The names in it."""

DEFAULT_API_URL = "https://allomia.com"
DEFAULT_KEYS_PATH = "/api/organization/{organizationId}/api-keys"
TENANT_KEY_VARIABLE = "ALLOMIA_TENANT_KEY"
IMPORT_REFERENCE_VARIABLE = "ALLOMIA_IMPORT_VAULT_SECRET"
IMPORT_SECRET_VARIABLE = "ALLOMIA_IMPORT_SECRET"  # noqa: S105 - the name of a variable
KUBERNETES_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path, not a token
LONGEST_OWNER = 200
IPV6 = 6
PLAIN_HTTP_HINT = (
    "Use https. Where only trusted machines share the network, such as inside a cluster, allomia:vault.allowPlainHttp: "
    "true lets it."
)

KEYS_PATH_PATTERN = re.compile(r"(/[A-Za-z0-9_.~-]+|/\{organizationId\})+")
LITERAL_SECRETS = {
    "token": "tokenEnv or tokenFile",
    "secretid": "secretIdEnv or secretIdFile",
    "jwt": "jwtEnv, jwtFile or jwtSource",
}
HOST_PATTERN = re.compile(
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
    r"|\[(?P<ip>[0-9A-Fa-f:.]+)\])(:[0-9]{1,5})?"
)
SETTING_PATTERN = re.compile(r"[A-Za-z]{1,30}")


class _Model(WireModel):
    model_config = ConfigDict(extra="forbid")


class TokenAuth(_Model):
    """A token that the user brings: from a variable or a file; by default `BAO_TOKEN`, then `VAULT_TOKEN`."""

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


def load_settings(
    stack: Mapping[str, str], environ: Mapping[str, str], arguments: Mapping[str, str] | None = None
) -> Settings:
    """Settle every value from the arguments, the stack configuration and the environment, in this order.

    Args:
        arguments: What a command was given, by the same names as `stack`.
        stack: Stack configuration by its name without the namespace (`apiUrl`, `vault`, …); objects as JSON strings.
        environ: The process environment.

    Raises:
        InvalidConfiguration: A value is not acceptable; the message names its source, never the value.
    """
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name, variable in (
        ("apiUrl", "ALLOMIA_API_URL"),
        ("tenantKeyRef", "ALLOMIA_TENANT_KEY_REF"),
        ("owner", "ALLOMIA_OWNER"),
        ("keysPath", "ALLOMIA_KEYS_PATH"),
    ):
        if value := (arguments or {}).get(name):
            values[name], sources[name] = value, f"argument {name}"
        elif value := stack.get(name):
            values[name], sources[name] = value, f"stack configuration allomia:{name}"
        elif value := environ.get(variable):
            values[name], sources[name] = value, f"environment variable {variable}"
    reference = values.get("tenantKeyRef")
    return Settings(
        api_url=_url(values["apiUrl"], sources["apiUrl"]) if "apiUrl" in values else DEFAULT_API_URL,
        tenant_key_ref=_reference(reference, sources["tenantKeyRef"]) if reference else None,
        vault=_vault(stack, arguments or {}, environ, sources),
        owner=_owner(values.get("owner", ""), sources.get("owner", "")),
        keys_path=_keys_path(values["keysPath"], sources["keysPath"]) if "keysPath" in values else DEFAULT_KEYS_PATH,
        sources=sources,
    )


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_in_clear(url: str) -> bool:
    """Tell whether what is sent to a URL can be read on its way."""
    return urlsplit(url).scheme.lower() == "http" and not is_loopback(url)


def _url(value: str, source: str, *, may_be_in_clear: bool = False, hint: str = "Use https.") -> str:
    """Accept a base URL that cannot carry a credential in clear, unless that is allowed."""
    address = value.strip()
    try:
        # urlsplit leaves out what it does not like, so that the text to keep would be another than the one looked at.
        parts = urlsplit(address)
        is_url = bool(parts.hostname) and parts.port != 0 and address.isprintable() and " " not in address
    except ValueError:
        parts, is_url = urlsplit(""), False
    if not is_url or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidConfiguration(f"{source} is not a base URL", "Write it like https://allomia.com.")
    if not _is_plain_host(parts.netloc):
        raise InvalidConfiguration(
            f"{source} has a host that is neither a name of ASCII letters, digits, dots and dashes nor an IP address",
            "Write it like https://allomia.com or https://[::1]:8200; a name with an underscore, or in other letters, "
            "needs another one.",
        )
    if not may_be_in_clear and is_in_clear(address):
        raise InvalidConfiguration(
            f"{source} is an http address off this machine, and credentials would travel in clear", hint
        )
    return address.rstrip("/")


def _is_plain_host(authority: str) -> bool:
    """Tell whether everybody reads the same host in it: what libraries do with other characters differs."""
    found = HOST_PATTERN.fullmatch(authority)
    if found is None or not found["ip"]:
        return found is not None
    try:
        return ipaddress.ip_address(found["ip"]).version == IPV6
    except ValueError:
        return False


def _reference(value: str, source: str) -> VaultReference:
    try:
        return parse_reference(value, source)
    except InvalidInput as problem:
        raise InvalidConfiguration(problem.message, problem.hint) from None


def _owner(value: str, source: str) -> str:
    if not value.isprintable() or len(value) > LONGEST_OWNER:
        raise InvalidConfiguration(
            f"{source} has unprintable characters or more than {LONGEST_OWNER}", "Use a short plain text."
        )
    return value


def _keys_path(value: str, source: str) -> str:
    has_dots = any(segment in {".", ".."} for segment in value.split("/"))
    if has_dots or not KEYS_PATH_PATTERN.fullmatch(value) or value.count("{organizationId}") != 1:
        raise InvalidConfiguration(
            f"{source} is not a path with one {{organizationId}}", f"The default is {DEFAULT_KEYS_PATH}."
        )
    return value


def _vault(
    stack: Mapping[str, str], arguments: Mapping[str, str], environ: Mapping[str, str], sources: dict[str, str]
) -> VaultSettings:
    """Join the argument `vault`, or `allomia:vault`, with the environment's `BAO_*` and `VAULT_*`."""
    text, where = arguments.get("vault"), "argument vault"
    if not text:
        text, where = stack.get("vault"), "stack configuration allomia:vault"
    values = _read_object(text, where)
    for name, suffix in (("address", "ADDR"), ("namespace", "NAMESPACE"), ("caCertFile", "CACERT")):
        if values.get(name):
            sources[f"vault.{name}"] = f"{where}.{name}"
            continue
        for variable in (f"BAO_{suffix}", f"VAULT_{suffix}"):
            if environ.get(variable):
                values[name], sources[f"vault.{name}"] = environ[variable], f"environment variable {variable}"
                break
    _refuse_literal_secrets(values, where)
    _refuse_literal_secrets(values.get("auth"), f"{where}.auth")
    if isinstance(values.get("auth"), dict):
        values["auth"] = {"method": "token", **values["auth"]}
    try:
        settings = VaultSettings.model_validate(values)
    except ValidationError as problem:
        raise InvalidConfiguration(f"{where}: {_explain(problem)}") from None
    if settings.address:
        may_be_in_clear = settings.allow_plain_http
        source = sources["vault.address"]
        address = _url(settings.address, source, may_be_in_clear=may_be_in_clear, hint=PLAIN_HTTP_HINT)
        return settings.model_copy(update={"address": address})
    return settings


def _read_object(text: str | None, where: str) -> dict[str, Any]:
    try:
        values = json.loads(text) if text else {}
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InvalidConfiguration(
            f"{where} is not an object",
            "Set its parts with `pulumi config set --path allomia:vault.address https://…`.",
        )
    return values


def _refuse_literal_secrets(settings: object, where: str) -> None:
    """Refuse a secret in clear: Pulumi would keep it in state and reuse it long after it expired."""
    for name in settings if isinstance(settings, dict) else ():
        if instead := LITERAL_SECRETS.get(str(name).replace("_", "").lower()):
            raise InvalidConfiguration(
                f"{where}.{name} would put a secret into Pulumi's state",
                f"Use {instead}, remove the value from the configuration, and replace it where it came from.",
            )


def _explain(problem: ValidationError) -> str:
    """Say which part is wrong and why; unknown names are cut to a printable word, values never appear."""
    first = problem.errors(include_input=False, include_url=False)[0]
    parts = [str(part) for part in first["loc"] if part not in {"token", "approle", "jwt", "kubernetes"}]
    where = ".".join(parts)
    if first["type"] == "extra_forbidden":
        is_word = all(SETTING_PATTERN.fullmatch(part) for part in parts)
        return f"{where} is not a setting" if is_word else "it has an unknown setting"
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "union_tag_invalid":
        return "auth.method is none of token, approle, jwt and kubernetes"
    return f"{where} {first['msg'].removeprefix('Value error, ')}".strip()
