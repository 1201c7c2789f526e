"""One request to AlloMia and its answer: authenticated, bounded, repeated only where that is safe, always explained.

This is the only place where httpx's errors and HTTP status codes become errors of this package.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol, TypeVar

import httpx
import tenacity
from pydantic import BaseModel, SecretStr, ValidationError

from allomia_pulumi._version import __version__
from allomia_pulumi.edges.allomia.transport import UnreadableBody, build_transport, read_body
from allomia_pulumi.edges.net.deadline import deadline
from allomia_pulumi.edges.net.rate_limit import Throttle
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    Interrupted,
    InvalidConfiguration,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    TemporaryError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock

__all__ = ["Absent", "Credential", "Exchange"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Params = Mapping[str, str | int]

ATTEMPT_SECONDS = 30.0
TOTAL_SECONDS = 60.0
ATTEMPTS = 5
SHORTEST_WAIT = 0.2
LONGEST_BACKOFF = 5.0
TIMEOUT = httpx.Timeout(15.0, connect=5.0)

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


class Absent(NotFound):
    """AlloMia itself answered 404; a `NotFound` of another kind came from where the credential lies."""


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
    """One attempt: what is sent, and how it is called in messages."""

    method: str
    path: str
    key: SecretStr
    source: str
    doing: str
    params: Params | None = None
    body: Mapping[str, str] | None = None


class _Bearer(httpx.Auth):
    """Set the header where the request is built: no frame that may raise has the key in clear as a variable."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


class Exchange:
    """Talk to one AlloMia.

    Attributes:
        clock: Where time comes from.

    Args:
        base_url: Where it is; `source` names where that address was configured.
        cancellation: Ends waiting, and lets no POST begin.
        transport: The test seam; by default real connections.
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
        self._at = f"{base_url} ({source})" if source else base_url
        self.clock = clock
        self._cancellation = cancellation
        self._throttle = Throttle(clock, cancellation)
        self._client = httpx.Client(
            base_url=base_url,
            headers={
                "User-Agent": f"allomia-pulumi/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            # One jar would carry what one key was answered to the next key's requests.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            transport=transport or build_transport(base_url),
        )

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
            return self._repeat(lambda: self._once_dated(request, answer))

        return _with_key(credential, attempt)

    def delete(self, path: str, answer: type[M], credential: Credential, *, doing: str) -> tuple[int, M | None]:
        """Delete something; repeated like `get`, since a second DELETE does no harm.

        Returns:
            The status, a 2xx, and the body; None if it is no such answer.
        """

        def attempt(key: SecretStr) -> tuple[int, M | None]:
            request = _Request("DELETE", path, key, credential.source, doing)
            status, _, parsed = self._repeat(lambda: self._accepted(request, answer))
            return status, parsed

        return _with_key(credential, attempt)

    def post_dated(
        self, path: str, body: Mapping[str, str], answer: type[M], credential: Credential, *, doing: str
    ) -> tuple[M, datetime | None]:
        """Send something once, and return the answer with the moment of AlloMia's own clock, if it has one.

        Raises:
            OutcomeUnknown: It was sent, and no readable answer came: nobody knows whether it was done.
            AllomiaError: Nothing was done.
        """

        def attempt(key: SecretStr) -> tuple[M, datetime | None]:
            try:
                return self._once_dated(_Request("POST", path, key, credential.source, doing, body=body), answer)
            except Unreachable as problem:
                if not problem.was_sent:
                    raise
                raise OutcomeUnknown(problem.message, problem.hint) from None
            except (Unavailable, UnexpectedAnswer) as problem:
                raise OutcomeUnknown(problem.message, problem.hint) from None

        return _with_key(credential, attempt)

    def _repeat(self, call: Callable[[], T]) -> T:
        end = self.clock.monotonic() + TOTAL_SECONDS

        def is_over(state: tenacity.RetryCallState) -> bool:
            return state.attempt_number >= ATTEMPTS or self.clock.monotonic() + state.upcoming_sleep > end

        return tenacity.Retrying(
            sleep=self.clock.sleep,
            retry=tenacity.retry_if_exception_type(TemporaryError),
            wait=_wait,
            stop=is_over,
            reraise=True,
        )(call)

    def _once_dated(self, request: _Request, answer: type[M]) -> tuple[M, datetime | None]:
        _, headers, parsed = self._accepted(request, answer)
        if parsed is None:
            raise self._unknown_shape(headers, request.doing).as_said_by("AlloMia")
        return parsed, _date(headers.get("Date", ""))

    def _accepted(self, request: _Request, answer: type[M]) -> tuple[int, httpx.Headers, M | None]:
        """Send a request in its turn; return what a 2xx said, and None for a body that is no such answer."""
        with self._throttle.turn():
            if request.method == "POST" and self._cancellation.is_requested:
                raise Interrupted(f"the run was interrupted before {request.doing}", "Run `pulumi up` again.")
            status, headers, parsed = self._send(request, answer)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._throttle.back_off(self._retry_after(headers))
            else:
                self._throttle.go_on()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(status, headers, request).as_said_by("AlloMia")
        return status, headers, parsed

    def _send(self, request: _Request, answer: type[M]) -> tuple[int, httpx.Headers, M | None]:
        """Send a request; return the status, the headers, and the body if it is such an answer.

        A body may hold a new key, so no frame that raises has it.
        """
        try:
            with (
                deadline(ATTEMPT_SECONDS),
                self._client.stream(
                    request.method, request.path, auth=_Bearer(request.key), params=request.params, json=request.body
                ) as response,
            ):
                return response.status_code, response.headers, _parse(answer, response.headers, read_body(response))
        except httpx.TransportError as problem:
            raise self._unreachable(problem, request.doing) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnreadableBody):
            raise UnexpectedAnswer(f"AlloMia at {self._at} sent an unreadable answer to {request.doing}") from None

    def _unreachable(self, problem: httpx.TransportError, doing: str) -> AllomiaError:
        if _is_untrusted(problem):
            return InvalidConfiguration(
                f"the certificate of AlloMia at {self._at} is not trusted, so nothing was sent",
                "Check the address; for a certificate of your own CA set SSL_CERT_FILE to the CA's file.",
            )
        if isinstance(problem, NEVER_SENT):
            what = "is not reachable"
        elif isinstance(problem, httpx.TimeoutException):
            what = "gave no complete answer in time"
        else:
            what = "broke the connection"
        return Unreachable(
            f"AlloMia at {self._at} {what} while {doing}",
            "Check the address and the network, then run again.",
            was_sent=not isinstance(problem, NEVER_SENT),
        )

    def _refusal(self, status: int, headers: httpx.Headers, request: _Request) -> AllomiaError:
        """Turn a status code into the error that says what to do; the body is never repeated."""
        doing, source = request.doing, request.source
        if status == HTTPStatus.UNAUTHORIZED:
            return CredentialRejected(
                f"AlloMia at {self._at} does not accept the key from {source} (401) for {doing}",
                "Put a valid tenant key there; AlloMia's team issues tenant keys.",
            )
        if status == HTTPStatus.FORBIDDEN:
            return AccessDenied(
                f"AlloMia at {self._at} does not allow {doing} with the key from {source} (403)",
                "Is it an organization key? A tenant key is needed here.",
            )
        if status == HTTPStatus.NOT_FOUND and _is_json(headers):
            return Absent(f"AlloMia at {self._at} answered 404 to {doing}")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(
                f"AlloMia at {self._at} limits requests (429) while {doing}",
                "Run again later, or with a lower --parallel.",
                retry_after=self._retry_after(headers),
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            return Unavailable(f"AlloMia at {self._at} answered {status} to {doing}", "Run again later.")
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            return RequestRefused(f"AlloMia at {self._at} refused {doing} ({status})", status=status)
        return UnexpectedAnswer(
            f"what answers at {self._at} does not look like AlloMia: {status} to {doing}",
            "Check allomia:apiUrl; a proxy or a login page may stand in between.",
        )

    def _unknown_shape(self, headers: httpx.Headers, doing: str) -> AllomiaError:
        kind = "a web page" if "html" in headers.get("Content-Type", "") else "an answer of an unknown shape"
        return UnexpectedAnswer(
            f"AlloMia at {self._at} sent {kind} to {doing}",
            "Check allomia:apiUrl; a proxy or a login page may stand in between, or AlloMia's API has changed.",
        )

    def _retry_after(self, headers: httpx.Headers) -> float | None:
        """Read `Retry-After` as seconds or as a date; nonsense counts as absent."""
        value = headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        moment = _date(value)
        return max(0.0, (moment - self.clock.now()).total_seconds()) if moment else None


def _with_key(credential: Credential, attempt: Callable[[SecretStr], T]) -> T:
    """Attempt something; a refused key is read again once, since a 401 means that nothing was done."""
    key = credential.current()
    try:
        return attempt(key)
    except CredentialRejected:
        if not credential.renew(key):
            raise
    return attempt(credential.current())


_backoff = tenacity.wait_random_exponential(multiplier=SHORTEST_WAIT, max=LONGEST_BACKOFF)


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as the answer asked for, else a growing random time."""
    problem = state.outcome.exception() if state.outcome else None
    if isinstance(problem, RateLimited) and problem.retry_after is not None:
        return max(SHORTEST_WAIT, problem.retry_after)
    return SHORTEST_WAIT + _backoff(state)


def _is_untrusted(problem: BaseException | None) -> bool:
    """Tell whether a connection failed because the other side's certificate did."""
    while problem is not None:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _date(value: str) -> datetime | None:
    """Read an HTTP date; nonsense counts as absent."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None


def _parse(answer: type[M], headers: httpx.Headers, body: bytes) -> M | None:
    """Read a body, or return None if it is no such answer."""
    if not _is_json(headers):
        return None
    try:
        return answer.model_validate_json(body)
    except ValidationError:
        return _parse_odd_text(answer, body) if SURROGATE.search(body) else None


def _parse_odd_text(answer: type[M], body: bytes) -> M | None:
    """Read a body with half a character in a text, which JSON allows: whether that matters, the answer's type says."""
    try:
        return answer.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _is_json(headers: httpx.Headers) -> bool:
    media_type = str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
