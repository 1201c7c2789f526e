"""Read the credentials of a login: from a variable, a file, or GitHub's token service; never from configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from allomia_pulumi.edges.net.deadline import deadline
from allomia_pulumi.edges.vault.answers import request_json
from allomia_pulumi.edges.vault.faults import Fault, to_error
from allomia_pulumi.edges.vault.retry import ANY_FAULT, retry_faults
from allomia_pulumi.edges.vault.transport import build_session
from allomia_pulumi.errors import AllomiaError, CredentialRejected, InvalidConfiguration, UnexpectedAnswer
from allomia_pulumi.ground.addresses import is_loopback
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.files import expand_home, in_home
from allomia_pulumi.ground.redaction import guard

__all__ = ["from_environment", "from_file", "from_github", "from_home"]

VARIABLE_PATTERN = re.compile(r"[A-Z_][A-Z0-9_]*")
LARGEST_FILE = 64 * 1024

GITHUB = "GitHub's token service"
GITHUB_SECONDS = 10.0
GITHUB_REFUSALS = (400, 401, 403, 404)
GITHUB_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_BEARER = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
GITHUB_HINT = "Run inside GitHub Actions, and give the job `permissions: id-token: write`."


def from_environment(variable: str, setting: str, environ: Mapping[str, str]) -> SecretStr:
    """Read a credential from the variable that a setting names.

    Raises:
        InvalidConfiguration: It is not set, or empty.
    """
    value = environ.get(variable, "").strip()
    if not value:
        # Somebody may have written the credential itself where its variable's name belongs.
        name = f" {variable}" if VARIABLE_PATTERN.fullmatch(variable) else ""
        raise InvalidConfiguration(
            f"the environment variable{name} that allomia:vault auth.{setting} names is not set",
            f"Set it, or let auth.{setting} name another one.",
        )
    return guard(value)


def from_file(path: str, setting: str, environ: Mapping[str, str]) -> SecretStr:
    """Read a credential from the file that a setting names; surrounding white space does not count.

    Raises:
        InvalidConfiguration: There is no such file, it cannot be read, is empty, or is no text.
    """
    content, why = _read(expand_home(path, environ))
    if why:
        raise InvalidConfiguration(
            f"the file that allomia:vault auth.{setting} names gives no credential: {why}",
            f"Check auth.{setting}, and that this user may read the file.",
        )
    return guard(content)


def from_home(name: str, environ: Mapping[str, str]) -> SecretStr | None:
    """Read a credential from a file of the user's home, as Vault's own command line keeps it; None without that file.

    Raises:
        InvalidConfiguration: It cannot be read, is empty, or is no text.
    """
    path = in_home(name, environ)
    if path is None or not os.path.lexists(path):
        return None
    content, why = _read(str(path))
    if why:
        raise InvalidConfiguration(
            f"the file ~/{name} gives no credential: {why}", "Log in to Vault again, or remove the file."
        )
    return guard(content)


def _read(path: str) -> tuple[str, str]:
    """Read a small text file; return it without white space around it, and why it is no credential if it is none."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as problem:
        why = problem.strerror.lower() if isinstance(problem, OSError) and problem.strerror else "not a file name"
        content = b""
    else:
        why = "it is empty"
    value = content.decode(errors="replace").strip()
    if "\N{REPLACEMENT CHARACTER}" in value:
        why, value = "it is not text", ""
    if len(content) > LARGEST_FILE:
        why, value = "it is too large", ""
    return value, "" if value else why


def from_github(audience: str | None, environ: Mapping[str, str], clock: Clock) -> SecretStr:
    """Request this job's identity token from GitHub Actions.

    Raises:
        InvalidConfiguration: This is no job that may ask.
        CredentialRejected: GitHub refused.
        AllomiaError: GitHub is not reachable or answers something else.
    """
    url, bearer = environ.get(GITHUB_URL, ""), environ.get(GITHUB_BEARER, "")
    if not url or not bearer:
        missing = " and ".join(name for name in (GITHUB_URL, GITHUB_BEARER) if not environ.get(name))
        raise InvalidConfiguration(f"jwtSource is github-actions, and {missing} is not set", GITHUB_HINT)
    if not url.startswith("https://") and not is_loopback(url):
        raise InvalidConfiguration(f"{GITHUB_URL} is not an https address", GITHUB_HINT)
    guard(bearer)
    answer = _request_github(url, bearer, audience, clock)
    if isinstance(answer, AllomiaError):
        raise answer
    value = answer.get("value")
    if not isinstance(value, str) or not value:
        raise UnexpectedAnswer(f"{GITHUB} sent no token", GITHUB_HINT)
    return guard(value)


def _request_github(url: str, bearer: str, audience: str | None, clock: Clock) -> dict[str, object] | AllomiaError:
    with build_session(url, verify=True) as session:

        def send() -> dict[str, object]:
            with deadline(GITHUB_SECONDS):
                return request_json(
                    lambda: session.get(
                        url,
                        params={"audience": audience} if audience else {},
                        headers={"Authorization": f"Bearer {bearer}"},
                        allow_redirects=False,
                        timeout=GITHUB_SECONDS,
                    )
                )

        try:
            return retry_faults(send, clock, ANY_FAULT)
        except Fault as fault:
            if fault.http_status in GITHUB_REFUSALS:
                problem = f"{GITHUB} refused to give a token ({fault.http_status})"
                return CredentialRejected(problem, GITHUB_HINT).as_said_by("GitHub")
            return to_error(fault, GITHUB, "asking for this job's token")
