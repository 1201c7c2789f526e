"""Where settings come from: a list of sources, of which the first that has a value wins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from pydantic import ValidationError

from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.addresses import parse_base_url
from allomia_pulumi.ground.likeness import nearest
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.settings import (
    CONFIGURATION,
    DEFAULT_API_URL,
    DEFAULT_KEYS_PATH,
    NAMESPACE,
    VAULT_NAMES,
    Settings,
    VaultSettings,
)
from allomia_pulumi.ground.spelling import Caller, spell_argument, spelled_for

__all__ = ["VARIABLES", "load_settings", "unknown_settings"]

T = TypeVar("T")

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "apiUrl": ("ALLOMIA_API_URL",),
    "tenantKeyRef": ("ALLOMIA_TENANT_KEY_REF",),
    "owner": ("ALLOMIA_OWNER",),
    "keysPath": ("ALLOMIA_KEYS_PATH",),
    "vault.address": ("BAO_ADDR", "VAULT_ADDR"),
    "vault.namespace": ("BAO_NAMESPACE", "VAULT_NAMESPACE"),
    "vault.caCertFile": ("BAO_CACERT", "VAULT_CACERT"),
}
"""The environment variables of a setting; the first that is set wins."""

LONGEST_OWNER: Final = 200
PLAIN_HTTP_HINT: Final = (
    "Use https. Where only trusted machines share the network, such as inside a cluster, allomia:vault.allowPlainHttp: "
    "true lets it."
)

KEYS_PATH_PATTERN: Final = re.compile(r"(/[A-Za-z0-9_.~-]+|/\{organizationId\})+")
LITERAL_SECRETS: Final = {
    "token": "tokenEnv or tokenFile",
    "secretid": "secretIdEnv or secretIdFile",
    "jwt": "jwtEnv, jwtFile or jwtSource",
}
SETTING_PATTERN: Final = re.compile(r"[A-Za-z]{1,30}")
STACK_PREFIX: Final = f"stack configuration {NAMESPACE}:"
VAULT_FALLBACK: Final = f"{STACK_PREFIX}vault"
"""What is at fault where only the environment says something of Vault."""


class Value(NamedTuple):
    """A value, and where it comes from, for messages."""

    value: Any
    source: str


class Source(Protocol):
    """One place that settings come from."""

    def get(self, name: str) -> Value | None:
        """Return the value of a setting, or None if this source has none."""
        ...


class Given:
    """Source of values that somebody wrote down by their names.

    Args:
        values: By the setting's name.
        describe: Returns what messages call a value, by its name.
    """

    def __init__(self, values: Mapping[str, Any], describe: Callable[[str], str]) -> None:
        self._values = values
        self._describe = describe

    def get(self, name: str) -> Value | None:
        """Return the value of a setting, or None if it was not written, or is empty."""
        value = self._values.get(name)
        return Value(value, self._describe(name)) if value else None


class Environment:
    """Source of values in the environment, by the variables of each setting."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def get(self, name: str) -> Value | None:
        """Return the value of the first of the setting's variables that is set, or None."""
        variable = next((each for each in VARIABLES.get(name, ()) if self._environ.get(each)), None)
        return Value(self._environ[variable], f"environment variable {variable}") if variable else None


def load_settings(
    stack: Mapping[str, str], environ: Mapping[str, str], arguments: Mapping[str, str] | None = None
) -> Settings:
    """Load the settings from the arguments, the stack configuration and the environment, in this order.

    Args:
        arguments: What a command was given, by the same names as `stack`.
        stack: Stack configuration by its name without the namespace (`apiUrl`, `vault`, …); objects as JSON strings.
        environ: The process environment.

    Raises:
        InvalidConfiguration: A value is not acceptable; the message names its source, never the value.
    """
    environment = Environment(environ)
    sources = (Given(arguments or {}, spell_argument), Given(stack, STACK_PREFIX.__add__), environment)
    origins: dict[str, str] = {}

    def load(name: str, parse: Callable[[str, str], T], default: T) -> T:
        found = _first(sources, name)
        if found is None:
            return default
        origins[name] = found.source
        return parse(found.value, found.source)

    return Settings(
        api_url=load("apiUrl", parse_base_url, DEFAULT_API_URL),
        tenant_key_ref=load("tenantKeyRef", _reference, None),
        vault=_vault(_first(sources, "vault") or Value("", VAULT_FALLBACK), environment, origins),
        owner=load("owner", _owner, ""),
        keys_path=load("keysPath", _keys_path, DEFAULT_KEYS_PATH),
        sources=origins,
    )


def unknown_settings(
    names: Iterable[str], project: str, describe: Callable[[str], str] = STACK_PREFIX.__add__
) -> list[str]:
    """Say of each value that is no setting that it is ignored, with the name that it is likeliest to mean.

    A project that has the package's name keeps its own configuration in the same namespace, so there nothing is said.

    Args:
        names: The names of all values, without the namespace.
        project: The project's name.
        describe: Returns what messages call a value, by its name.
    """
    if project == NAMESPACE:
        return []
    return [
        f"{describe(printable(name))} is no setting, and is ignored{_correction(name)}"
        for name in sorted(set(names) - set(CONFIGURATION))
    ]


def _correction(name: str) -> str:
    if name.startswith("vault."):
        return (
            f": it is a part of {NAMESPACE}:vault, which `pulumi config set --path {NAMESPACE}:{printable(name)}` sets"
        )
    meant = nearest(name, CONFIGURATION)
    return f": {NAMESPACE}:{meant} is meant" if meant else f". The settings are {', '.join(CONFIGURATION)}"


def _first(sources: tuple[Source, ...], name: str) -> Value | None:
    return next((found for source in sources if (found := source.get(name))), None)


def _reference(value: str, source: str) -> VaultReference | None:
    try:
        with spelled_for(Caller.ANY_LANGUAGE):
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


def _vault(given: Value, environment: Environment, origins: dict[str, str]) -> VaultSettings:
    """Join what was given for `vault` with what the environment says of Vault."""
    where = given.source
    values = _read_object(given.value, where)
    written = Given({f"vault.{name}": value for name, value in values.items()}, where.removesuffix("vault").__add__)
    for name in ("address", "namespace", "caCertFile"):
        if found := _first((written, environment), f"vault.{name}"):
            values[name], origins[f"vault.{name}"] = found
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
        source = origins["vault.address"]
        address = parse_base_url(settings.address, source, may_be_in_clear=may_be_in_clear, hint=PLAIN_HTTP_HINT)
        return settings.model_copy(update={"address": address})
    return settings


def _read_object(text: str, where: str) -> dict[str, Any]:
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
        if not is_word:
            return "it has an unknown setting"
        meant = nearest(parts[-1], VAULT_NAMES)
        return f"{where} is not a setting{f', {meant} is' if meant else ''}"
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "union_tag_invalid":
        return "auth.method is none of token, approle, jwt and kubernetes"
    return f"{where} {first['msg'].removeprefix('Value error, ')}".strip()
