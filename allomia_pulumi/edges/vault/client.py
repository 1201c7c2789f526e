"""The client of one Vault: one login, shared by all threads of the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import hvac
import requests
from hvac.adapters import RawAdapter

from allomia_pulumi.edges.net.deadline import deadline
from allomia_pulumi.edges.net.proxies import check_certificates
from allomia_pulumi.edges.vault.answers import request_json
from allomia_pulumi.edges.vault.faults import Fault, Repeat, to_error
from allomia_pulumi.edges.vault.login import Token, log_in
from allomia_pulumi.edges.vault.namespaces import refuse_ignored
from allomia_pulumi.edges.vault.retry import ANY_FAULT, retry_faults
from allomia_pulumi.edges.vault.transport import build_session
from allomia_pulumi.errors import AllomiaError, CredentialRejected, InvalidConfiguration, NotFound
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.files import expand_home
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.settings import VaultSettings
from allomia_pulumi.ground.singleflight import SingleFlight

__all__ = ["Call", "VaultClient"]

LONGEST_CONNECT = 3.0
REVOKE_SECONDS = 2.0
NO_NAMESPACE = "namespace not found"
POLICY_DENIAL = "1 error occurred"

Call = Callable[[hvac.Client], dict[str, Any]]


@dataclass(frozen=True)
class _Session:
    """The result of one login: the token, and an hvac client that sends it and is never changed."""

    token: Token
    client: hvac.Client


class VaultClient:
    """Client of one Vault, which logs in at its first request; thread-safe.

    Args:
        sources: Where settings come from, by names like `vault.address`, for messages.

    Raises:
        InvalidConfiguration: There is no address, or no usable file of certificates or proxy.
    """

    def __init__(
        self, settings: VaultSettings, environ: Mapping[str, str], clock: Clock, sources: Mapping[str, str]
    ) -> None:
        if not settings.address:
            raise InvalidConfiguration(
                "a secret is to be read from Vault, and no address of Vault is configured",
                "Set allomia:vault address, BAO_ADDR or VAULT_ADDR; for a first try without Vault, remove the "
                "reference and set ALLOMIA_TENANT_KEY.",
            )
        source = sources.get("vault.address")
        address = printable(settings.address)
        self.name = f"Vault at {address} ({source})" if source else f"Vault at {address}"
        self._settings = settings
        self._address = settings.address
        self._environ = environ
        self._clock = clock
        self._sources = sources
        self._http = build_session(self._address, _authorities(settings, environ, sources))
        self._verify = self._http.verify
        self._logins: SingleFlight[int, _Session] = SingleFlight(
            lambda problem: isinstance(problem, CredentialRejected)
        )
        self._namespace_checks: SingleFlight[str, None] = SingleFlight(
            lambda problem: isinstance(problem, InvalidConfiguration)
        )
        self._generation = 0

    def request(self, doing: str, call: Call, explain: Callable[[Fault], AllomiaError | None]) -> dict[str, Any]:
        """Make a request that may be repeated, logged in, and raise the error for its fault.

        Args:
            doing: What the request is for, as a participle.
            call: Makes the request with an hvac client.
            explain: Returns the error for a fault that the caller understands better, or None.

        Raises:
            CredentialRejected: The login was refused, or the token is dead and there is no other one.
            AllomiaError: Anything else, by `explain` or in general.
        """
        answer = self.send(call)
        if isinstance(answer, Fault):
            problem = explain(answer) or self.to_error(answer, doing)
            raise problem.as_said_by("Vault") if answer.http_status else problem
        return answer

    def send(self, call: Call, allowed: frozenset[Repeat] = ANY_FAULT) -> dict[str, Any] | Fault:
        """Make a request, logged in and repeated while that may help, and return what came of it.

        Args:
            call: Makes the request with an hvac client.
            allowed: The faults after which a second request does no harm.

        Raises:
            CredentialRejected: The login was refused, or the token is dead and there is no other one.
            AllomiaError: There was no login.
        """
        generation = self._generation
        session = self._session(generation, dead=None)
        answer = self._try(session, call, allowed)
        if _is_denied(answer) and self._is_dead(session):
            session = self._session(generation + 1, dead=session.token)
            answer = self._try(session, call, allowed)
            if _is_denied(answer) and self._is_dead(session):
                raise self._rejected(session.token)
        return answer

    def to_error(self, fault: Fault, doing: str) -> AllomiaError:
        """Return the error for a fault that the caller understands no better."""
        problem = self._no_namespace(fault) or to_error(fault, self.name, doing)
        return problem.as_said_by("Vault") if fault.http_status else problem

    def try_once(self, call: Call) -> dict[str, Any] | None:
        """Make one attempt at a request that may as well fail; return None whatever goes wrong."""
        answer = self._once(self._session(self._generation, dead=None).client, call)
        return None if isinstance(answer, Fault) else answer

    def send_unauthenticated(self, call: Call) -> dict[str, Any] | Fault:
        """Make one attempt at a request that Vault answers to anybody, without a login and in the root namespace."""
        client = self._client("", self._settings.timeout_seconds)
        client.adapter.namespace = None
        return self._once(client, call)

    def token(self) -> Token:
        """Return the token that requests are made with; logs in if none was made yet."""
        return self._session(self._generation, dead=None).token

    def close(self) -> None:
        """Revoke the token of the last login, if there was one, and close the connections."""
        sessions = self._logins.results()
        if sessions and sessions[-1].token.is_ours:
            client = self._client(sessions[-1].token.value.get_secret_value(), REVOKE_SECONDS)
            self._once(client, lambda client: client.auth.token.revoke_self())
        self._http.close()

    def _session(self, generation: int, dead: Token | None) -> _Session:
        """Return the result of the login of that number; `dead` is the token that it has to replace."""

        def make() -> _Session:
            anonymous = self._client("", self._settings.timeout_seconds)
            self._require_namespace()
            token = log_in(self._settings, self._environ, self._clock, self.name, anonymous)
            if dead is not None and token.value == dead.value:
                raise self._rejected(token)
            self._generation = generation
            return _Session(token, self._client(token.value.get_secret_value(), self._settings.timeout_seconds))

        return self._logins.get(generation, make)

    def _client(self, token: str, seconds: float) -> hvac.Client:
        """Build the hvac client: everything is said here, so that hvac takes nothing from the environment."""
        return hvac.Client(
            url=self._address,
            token=token,
            namespace=self._settings.namespace or None,
            verify=self._verify,
            timeout=(min(LONGEST_CONNECT, seconds), seconds),
            allow_redirects=False,
            session=self._http,
            adapter=_Adapter,
            seconds=seconds,
        )

    def _try(self, session: _Session, call: Call, allowed: frozenset[Repeat]) -> dict[str, Any] | Fault:
        try:
            return retry_faults(lambda: call(session.client), self._clock, allowed)
        except Fault as fault:
            return fault

    def _once(self, client: hvac.Client, call: Call) -> dict[str, Any] | Fault:
        try:
            return call(client)
        except Fault as fault:
            return fault

    def _is_dead(self, session: _Session) -> bool:
        """Tell whether the token is dead: one that lives without any policy still gets a policy's wording."""
        answer = self._once(session.client, lambda client: client.auth.token.lookup_self())
        return isinstance(answer, Fault) and _is_denied(answer) and POLICY_DENIAL not in answer.error_text

    def _require_namespace(self) -> None:
        """Make sure, once, that Vault is not known to ignore the namespace that is configured."""
        namespace = self._settings.namespace
        if namespace:
            client = self._client("", self._settings.timeout_seconds)
            made = (namespace, client, self._clock, self.name, self._namespace_source)
            self._namespace_checks.get(namespace, lambda: refuse_ignored(*made))

    def _no_namespace(self, fault: Fault) -> NotFound | None:
        if not fault.is_missing or NO_NAMESPACE not in fault.error_text:
            return None
        namespace = printable(self._settings.namespace or "")
        return NotFound(
            f"{self.name} does not know the namespace {namespace} ({self._namespace_source})", "Correct it there."
        )

    @property
    def _namespace_source(self) -> str:
        return self._sources.get("vault.namespace", "allomia:vault.namespace")

    def _rejected(self, token: Token) -> CredentialRejected:
        hint = "Check that the login's token lives long enough." if token.is_ours else "Log in to Vault again."
        return CredentialRejected(
            f"{self.name} does not accept the token from {token.source}: unknown, expired, revoked or used up", hint
        ).as_said_by("Vault")


class _Adapter(RawAdapter):  # type: ignore[misc]  # hvac has no types
    """hvac's adapter over our transport: answers are JSON objects, and whatever else happens is a `Fault`."""

    def __init__(self, *arguments: Any, seconds: float, **options: Any) -> None:  # noqa: ANN401 - hvac's own
        super().__init__(*arguments, **options)
        self._seconds = seconds

    def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        raise_exception: bool = True,
        **options: object,
    ) -> dict[str, Any]:
        """Make one request, whose whole answer has to come within the client's seconds; faults are always raised."""
        del raise_exception

        def send() -> requests.Response:
            with deadline(self._seconds):
                response: requests.Response = super(_Adapter, self).request(
                    method, url, headers=headers, raise_exception=False, **options
                )
            return response

        return request_json(send)


def _is_denied(answer: dict[str, Any] | Fault) -> bool:
    return isinstance(answer, Fault) and answer.is_denied


def _authorities(settings: VaultSettings, environ: Mapping[str, str], sources: Mapping[str, str]) -> bool | str:
    """Return the file of authorities that is configured, or True for those of this machine."""
    if not settings.ca_cert_file:
        return True
    file = expand_home(settings.ca_cert_file, environ)
    check_certificates(file, sources.get("vault.caCertFile", "allomia:vault.caCertFile"))
    return file
