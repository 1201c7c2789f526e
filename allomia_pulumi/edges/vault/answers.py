"""The answers of Vault: JSON objects, or the faults that status codes and known phrases stand for, by two tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import requests
from pydantic import BaseModel, ValidationError

from allomia_pulumi.edges.vault.faults import ADDRESS_HINT, Fault, Repeat
from allomia_pulumi.edges.vault.library_errors import classify_exception, connection_broken
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    InvalidConfiguration,
    NotFound,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
)

__all__ = ["parse_answer", "request_json"]

M = TypeVar("M", bound=BaseModel)

Row = tuple[Collection[int], str, type[AllomiaError], str, str, Repeat]

ACTIVE_NODE_HINT: Final = "Set the address to the active node, or to a load balancer that forwards by itself."
HTTPS_HINT: Final = "Write the address with https."
LATER_HINT: Final = "Run again later."
OPERATOR_HINT: Final = "Vault's operators have to act; then run again."
QUOTA_HINT: Final = "Run again later, or raise the quota of this path in Vault."

FRAMING: Final = {"content-length", "transfer-encoding"}
REDIRECTS: Final = range(300, 400)
SERVER_ERRORS: Final = range(500, 1000)
STANDARD_SERVER_ERRORS: Final = frozenset(status for status in HTTPStatus if status in SERVER_ERRORS)
CANNOT_SERVE: Final = "cannot serve the request ({status})"

# The first row with the status code and a phrase of the answer tells what it means; an answer needs no known shape.
ANSWERS: Final[tuple[Row, ...]] = (
    ({501}, "", Unavailable, "is not initialised", OPERATOR_HINT, Repeat.NEVER),
    (SERVER_ERRORS, "vault is sealed", Unavailable, "is sealed", OPERATOR_HINT, Repeat.NOT_DONE),
    (
        SERVER_ERRORS,
        "namespace has been locked",
        Unavailable,
        "has locked the namespace",
        OPERATOR_HINT,
        Repeat.NOT_DONE,
    ),
    ({500}, "", Unavailable, CANNOT_SERVE, LATER_HINT, Repeat.ONCE),
    ({503}, "", Unavailable, CANNOT_SERVE, LATER_HINT, Repeat.NOT_DONE),
    (STANDARD_SERVER_ERRORS, "", Unavailable, CANNOT_SERVE, LATER_HINT, Repeat.MAYBE_DONE),
    (SERVER_ERRORS, "", Unavailable, CANNOT_SERVE, LATER_HINT, Repeat.NEVER),
    ({429}, "", RateLimited, "limits requests ({status})", QUOTA_HINT, Repeat.NOT_DONE),
    (
        {412},
        "",
        Unavailable,
        "answered from a standby that has not caught up ({status})",
        ACTIVE_NODE_HINT,
        Repeat.NOT_DONE,
    ),
    (
        {400},
        "http request to an https server",
        InvalidConfiguration,
        "speaks https, and the address says http",
        HTTPS_HINT,
        Repeat.NEVER,
    ),
)

# The same for what only Vault itself says, in its own shape; the caller often knows better what it means.
VAULTS_REFUSALS: Final[tuple[Row, ...]] = (
    (
        {400},
        "upgrading from non-versioned",
        Unavailable,
        "upgrades the mount to KV v2 just now ({status})",
        LATER_HINT,
        Repeat.NOT_DONE,
    ),
    ({403}, "", AccessDenied, "denies access ({status})", "Check the token's policies.", Repeat.NEVER),
    ({404}, "", NotFound, "found nothing ({status})", "Check the path.", Repeat.NEVER),
    (
        range(400, 500),
        "",
        RequestRefused,
        "refused the request ({status})",
        "Vault's audit log of this moment may tell why.",
        Repeat.NEVER,
    ),
)


def request_json(send: Callable[[], requests.Response]) -> dict[str, Any]:
    """Make one request and return the JSON object that answers it, empty for an answer without a body.

    Raises:
        Fault: Anything else happened.
    """
    try:
        outcome = _classify(send())
    except Exception as problem:  # noqa: BLE001 - whatever it is, it may hold the token
        outcome = classify_exception(problem)
    if isinstance(outcome, Fault):
        raise outcome
    return outcome


def parse_answer(model: type[M], answer: object) -> M | None:
    """Parse an answer, or return None when it has another shape."""
    try:
        return model.model_validate(answer)
    except ValidationError:
        return None


def _classify(response: requests.Response) -> dict[str, Any] | Fault:
    status = response.status_code
    if status == HTTPStatus.NO_CONTENT:
        return {}
    has_body = status == HTTPStatus.OK or status >= HTTPStatus.BAD_REQUEST
    if has_body and not response.content and not response.headers.keys() & FRAMING:
        # The end of a connection inside the head reads like the end of the head; Vault always says how long it is.
        return connection_broken()
    body = _json_object(response)
    if status == HTTPStatus.OK:
        return body if body is not None else _unknown_shape(response, "an answer that is not JSON")
    if status < REDIRECTS.start:
        return _unknown_shape(response, f"a {status} of an unknown shape")
    if status in REDIRECTS:
        what = f"redirects to another address ({status}), and no credential follows"
        return Fault(InvalidConfiguration, what, ACTIVE_NODE_HINT)
    return _classify_refusal(response, body)


def _classify_refusal(response: requests.Response, body: dict[str, Any] | None) -> Fault:
    status, text = response.status_code, _error_text(response, body)
    fault = _first(ANSWERS, status, text)
    if fault is None:
        is_vaults = body is not None and ("errors" in body or "data" in body)
        found = _first(VAULTS_REFUSALS, status, text) if is_vaults else None
        fault = found or _unknown_shape(response, f"a {status} of an unknown shape")
    fault.http_status, fault.error_text, fault.version = status, text, _version(body)
    fault.status = 0 if fault.make_error in {UnexpectedAnswer, InvalidConfiguration} else status
    fault.retry_after = response.headers.get("Retry-After", "")
    return fault


def _first(rows: tuple[Row, ...], status: int, text: str) -> Fault | None:
    for statuses, phrase, error, what, hint, repeat in rows:
        if status in statuses and phrase in text:
            make_error = partial(RequestRefused, status=status) if error is RequestRefused else error
            return Fault(make_error, what.format(status=status), hint, repeat=repeat)
    return None


def _unknown_shape(response: requests.Response, otherwise: str) -> Fault:
    what = "a web page" if "html" in response.headers.get("Content-Type", "") else otherwise
    return Fault(UnexpectedAnswer, f"sent {what}", ADDRESS_HINT)


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error_text(response: requests.Response, body: dict[str, Any] | None) -> str:
    if body is None:
        return response.text[:200].lower()
    errors = body.get("errors")
    return "\n".join(str(text) for text in errors).lower() if isinstance(errors, list) else ""


def _version(body: dict[str, Any] | None) -> Mapping[str, Any]:
    data = (body or {}).get("data")
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return metadata if isinstance(metadata, dict) else {}
