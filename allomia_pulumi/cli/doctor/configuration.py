"""Checks of the configuration: each value and its source, references in clear, and never the value of a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from allomia_pulumi.cli.doctor.steps import Finding, Step, care, ok, shorten
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.settings import (
    CONFIGURATION,
    NAMESPACE,
    TENANT_KEY_VARIABLE,
    AppRoleAuth,
    JwtAuth,
    KubernetesAuth,
    Settings,
    TokenAuth,
    VaultAuth,
)

__all__ = ["configuration_steps"]

ID = "configuration"
LONGEST_PATH = 300
PLAIN_HTTP_FIX = "Give Vault a certificate and use https, unless every machine of that network is trusted."


def configuration_steps(subject: Subject, written: Mapping[str, object]) -> list[Step]:
    """Return the check of the whole, and one of each value.

    Args:
        subject: Whose configuration it is.
        written: What the stack's configuration file has, by full names.
    """

    def look() -> Finding:
        count = len(subject.container.settings.sources)
        return ok(f"every value is acceptable; {count} of them set")

    values: list[tuple[str, Callable[[Settings], str]]] = [
        ("apiUrl", lambda settings: settings.api_url),
        ("tenantKeyRef", lambda settings: _tenant_key(settings, subject)),
        ("vault.address", lambda settings: settings.vault.address or "none"),
        ("vault.namespace", lambda settings: settings.vault.namespace or "none"),
        ("vault.caCertFile", _authorities),
        ("vault.auth", lambda settings: _auth(settings.vault.auth, subject)),
        ("owner", lambda settings: settings.owner or "empty"),
        ("keysPath", lambda settings: settings.keys_path),
    ]
    others = Step(f"{ID}.others", "other allomia: values", lambda: _check_others(written))
    return [Step(ID, "configuration", look), *(_step(subject, name, show) for name, show in values), others]


def _check_others(written: Mapping[str, object]) -> Finding:
    """Look for values in the stack configuration that nobody reads: a key may be among them."""
    known = {f"{NAMESPACE}:{name}" for name in CONFIGURATION}
    others = {name: value for name, value in written.items() if name.startswith(f"{NAMESPACE}:") and name not in known}
    if not others:
        return ok("none")
    in_clear = [name for name, value in others.items() if not (isinstance(value, dict) and "secure" in value)]
    also = " (a value in clear; if it is a key, replace it in AlloMia)" if in_clear else ""
    return care(
        f"{shorten([printable(name, 40) for name in others])}, which nothing reads{also}",
        "Remove it with `pulumi config rm`, or correct its name.",
    )


def _step(subject: Subject, name: str, show: Callable[[Settings], str]) -> Step:
    def look() -> Finding:
        settings = subject.container.settings
        source = settings.sources.get(name)
        found = f"{show(settings)} ({source})" if source else show(settings)
        if name == "vault.address" and settings.vault.warning:
            return care(f"{found}: plain http, so whoever shares the network can read token and keys", PLAIN_HTTP_FIX)
        return ok(found)

    return Step(f"{ID}.{name}", f"allomia:{name}", look, needs=(ID,))


def _tenant_key(settings: Settings, subject: Subject) -> str:
    if settings.tenant_key_ref:
        return str(settings.tenant_key_ref)
    if subject.environ.get(TENANT_KEY_VARIABLE):
        return f"none: the key itself comes from environment variable {TENANT_KEY_VARIABLE}"
    return "none"


def _auth(auth: VaultAuth, subject: Subject) -> str:
    """Say how the login to Vault goes; the names of variables and files are told, what they hold is not."""
    if isinstance(auth, AppRoleAuth):
        return f"approle at {auth.mount}, secret id from {_from(auth.secret_id_env, auth.secret_id_file)}"
    if isinstance(auth, JwtAuth):
        source = auth.jwt_source or _from(auth.jwt_env, auth.jwt_file)
        return f"jwt at {auth.mount}, role {auth.role}, token from {source}"
    if isinstance(auth, KubernetesAuth):
        return f"kubernetes at {auth.mount}, role {auth.role}, token from {_file(auth.token_file)}"
    return f"token from {_token(auth, subject)}"


def _token(auth: TokenAuth, subject: Subject) -> str:
    if auth.token_env or auth.token_file:
        return _from(auth.token_env, auth.token_file)
    present = [name for name in ("BAO_TOKEN", "VAULT_TOKEN") if subject.environ.get(name, "").strip()]
    return f"environment variable {present[0]}" if present else "BAO_TOKEN or VAULT_TOKEN, and neither is set"


def _from(variable: str | None, file: str | None) -> str:
    # Somebody may have written a secret where the name of its variable belongs.
    is_name = bool(variable) and str(variable).isidentifier() and str(variable).isupper()
    return _file(file) if file else f"environment variable {variable}" if is_name else "an environment variable"


def _file(name: str) -> str:
    """Tell the name of a file, unless it may be a secret that somebody pasted there."""
    is_path = name.startswith(("/", "./", "../", "~/")) or Path(name).is_absolute()
    try:
        is_path = (is_path and len(name) <= LONGEST_PATH) or Path(name).is_file()
    except (OSError, ValueError):
        is_path = False
    return f"file {name}" if is_path else "a file that is not there, and whose name is not shown: it may be a secret"


def _authorities(settings: Settings) -> str:
    file = settings.vault.ca_cert_file
    return _file(file) if file else "certifi, or REQUESTS_CA_BUNDLE"
