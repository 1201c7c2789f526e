"""Obtain a Vault token: one function for each auth method."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import hvac
from pydantic import SecretStr

from allomia_pulumi.edges.vault.credentials import from_environment, from_file, from_github, from_home
from allomia_pulumi.edges.vault.faults import Fault, Repeat, to_error
from allomia_pulumi.edges.vault.retry import ANY_FAULT, NOTHING_DONE, retry_faults
from allomia_pulumi.errors import AllomiaError, CredentialRejected, InvalidConfiguration, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import guard, printable
from allomia_pulumi.ground.settings import AppRoleAuth, JwtAuth, KubernetesAuth, TokenAuth, VaultSettings

__all__ = ["Token", "log_in"]

TOKEN_PATTERN = re.compile(r"[\x21-\x7e]+")
TOKEN_VARIABLES = ("BAO_TOKEN", "VAULT_TOKEN")
TOKEN_FILE = ".vault-token"  # noqa: S105 - the name of a file
"""Where `bao login` and `vault login` leave the token, in the home."""
REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)

# What Vault and OpenBao are known to say when they refuse a login, and what it means; the words are ours.
KNOWN_REASONS = {
    "audience": "the token's audience is not one that the role accepts (bound_audiences)",
    "issuer": "the token's issuer is not the one that the auth mount expects",
    "expired": "the token has expired",
    "signature": "no key of the auth mount confirms the token's signature",
    "claim": "a claim of the token is not the one that the role expects",
    "could not be found": "the auth mount does not know the role",
    "invalid role name": "the auth mount does not know the role",
    "invalid role or secret id": "the role id or the secret id is unknown, expired or used up",
    "invalid secret id": "the secret id is unknown, expired or used up",
    "invalid role id": "the role id is unknown",
    "not authorized": "the role does not accept this service account or namespace",
}
MOUNT_HINT = "Check auth.mount, the role and the namespace: Vault answers alike to a wrong one of them."
METHOD_HINTS = {
    "approle": (
        " After a few refused logins Vault locks the role for a while (15 minutes by default), "
        "and refuses right ones too."
    ),
    "jwt": "",
    "kubernetes": " Check also that Vault reaches the cluster's API, which has to confirm the token.",
}


@dataclass(frozen=True)
class Token:
    """A Vault token.

    Attributes:
        source: Where it comes from, for messages.
        is_ours: Whether we obtained it by a login, and so may revoke it.
    """

    value: SecretStr
    source: str
    is_ours: bool


def log_in(settings: VaultSettings, environ: Mapping[str, str], clock: Clock, name: str, client: hvac.Client) -> Token:
    """Obtain a token by the method that `allomia:vault` auth names.

    Args:
        settings: The method, and what it needs.
        environ: The environment that the method's settings name variables of.
        clock: Where repeats take their time from.
        name: What Vault is called in messages.
        client: An hvac client without a token.

    Raises:
        InvalidConfiguration: A variable or a file is missing.
        CredentialRejected: Vault refused the login; it is never repeated.
        AllomiaError: Vault, or GitHub, is not reachable or answers something else.
    """
    auth = settings.auth
    if isinstance(auth, TokenAuth):
        return _configured_token(auth, environ)
    mount = _checked_mount(auth.mount)
    if isinstance(auth, AppRoleAuth):
        call = _approle(auth, mount, environ, client)
    elif isinstance(auth, JwtAuth):
        call = _jwt(auth, mount, environ, clock, client)
    else:
        call = _kubernetes(auth, mount, environ, client)
    answer = _try_login(call, clock, NOTHING_DONE if isinstance(auth, AppRoleAuth) else ANY_FAULT)
    doing = f"the {auth.method} login at the auth mount {mount}"
    if isinstance(answer, Fault):
        raise _refusal(answer, auth, name, f"{doing}{_namespace_phrase(settings)}")
    granted = answer.get("auth")
    value = granted.get("client_token") if isinstance(granted, dict) else None
    if not isinstance(value, str) or not TOKEN_PATTERN.fullmatch(value):
        hint = "Logins with a second factor, and wrapped ones, are not supported."
        raise UnexpectedAnswer(f"{name} gave no token for {doing}", hint)
    return Token(guard(value), doing, is_ours=True)


def _configured_token(auth: TokenAuth, environ: Mapping[str, str]) -> Token:
    if auth.token_file:
        value, source = (
            from_file(auth.token_file, "tokenFile", environ),
            "the file that allomia:vault auth.tokenFile names",
        )
    elif auth.token_env:
        value = from_environment(auth.token_env, "tokenEnv", environ)
        source = "the environment variable that allomia:vault auth.tokenEnv names"
    else:
        value, source = _users_token(environ)
    if not TOKEN_PATTERN.fullmatch(value.get_secret_value()):
        raise InvalidConfiguration(f"the Vault token from {source} has a character that no token has")
    return Token(value, source, is_ours=False)


def _users_token(environ: Mapping[str, str]) -> tuple[SecretStr, str]:
    """Return the token of the environment, else the one that a login on the command line left; and its source."""
    if variable := next((each for each in TOKEN_VARIABLES if environ.get(each, "").strip()), None):
        return guard(environ[variable].strip()), f"environment variable {variable}"
    if left := from_home(TOKEN_FILE, environ):
        return left, f"~/{TOKEN_FILE}"
    raise InvalidConfiguration(
        "no Vault token is configured",
        f"Set BAO_TOKEN or VAULT_TOKEN, log in so that there is a ~/{TOKEN_FILE}, or set a method under allomia:vault "
        "auth (token, approle, jwt, kubernetes).",
    )


def _approle(
    auth: AppRoleAuth, mount: str, environ: Mapping[str, str], client: hvac.Client
) -> Callable[[], dict[str, Any]]:
    if auth.secret_id_file:
        secret_id = from_file(auth.secret_id_file, "secretIdFile", environ)
    else:
        secret_id = from_environment(auth.secret_id_env or "", "secretIdEnv", environ)
    return lambda: client.auth.approle.login(
        auth.role_id, secret_id.get_secret_value(), use_token=False, mount_point=mount
    )


def _jwt(
    auth: JwtAuth, mount: str, environ: Mapping[str, str], clock: Clock, client: hvac.Client
) -> Callable[[], dict[str, Any]]:
    if auth.jwt_source:
        jwt = from_github(auth.audience, environ, clock)
    elif auth.jwt_file:
        jwt = from_file(auth.jwt_file, "jwtFile", environ)
    else:
        jwt = from_environment(auth.jwt_env or "", "jwtEnv", environ)
    return lambda: client.auth.jwt.jwt_login(auth.role, jwt.get_secret_value(), use_token=False, path=mount)


def _kubernetes(
    auth: KubernetesAuth, mount: str, environ: Mapping[str, str], client: hvac.Client
) -> Callable[[], dict[str, Any]]:
    jwt = from_file(auth.token_file, "tokenFile", environ)
    return lambda: client.auth.kubernetes.login(auth.role, jwt.get_secret_value(), use_token=False, mount_point=mount)


def _try_login(call: Callable[[], dict[str, Any]], clock: Clock, allowed: frozenset[Repeat]) -> dict[str, Any] | Fault:
    try:
        return retry_faults(call, clock, allowed)
    except Fault as fault:
        return fault


def _refusal(fault: Fault, auth: AppRoleAuth | JwtAuth | KubernetesAuth, name: str, doing: str) -> AllomiaError:
    if fault.status not in REFUSED:
        problem = to_error(fault, name, doing)
        return problem.as_said_by("Vault") if fault.http_status else problem
    who = (
        "the role id of allomia:vault auth.roleId"
        if isinstance(auth, AppRoleAuth)
        else f"the role {printable(auth.role)}"
    )
    reason = next((f": {meaning}" for phrase, meaning in KNOWN_REASONS.items() if phrase in fault.error_text), "")
    hint = f"{MOUNT_HINT}{METHOD_HINTS[auth.method]}"
    return CredentialRejected(f"{name} refused {doing} for {who} ({fault.status}){reason}", hint).as_said_by("Vault")


def _checked_mount(mount: str) -> str:
    """Return an auth mount without slashes around it; one with dots would lead hvac and the wire out of `auth/`."""
    clean = mount.strip("/")
    if not clean.isprintable() or any(segment.strip() in {"", ".", ".."} for segment in clean.split("/")):
        raise InvalidConfiguration("allomia:vault auth.mount is not the path of an auth mount", "Write it like jwt.")
    return clean


def _namespace_phrase(settings: VaultSettings) -> str:
    return f" in the namespace {printable(settings.namespace)}" if settings.namespace else " in the root namespace"
