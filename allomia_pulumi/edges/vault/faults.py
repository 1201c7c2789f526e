"""What goes wrong between this machine and Vault, and the error that says what to do.

The only place where errors of requests, urllib3 and the operating system, and Vault's status codes, become errors of
this package. It works in two steps. A *fault* is what one attempt met: retries look at it, and the caller may know
better what it means. `to_error` words whatever is left. Neither step chains exceptions, since those of requests hold
the token.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

import requests
from requests.exceptions import InvalidHeader, InvalidURL
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import InvalidHeader as ContradictoryHeader

from allomia_pulumi.edges.vault.transport import AnswerTooCrowded, AnswerTooLarge
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    InvalidConfiguration,
    NotFound,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)

__all__ = ["ADDRESS_HINT", "Fault", "Repeat", "judged", "to_error"]

NETWORK_HINT = "Check the address and the network, then run again."
ADDRESS_HINT = "Check the address; a proxy or a login page may stand in between."
ACTIVE_NODE_HINT = "Set the address to the active node, or to a load balancer that forwards by itself."
HTTPS_HINT = "Write the address with https."
HTTP_HINT = (
    "If this Vault has no certificate, write the address with http: on this machine, or with "
    "allomia:vault.allowPlainHttp."
)
AUTHORITY_HINT = (
    "Set allomia:vault caCertFile, BAO_CACERT or VAULT_CACERT to the PEM file of the authority "
    "that signed the certificate."
)
NAME_HINT = "Use an address that the certificate names, or give the server a certificate for this one."
LATER_HINT = "Run again later."
OPERATOR_HINT = "Vault's operators have to act; then run again."
STRAY_HINT = "Check address, namespace and token for stray characters."
FRAMING = {"content-length", "transfer-encoding"}
REPORT_HINT = "Please report it with this line."
QUOTA_HINT = "Run again later, or raise the quota of this path in Vault."


class Repeat(Enum):
    """Whether the same request may be sent again."""

    NEVER = auto()
    ONCE = auto()
    TURNED_AWAY = auto()
    """Nothing was done: it never left this machine, or the other side sent it away unread."""
    LOST = auto()
    """Nobody knows whether it was done."""


class Fault(Exception):
    """What one attempt met.

    Attributes:
        what: What the other side did, as the rest of a sentence that begins with its name.
        make: Builds the error from message and hint.
        status: The HTTP status code of an answer that Vault itself gives, else 0.
        http_status: The HTTP status code of any answer, or 0 without one.
        said: Vault's own words, in lower case: to compare with, never to show.
        version: Vault's metadata about a deleted KV v2 version, with a 404.
        retry_after: The header of that name.
        attempts: How many attempts met it.
    """

    def __init__(
        self,
        make: Callable[[str, str], AllomiaError],
        what: str,
        hint: str,
        *,
        repeat: Repeat = Repeat.NEVER,
    ) -> None:
        super().__init__()
        self.make = make
        self.what = what
        self.hint = hint
        self.repeat = repeat
        self.status = 0
        self.http_status = 0
        self.said = ""
        self.version: Mapping[str, Any] = {}
        self.retry_after = ""
        self.attempts = 1


# The first row whose type is that of the exception, or of its cause as urllib3 keeps it, tells what happened.
EXCEPTIONS: tuple[tuple[tuple[type[Exception], ...], type[AllomiaError], str, str, Repeat], ...] = (
    ((AnswerTooLarge,), UnexpectedAnswer, "sent a far larger answer than it should", ADDRESS_HINT, Repeat.NEVER),
    (
        (requests.exceptions.ProxyError,),
        Unreachable,
        "is not reachable through the proxy",
        NETWORK_HINT,
        Repeat.TURNED_AWAY,
    ),
    ((NameResolutionError,), Unreachable, "has a host name that is not known", NETWORK_HINT, Repeat.TURNED_AWAY),
    ((NewConnectionError,), Unreachable, "is not reachable", NETWORK_HINT, Repeat.TURNED_AWAY),
    ((requests.ConnectTimeout,), Unreachable, "is not reachable in time", NETWORK_HINT, Repeat.TURNED_AWAY),
    (
        (requests.Timeout, TimeoutError, ReadTimeoutError),
        Unreachable,
        "gave no complete answer in time",
        NETWORK_HINT,
        Repeat.LOST,
    ),
    (
        (requests.ConnectionError, ProtocolError, ConnectionError),
        Unreachable,
        "broke the connection",
        NETWORK_HINT,
        Repeat.LOST,
    ),
    ((InvalidURL, InvalidHeader, UnicodeError), InvalidConfiguration, "cannot be asked", STRAY_HINT, Repeat.NEVER),
)


OF_THE_WIRE = (requests.RequestException, HTTPError, HTTPException, OSError, RecursionError, AnswerTooCrowded)
"""What is raised about an answer, also about one nested too deeply; all else is a fault of ours."""
LIBRARIES = ("requests", "urllib3", "http")


def judged(call: Callable[[], requests.Response]) -> dict[str, Any]:
    """Make one request and return the JSON object that answers it, empty for an answer without a body.

    Raises:
        Fault: Anything else happened.
    """
    try:
        response = call()
        outcome = _judge(response)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it may hold the token
        outcome = _explain(problem)
    if isinstance(outcome, Fault):
        raise outcome
    return outcome


def to_error(fault: Fault, name: str, doing: str) -> AllomiaError:
    """Word a fault that nobody knew better.

    Args:
        fault: What happened.
        name: What the other side is called, with its address and where that was configured.
        doing: What this package was about to do, as a participle.
    """
    attempts = f" ({fault.attempts} attempts)" if fault.attempts > 1 else ""
    return fault.make(f"{name} {fault.what} while {doing}{attempts}", fault.hint)


def _explain(problem: Exception) -> Fault:
    """Turn an exception into a fault; only its type and OpenSSL's fixed phrases are looked at."""
    if isinstance(problem, requests.exceptions.SSLError):
        return _tls(str(problem))
    inner = problem.args[0] if problem.args else None
    cause = getattr(inner, "reason", None)
    if isinstance(problem, ContradictoryHeader) or isinstance(inner, ContradictoryHeader):
        # Requests has one name for a header of ours that cannot be sent and for one of an answer that cannot be read.
        return Fault(UnexpectedAnswer, "sent an unreadable answer", ADDRESS_HINT)
    for types, make, what, hint, repeat in EXCEPTIONS:
        if isinstance(problem, types) or isinstance(cause, types):
            return Fault(make, what, hint, repeat=repeat)
    if type(problem) is OSError:
        # Requests' own word for certificates that are gone; its other errors are kinds of `OSError`.
        return Fault(InvalidConfiguration, "cannot be asked: this machine's certificates are gone", AUTHORITY_HINT)
    if not isinstance(problem, OF_THE_WIRE) and not _is_librarys_own(problem):
        # Nobody knows how far it came, so what was to be written counts as lost.
        what = f"was to be asked, and this package itself broke ({type(problem).__name__})"
        return Fault(AllomiaError, what, REPORT_HINT, repeat=Repeat.LOST)
    return Fault(UnexpectedAnswer, "sent an unreadable answer", ADDRESS_HINT)


def _is_librarys_own(problem: Exception) -> bool:
    """Tell whether a library stumbled over an answer: requests lets a `Location` that is no URL out as a ValueError."""
    ours = __name__.partition(".")[0]
    frames = (frame for frame, _ in traceback.walk_tb(problem.__traceback__))
    roots = (frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames)
    known = [root for root in roots if root in {*LIBRARIES, ours}]
    return isinstance(problem, ValueError) and bool(known) and known[-1] in LIBRARIES


def _tls(phrase: str) -> Fault:
    if "WRONG_VERSION_NUMBER" in phrase or "RECORD_LAYER_FAILURE" in phrase:
        return Fault(InvalidConfiguration, "does not speak https", HTTP_HINT)
    if "UNEXPECTED_EOF" in phrase:
        return Fault(Unreachable, "broke the connection", NETWORK_HINT, repeat=Repeat.LOST)
    if "mismatch" in phrase or "doesn't match" in phrase:
        return Fault(InvalidConfiguration, "has a certificate for another server name", NAME_HINT)
    if "has expired" in phrase:
        return Fault(InvalidConfiguration, "has an expired certificate", "Renew the server's certificate.")
    if "CERTIFICATE_VERIFY_FAILED" in phrase:
        return Fault(InvalidConfiguration, "has a certificate of an unknown authority", AUTHORITY_HINT)
    return Fault(InvalidConfiguration, "and this machine agree on no TLS connection", AUTHORITY_HINT)


def _judge(response: requests.Response) -> dict[str, Any] | Fault:
    if response.status_code == HTTPStatus.NO_CONTENT:
        return {}
    has_body = response.status_code == HTTPStatus.OK or response.status_code >= HTTPStatus.BAD_REQUEST
    if has_body and not response.content and not response.headers.keys() & FRAMING:
        # The end of a connection inside the head reads like the end of the head; Vault always says how long it is.
        return Fault(Unreachable, "broke the connection", NETWORK_HINT, repeat=Repeat.LOST)
    body = _json(response)
    if response.status_code == HTTPStatus.OK:
        return body if body is not None else _stranger(response, "an answer that is not JSON")
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return _stranger(response, f"a {response.status_code} of an unknown shape")
    if response.status_code < HTTPStatus.BAD_REQUEST:
        what = f"redirects to another address ({response.status_code}), and no credential follows"
        return Fault(InvalidConfiguration, what, ACTIVE_NODE_HINT)
    said = _said(response, body)
    fault = _refusal(response, body, said)
    fault.http_status, fault.said, fault.version = response.status_code, said, _version(body)
    fault.status = 0 if fault.make in {UnexpectedAnswer, InvalidConfiguration} else response.status_code
    fault.retry_after = response.headers.get("Retry-After", "").strip()
    return fault


def _refusal(response: requests.Response, body: dict[str, Any] | None, said: str) -> Fault:
    """Turn a status code, and the texts that Vault is known to send with it, into a fault."""
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _trouble(status, said)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Fault(RateLimited, "limits requests (429)", QUOTA_HINT, repeat=Repeat.TURNED_AWAY)
    if status == HTTPStatus.PRECONDITION_FAILED:
        what = "answered from a standby that has not caught up (412)"
        return Fault(Unavailable, what, ACTIVE_NODE_HINT, repeat=Repeat.TURNED_AWAY)
    if status == HTTPStatus.BAD_REQUEST and "http request to an https server" in said:
        return Fault(InvalidConfiguration, "speaks https, and the address says http", HTTPS_HINT)
    if body is None or not ("errors" in body or "data" in body):
        return _stranger(response, f"a {status} of an unknown shape")
    return _denial(status, said)


def _denial(status: int, said: str) -> Fault:
    """Word what Vault itself denies; the caller often knows better what it means."""
    if status == HTTPStatus.BAD_REQUEST and "upgrading from non-versioned" in said:
        what = "upgrades the mount to KV v2 just now (400)"
        return Fault(Unavailable, what, LATER_HINT, repeat=Repeat.TURNED_AWAY)
    if status == HTTPStatus.FORBIDDEN:
        return Fault(AccessDenied, "denies access (403)", "Check the token's policies.")
    if status == HTTPStatus.NOT_FOUND:
        return Fault(NotFound, "found nothing (404)", "Check the path.")
    refused = partial(RequestRefused, status=status)
    return Fault(refused, f"refused the request ({status})", "Vault's audit log of this moment may tell why.")


def _trouble(status: int, said: str) -> Fault:
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return Fault(Unavailable, "is not initialised", OPERATOR_HINT)
    if "vault is sealed" in said:
        return Fault(Unavailable, "is sealed", OPERATOR_HINT, repeat=Repeat.TURNED_AWAY)
    if "namespace has been locked" in said:
        return Fault(Unavailable, "has locked the namespace", OPERATOR_HINT, repeat=Repeat.TURNED_AWAY)
    repeats = {HTTPStatus.INTERNAL_SERVER_ERROR: Repeat.ONCE, HTTPStatus.SERVICE_UNAVAILABLE: Repeat.TURNED_AWAY}
    repeat = repeats.get(HTTPStatus(status), Repeat.LOST) if status in list(HTTPStatus) else Repeat.NEVER
    return Fault(Unavailable, f"cannot serve the request ({status})", LATER_HINT, repeat=repeat)


def _stranger(response: requests.Response, otherwise: str) -> Fault:
    what = "a web page" if "html" in response.headers.get("Content-Type", "") else otherwise
    return Fault(UnexpectedAnswer, f"sent {what}", ADDRESS_HINT)


def _json(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _said(response: requests.Response, body: dict[str, Any] | None) -> str:
    if body is None:
        return response.text[:200].lower()
    errors = body.get("errors")
    return "\n".join(str(text) for text in errors).lower() if isinstance(errors, list) else ""


def _version(body: dict[str, Any] | None) -> Mapping[str, Any]:
    data = (body or {}).get("data")
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return metadata if isinstance(metadata, dict) else {}
