"""The tables that map errors of requests, urllib3, OpenSSL and the operating system to faults."""

from __future__ import annotations

import traceback
from http.client import HTTPException
from typing import Final

import requests
from requests.exceptions import InvalidHeader, InvalidURL
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import InvalidHeader as ContradictoryHeader

from allomia_pulumi.edges.net.body_limits import OversizedBody, UnreadableBody
from allomia_pulumi.edges.vault.faults import ADDRESS_HINT, Fault, Repeat
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration, UnexpectedAnswer, Unreachable

__all__ = ["classify_exception", "connection_broken"]

Row = tuple[type[AllomiaError], str, str, Repeat]

NETWORK_HINT: Final = "Check the address and the network, then run again."
HTTP_HINT: Final = (
    "If this Vault has no certificate, write the address with http: on this machine, or with "
    "allomia:vault.allowPlainHttp."
)
AUTHORITY_HINT: Final = (
    "Set allomia:vault caCertFile, BAO_CACERT or VAULT_CACERT to the PEM file of the authority "
    "that signed the certificate."
)
NAME_HINT: Final = "Use an address that the certificate names, or give the server a certificate for this one."
STRAY_HINT: Final = "Check address, namespace and token for stray characters."
REPORT_HINT: Final = "Please report it with this line."

BROKEN: Final[Row] = (Unreachable, "broke the connection", NETWORK_HINT, Repeat.MAYBE_DONE)
UNREADABLE: Final[Row] = (UnexpectedAnswer, "sent an unreadable answer", ADDRESS_HINT, Repeat.NEVER)

# The first row whose type is that of the exception, or of its cause as urllib3 keeps it, tells what happened.
EXCEPTIONS: Final[tuple[tuple[tuple[type[Exception], ...], Row], ...]] = (
    (
        (OversizedBody,),
        (UnexpectedAnswer, "sent a far larger answer than it should", ADDRESS_HINT, Repeat.NEVER),
    ),
    (
        (requests.exceptions.ProxyError,),
        (Unreachable, "is not reachable through the proxy", NETWORK_HINT, Repeat.NOT_DONE),
    ),
    ((NameResolutionError,), (Unreachable, "has a host name that is not known", NETWORK_HINT, Repeat.NOT_DONE)),
    ((NewConnectionError,), (Unreachable, "is not reachable", NETWORK_HINT, Repeat.NOT_DONE)),
    ((requests.ConnectTimeout,), (Unreachable, "is not reachable in time", NETWORK_HINT, Repeat.NOT_DONE)),
    (
        (requests.Timeout, TimeoutError, ReadTimeoutError),
        (Unreachable, "gave no complete answer in time", NETWORK_HINT, Repeat.MAYBE_DONE),
    ),
    ((requests.ConnectionError, ProtocolError, ConnectionError), BROKEN),
    ((InvalidURL, InvalidHeader, UnicodeError), (InvalidConfiguration, "cannot be asked", STRAY_HINT, Repeat.NEVER)),
)

# The first row with a phrase that OpenSSL's error has; nothing else of such an error is looked at.
TLS_ERRORS: Final[tuple[tuple[tuple[str, ...], Row], ...]] = (
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"),
        (InvalidConfiguration, "does not speak https", HTTP_HINT, Repeat.NEVER),
    ),
    (("UNEXPECTED_EOF",), BROKEN),
    (
        ("mismatch", "doesn't match"),
        (InvalidConfiguration, "has a certificate for another server name", NAME_HINT, Repeat.NEVER),
    ),
    (
        ("has expired",),
        (InvalidConfiguration, "has an expired certificate", "Renew the server's certificate.", Repeat.NEVER),
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        (InvalidConfiguration, "has a certificate of an unknown authority", AUTHORITY_HINT, Repeat.NEVER),
    ),
    (("",), (InvalidConfiguration, "and this machine agree on no TLS connection", AUTHORITY_HINT, Repeat.NEVER)),
)

OF_THE_WIRE: Final = (requests.RequestException, HTTPError, HTTPException, OSError, RecursionError, UnreadableBody)
"""What is raised about an answer, also about one nested too deeply; all else is a fault of ours."""
LIBRARIES: Final = ("requests", "urllib3", "http")


def classify_exception(problem: Exception) -> Fault:
    """Return the fault for an exception; only its type and OpenSSL's fixed phrases are looked at."""
    error, what, hint, repeat = _row(problem)
    return Fault(error, what, hint, repeat=repeat)


def connection_broken() -> Fault:
    """Return the fault for a connection that ended within an answer."""
    error, what, hint, repeat = BROKEN
    return Fault(error, what, hint, repeat=repeat)


def _row(problem: Exception) -> Row:
    if isinstance(problem, requests.exceptions.SSLError):
        text = str(problem)
        return next(row for phrases, row in TLS_ERRORS if any(phrase in text for phrase in phrases))
    inner = problem.args[0] if problem.args else None
    if isinstance(problem, ContradictoryHeader) or isinstance(inner, ContradictoryHeader):
        # Requests has one name for a header of ours that cannot be sent and for one of an answer that cannot be read.
        return UNREADABLE
    cause = getattr(inner, "reason", None)
    known = (row for types, row in EXCEPTIONS if isinstance(problem, types) or isinstance(cause, types))
    return next(known, None) or _unlisted(problem)


def _unlisted(problem: Exception) -> Row:
    if type(problem) is OSError:
        # Requests' own word for certificates that are gone; its other errors are kinds of `OSError`.
        what = "cannot be asked: this machine's certificates are gone"
        return (InvalidConfiguration, what, AUTHORITY_HINT, Repeat.NEVER)
    if isinstance(problem, OF_THE_WIRE) or _is_librarys_own(problem):
        return UNREADABLE
    # Nobody knows how far it came, so what was to be written counts as lost.
    what = f"was to be asked, and this package itself broke ({type(problem).__name__})"
    return (AllomiaError, what, REPORT_HINT, Repeat.MAYBE_DONE)


def _is_librarys_own(problem: Exception) -> bool:
    """Tell whether a library stumbled over an answer: requests lets a `Location` that is no URL out as a ValueError."""
    ours = __name__.partition(".")[0]
    frames = (frame for frame, _ in traceback.walk_tb(problem.__traceback__))
    roots = (frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames)
    known = [root for root in roots if root in {*LIBRARIES, ours}]
    return isinstance(problem, ValueError) and bool(known) and known[-1] in LIBRARIES
