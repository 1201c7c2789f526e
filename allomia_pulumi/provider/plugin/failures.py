"""How a failed or half-done operation is told to the engine: a status code, one scrubbed line, and a detail."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, Protocol, TypeVar

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidInput,
    NotFound,
    OrganizationFull,
    RateLimited,
    SetupError,
    TemporaryError,
    UnexpectedAnswer,
    Unsettled,
)
from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.ground.settings import NAMESPACE
from allomia_pulumi.provider.engine import EngineLog

__all__ = ["Unfinished", "code_of", "told"]

# The first kind that an error is of decides. `UNKNOWN`, `INTERNAL` and `DATA_LOSS` would make the engine doubt whether
# the resource exists, so only a fault of ours has one of them.
CODES: Final[tuple[tuple[type[AllomiaError], grpc.StatusCode], ...]] = (
    (InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (CredentialRejected, grpc.StatusCode.UNAUTHENTICATED),
    (AccessDenied, grpc.StatusCode.PERMISSION_DENIED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (SetupError, grpc.StatusCode.FAILED_PRECONDITION),
    (OrganizationFull, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (RateLimited, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (TemporaryError, grpc.StatusCode.UNAVAILABLE),
    (UnexpectedAnswer, grpc.StatusCode.FAILED_PRECONDITION),
    (Unsettled, grpc.StatusCode.ABORTED),
    (AllomiaError, grpc.StatusCode.FAILED_PRECONDITION),
)
DETAILS: Final = "grpc-status-details-bin"
DETAIL_TYPE: Final = "type.googleapis.com"

R = TypeVar("R")


class _Server(Protocol):
    @property
    def log(self) -> EngineLog: ...


class Unfinished(Exception):
    """An operation whose outputs are to be kept, though something is still owed.

    Args:
        pulumi_id: The id; an empty one would save nothing.
        properties: The outputs, secrets marked.
        reasons: What is owed; the engine keeps them in clear.
    """

    def __init__(self, pulumi_id: str, properties: struct_pb2.Struct, reasons: list[str]) -> None:
        super().__init__(*reasons)
        self.detail = provider_pb2.ErrorResourceInitFailed(id=pulumi_id, properties=properties, reasons=reasons)


def code_of(problem: AllomiaError) -> grpc.StatusCode:
    """Return the status code of an error."""
    return next(code for kind, code in CODES if isinstance(problem, kind))


def told(method: Callable[[Any, Any, grpc.ServicerContext], R]) -> Callable[[Any, Any, grpc.ServicerContext], R]:
    """Let nothing but a scrubbed line leave an operation, with the status code that it deserves."""

    @functools.wraps(method)
    def call(server: _Server, request: Any, context: grpc.ServicerContext) -> R:  # noqa: ANN401 - one per method
        try:
            return method(server, request, context)
        except Unfinished as left:
            status = _init_failed(left.detail)
        except AllomiaError as problem:
            status = _Status(code_of(problem), _line(str(problem)))
        except Exception as problem:  # noqa: BLE001 - a fault of ours must not show values either
            frames = "".join(traceback.format_tb(problem.__traceback__))
            server.log.debug(scrub(f"{type(problem).__name__}\n{frames}"))
            text = (
                f"internal error in {method.__name__}: {type(problem).__name__}. Please report it with the frames that "
                "`pulumi up --debug` shows."
            )
            status = _Status(grpc.StatusCode.INTERNAL, _line(text))
        return status.end(context)

    return call


class _Status:
    def __init__(self, code: grpc.StatusCode, message: str, trailers: Mapping[str, bytes] | None = None) -> None:
        self._code = code
        self._message = message
        self._trailers = trailers or {}

    def end(self, context: grpc.ServicerContext) -> NoReturn:
        """End the call with this status."""
        context.set_trailing_metadata(tuple(self._trailers.items()))
        context.abort(self._code, self._message)
        raise AssertionError("abort raises")


def _init_failed(detail: provider_pb2.ErrorResourceInitFailed) -> _Status:
    """Return the status whose detail makes the engine keep what exists, and fail all the same."""
    code, message = grpc.StatusCode.UNKNOWN, _line("; ".join(detail.reasons))
    packed = any_pb2.Any()
    packed.Pack(detail, type_url_prefix=DETAIL_TYPE)
    status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
    return _Status(code, message, {DETAILS: status.SerializeToString()})


def _line(text: str) -> str:
    return f"{NAMESPACE}: {scrub(text)}"
