"""The tables that map httpx's errors and AlloMia's status codes to errors of this package."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import httpx

from allomia_pulumi.edges.net.retry import parse_retry_after
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.clock import Clock

__all__ = ["Absent", "Faults", "StrangeAbsence", "is_undone", "knowing_outcome"]

STRANGER_HINT: Final = "Check allomia:apiUrl; a proxy or a login page may stand in between"


class Absent(NotFound):
    """AlloMia itself answered 404; a `NotFound` of another kind came from where the credential lies."""


class StrangeAbsence(UnexpectedAnswer):
    """A 404 that is not in AlloMia's shape: the path, or the whole address, may be something else's."""


# The first row whose type is that of the exception tells what happened, and whether the request was sent.
TRANSPORT_ERRORS: Final[tuple[tuple[tuple[type[httpx.TransportError], ...], str, bool], ...]] = (
    (
        (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError),
        "is not reachable",
        False,
    ),
    ((httpx.TimeoutException,), "gave no complete answer in time", True),
    ((httpx.TransportError,), "broke the connection", True),
)

Row = tuple[type[AllomiaError], str, str]

UNAVAILABLE: Final[Row] = (Unavailable, "answered {status} to {doing}", "Run again later.")
REFUSED: Final[Row] = (RequestRefused, "refused {doing} ({status})", "")

STATUS_CODES: Final[dict[int, Row]] = {
    HTTPStatus.UNAUTHORIZED: (
        CredentialRejected,
        "does not accept the key from {source} ({status}) for {doing}",
        "Put a valid tenant key there; AlloMia's team issues tenant keys.",
    ),
    HTTPStatus.FORBIDDEN: (
        AccessDenied,
        "does not allow {doing} with the key from {source} ({status})",
        "Is it an organization key? A tenant key is needed here.",
    ),
    HTTPStatus.NOT_FOUND: (Absent, "answered {status} to {doing}", ""),
    HTTPStatus.REQUEST_TIMEOUT: UNAVAILABLE,
    HTTPStatus.TOO_MANY_REQUESTS: (
        RateLimited,
        "limits requests ({status}) while {doing}",
        "Run again later, or with a lower --parallel.",
    ),
}


class Faults:
    """Word what goes wrong between this machine and one AlloMia; no body is ever repeated.

    Args:
        address: Where AlloMia is, with where that was configured.
        clock: What a `Retry-After` with a date counts from.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = address
        self._clock = clock

    def from_transport(self, problem: httpx.TransportError, doing: str) -> AllomiaError:
        """Return the error for a request that got no answer."""
        if _is_untrusted(problem):
            return InvalidConfiguration(
                f"the certificate of AlloMia at {self._address} is not trusted, so nothing was sent",
                "Check the address; for a certificate of your own CA set SSL_CERT_FILE to the CA's file.",
            )
        what, was_sent = next(
            (what, was_sent) for types, what, was_sent in TRANSPORT_ERRORS if isinstance(problem, types)
        )
        cause = f"AlloMia at {self._address} {what}"
        return Unreachable(
            f"{cause} while {doing}", "Check the address and the network, then run again.", was_sent=was_sent
        ).because_of(cause)

    def from_status(
        self, status: int, headers: httpx.Headers, *, doing: str, source: str, is_refusal: bool
    ) -> AllomiaError:
        """Return the error for a status code, as AlloMia's word.

        Args:
            status: The code, none of 2xx.
            headers: The answer's.
            doing: What the request was for, as a participle.
            source: Where its key comes from.
            is_refusal: Whether its body is a refusal in AlloMia's shape.
        """
        if status == HTTPStatus.NOT_FOUND and not is_refusal:
            return self._stranger(StrangeAbsence, status, doing).as_said_by("AlloMia")
        return self._from_status(status, headers, doing, source).as_said_by("AlloMia")

    def unknown_shape(self, headers: httpx.Headers, doing: str) -> AllomiaError:
        """Return the error for a 2xx whose body is no answer of the endpoint's, as AlloMia's word."""
        kind = "a web page" if "html" in headers.get("Content-Type", "") else "an answer of an unknown shape"
        return UnexpectedAnswer(
            f"AlloMia at {self._address} sent {kind} to {doing}", f"{STRANGER_HINT}, or AlloMia's API has changed."
        ).as_said_by("AlloMia")

    def unreadable(self, doing: str) -> AllomiaError:
        """Return the error for an answer that cannot be read to its end."""
        return UnexpectedAnswer(f"AlloMia at {self._address} sent an unreadable answer to {doing}")

    def retry_after(self, headers: httpx.Headers) -> float | None:
        """Return the seconds that an answer asks to wait, if it does."""
        return parse_retry_after(headers.get("Retry-After", ""), self._clock.now())

    def _from_status(self, status: int, headers: httpx.Headers, doing: str, source: str) -> AllomiaError:
        row = STATUS_CODES.get(status)
        if row is None and status >= HTTPStatus.BAD_REQUEST:
            row = UNAVAILABLE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else REFUSED
        if row is None:
            return self._stranger(UnexpectedAnswer, status, doing)
        error, what, hint = row
        message = f"AlloMia at {self._address} {what.format(status=status, doing=doing, source=source)}"
        if issubclass(error, RateLimited):
            problem: AllomiaError = error(message, hint, retry_after=self.retry_after(headers))
        else:
            problem = error(message, hint, status=status) if issubclass(error, RequestRefused) else error(message, hint)
        return problem.because_of(f"AlloMia at {self._address} {what.format(status=status, doing='', source=source)}")

    def _stranger(self, error: type[UnexpectedAnswer], status: int, doing: str) -> UnexpectedAnswer:
        cause = f"what answers at {self._address} does not look like AlloMia: {status}"
        return error(f"{cause} to {doing}", f"{STRANGER_HINT}.").because_of(cause)


def _is_untrusted(problem: BaseException | None) -> bool:
    """Tell whether a connection failed because the other side's certificate did."""
    while problem is not None:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


@contextmanager
def knowing_outcome() -> Iterator[None]:
    """Tell errors after which nobody knows whether a write was carried out from those after which it was not."""
    try:
        yield
    except Unreachable as problem:
        if not problem.was_sent:
            raise
        raise OutcomeUnknown(problem.message, problem.hint) from None
    except (Unavailable, UnexpectedAnswer) as problem:
        raise OutcomeUnknown(problem.message, problem.hint) from None


def is_undone(problem: BaseException) -> bool:
    """Tell whether an error says that a request was not carried out, and may be tried again."""
    return isinstance(problem, RateLimited) or (isinstance(problem, Unreachable) and not problem.was_sent)
