"""One request to AlloMia and its answer: authenticated, bounded, repeated only where that is safe, always explained."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.cookiejar import CookieJar
from math import inf
from typing import Any, Final, Protocol, TypeVar

import httpx
from pydantic import BaseModel, SecretStr

from allomia_pulumi.edges.allomia.bodies import describe_refusal, is_refusal, parse_body
from allomia_pulumi.edges.allomia.faults import Absent, Faults, StrangeAbsence, is_undone, knowing_outcome
from allomia_pulumi.edges.allomia.transport import build_transport, read_response
from allomia_pulumi.edges.net.body_limits import UnreadableBody
from allomia_pulumi.edges.net.client_defaults import HEADERS, NO_COOKIES
from allomia_pulumi.edges.net.deadline import deadline
from allomia_pulumi.edges.net.rate_limit import Throttle
from allomia_pulumi.edges.net.retry import RetryPolicy, parse_http_date, retry
from allomia_pulumi.errors import (
    CredentialRejected,
    Interrupted,
    InvalidConfiguration,
    RateLimited,
    RequestRefused,
    TemporaryError,
)
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock

__all__ = ["Absent", "Credential", "HttpClient", "Params", "StrangeAbsence"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Params = Mapping[str, str | int]

ATTEMPT_SECONDS = 30.0
TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)

# AlloMia says how long its limit lasts, so its word is waited for, within the total time; no jitter, since the throttle
# lets one request ask for all.
POLICY: Final = RetryPolicy(total_seconds=60.0, first_backoff=0.2, longest_retry_after=inf, jitter=0.0)


class Credential(Protocol):
    """A bearer key and where it comes from."""

    @property
    def source(self) -> str:
        """Name the place, for messages."""
        ...

    def current(self) -> SecretStr:
        """Return the key."""
        ...

    def renew(self, refused: SecretStr) -> bool:
        """Read the key again after AlloMia refused it; return whether it is another one now."""
        ...


@dataclass(frozen=True)
class _Request:
    """One attempt: what is sent, and how it is called in messages.

    Attributes:
        detail: If a refusal's own words may be in messages, the values of the request that may not, with their places.
    """

    method: str
    path: str
    key: SecretStr
    source: str
    doing: str
    params: Params | None = None
    body: Mapping[str, Any] | None = None
    detail: Mapping[str, str] | None = None


class _Bearer(httpx.Auth):
    """Set the header where the request is built: no frame that may raise has the key in clear as a variable."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


class HttpClient:
    """HTTP client of one AlloMia, shared by all its tenants; thread-safe.

    Attributes:
        clock: Where time comes from.

    Args:
        base_url: Where it is; `source` names where that address was configured.
        cancellation: Ends waiting, and lets no POST and no PUT begin.
        transport: The test seam; by default real connections.

    Raises:
        InvalidConfiguration: No connection can be set up with this address, these certificates and this proxy.
    """

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        cancellation: Cancellation,
        *,
        source: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.clock = clock
        self._faults = Faults(f"{base_url} ({source})" if source else base_url, clock)
        self._cancellation = cancellation
        self._throttle = Throttle(clock, cancellation)
        try:
            self._client = httpx.Client(
                base_url=base_url,
                headers={**HEADERS, "Accept": "application/json"},
                timeout=TIMEOUT,
                follow_redirects=False,
                trust_env=False,
                cookies=CookieJar(NO_COOKIES),
                transport=transport or build_transport(base_url),
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as problem:
            raise InvalidConfiguration(
                f"no connection to AlloMia can be set up ({type(problem).__name__})",
                "Check allomia:apiUrl, and the environment's SSL_CERT_FILE and HTTPS_PROXY.",
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        path: str,
        answer: type[M],
        credential: Credential,
        *,
        doing: str,
        params: Params | None = None,
    ) -> M:
        """Read something; repeated within the total time while the fault is temporary."""
        return self.get_dated(path, answer, credential, doing=doing, params=params)[0]

    def get_dated(
        self,
        path: str,
        answer: type[M],
        credential: Credential,
        *,
        doing: str,
        params: Params | None = None,
    ) -> tuple[M, datetime | None]:
        """Read something as `get` does, with the moment of AlloMia's own clock, if the answer has one."""

        def attempt(key: SecretStr) -> tuple[M, datetime | None]:
            request = _Request("GET", path, key, credential.source, doing, params=params)
            return self._retry(lambda: self._send_dated(request, answer))

        return _with_renewal(credential, attempt)

    def delete(self, path: str, answer: type[M], credential: Credential, *, doing: str) -> tuple[int, M | None]:
        """Delete something; repeated like `get`, since a second DELETE does no harm.

        Returns:
            The status, a 2xx, and the body; None if it is no such answer.
        """

        def attempt(key: SecretStr) -> tuple[int, M | None]:
            request = _Request("DELETE", path, key, credential.source, doing)
            status, _, parsed = self._retry(lambda: self._send_in_turn(request, answer))
            return status, parsed

        return _with_renewal(credential, attempt)

    def post_dated(
        self, path: str, body: Mapping[str, Any], answer: type[M], credential: Credential, *, doing: str
    ) -> tuple[M, datetime | None]:
        """Send something once, and return the answer with the moment of AlloMia's own clock, if it has one.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer came: nobody knows whether it was done.
            AllomiaError: Nothing was done.
        """

        def attempt(key: SecretStr) -> tuple[M, datetime | None]:
            with knowing_outcome():
                return self._send_dated(_Request("POST", path, key, credential.source, doing, body=body), answer)

        return _with_renewal(credential, attempt)

    def put(
        self,
        path: str,
        body: Mapping[str, Any],
        answer: type[M],
        credential: Credential,
        *,
        doing: str,
        detail: Mapping[str, str] | None = None,
    ) -> M:
        """Write something; repeated only while it was not carried out: after a 429, and when it was not sent.

        With `detail`, the error has a refusal's own words, but for the values in it, whose places it names.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer came: nobody knows whether it was done.
            AllomiaError: Nothing was done.
        """

        def attempt(key: SecretStr) -> M:
            request = _Request("PUT", path, key, credential.source, doing, body=body, detail=detail)
            with knowing_outcome():
                return self._retry(lambda: self._send_dated(request, answer), is_repeatable=is_undone)[0]

        return _with_renewal(credential, attempt)

    def _retry(
        self,
        call: Callable[[], T],
        is_repeatable: Callable[[BaseException], bool] = lambda problem: isinstance(problem, TemporaryError),
    ) -> T:
        return retry(
            call,
            self.clock,
            POLICY,
            is_repeatable=lambda problem, _: is_repeatable(problem),
            retry_after=lambda problem: problem.retry_after if isinstance(problem, RateLimited) else None,
        )

    def _send_dated(self, request: _Request, answer: type[M]) -> tuple[M, datetime | None]:
        _, headers, parsed = self._send_in_turn(request, answer)
        if parsed is None:
            raise self._faults.unknown_shape(headers, request.doing)
        return parsed, parse_http_date(headers.get("Date", ""))

    def _send_in_turn(self, request: _Request, answer: type[M]) -> tuple[int, httpx.Headers, M | None]:
        """Send a request in its turn; return what a 2xx said, and None for a body that is no such answer."""
        with self._throttle.turn():
            if request.method in {"POST", "PUT"} and self._cancellation.is_requested:
                raise Interrupted(f"the run was interrupted before {request.doing}", "Run `pulumi up` again.")
            status, headers, parsed, refusal = self._send(request, answer)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._throttle.back_off(self._faults.retry_after(headers))
            else:
                self._throttle.resume()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            problem = self._faults.from_status(
                status, headers, doing=request.doing, source=request.source, is_refusal=refusal is not None
            )
            if refusal and isinstance(problem, RequestRefused):
                problem.message += f": {refusal}"
            raise problem
        return status, headers, parsed

    def _send(self, request: _Request, answer: type[M]) -> tuple[int, httpx.Headers, M | None, str | None]:
        """Send a request; return the status, the headers, and the body if it is such an answer, or what a refusal says.

        That is empty unless the request shows it, and None for a body that is no refusal in AlloMia's shape. A body may
        hold a new key, so no frame that raises has it.
        """
        try:
            with (
                deadline(ATTEMPT_SECONDS),
                self._client.stream(
                    request.method, request.path, auth=_Bearer(request.key), params=request.params, json=request.body
                ) as response,
            ):
                status, headers = response.status_code, response.headers
                if response.is_success:
                    return status, headers, parse_body(answer, headers, read_response(response)), None
                if request.detail is not None:
                    return status, headers, None, describe_refusal(headers, read_response(response), request.detail)
                return status, headers, None, "" if is_refusal(headers, read_response(response)) else None
        except httpx.TransportError as problem:
            raise self._faults.from_transport(problem, request.doing) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnreadableBody):
            raise self._faults.unreadable(request.doing) from None


def _with_renewal(credential: Credential, attempt: Callable[[SecretStr], T]) -> T:
    """Attempt something; a refused key is read again once, since a 401 means that nothing was done."""
    key = credential.current()
    try:
        return attempt(key)
    except CredentialRejected:
        if not credential.renew(key):
            raise
    return attempt(credential.current())
