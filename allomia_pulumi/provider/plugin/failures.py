"""How a failed or half-done operation ends for the engine: a status code, one scrubbed line, and a detail."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, Protocol, TypeVar

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.ground.settings import NAMESPACE
from allomia_pulumi.provider.engine import EngineLog
from allomia_pulumi.provider.last_guard import Ending, guarded, log_frames

__all__ = ["STATUS_CODES", "Unfinished", "ends_with_status"]

# `UNKNOWN`, `INTERNAL` and `DATA_LOSS` would make the engine doubt whether the resource exists, so only a fault of ours
# has one of them.
STATUS_CODES: Final[Mapping[str, grpc.StatusCode]] = {
    "error": grpc.StatusCode.FAILED_PRECONDITION,
    "setup": grpc.StatusCode.FAILED_PRECONDITION,
    "invalid-input": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid-configuration": grpc.StatusCode.FAILED_PRECONDITION,
    "credential-rejected": grpc.StatusCode.UNAUTHENTICATED,
    "access-denied": grpc.StatusCode.PERMISSION_DENIED,
    "not-found": grpc.StatusCode.NOT_FOUND,
    "request-refused": grpc.StatusCode.FAILED_PRECONDITION,
    "secret-conflict": grpc.StatusCode.FAILED_PRECONDITION,
    "organization-full": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "temporary": grpc.StatusCode.UNAVAILABLE,
    "unreachable": grpc.StatusCode.UNAVAILABLE,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "rate-limited": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "interrupted": grpc.StatusCode.UNAVAILABLE,
    "unexpected-answer": grpc.StatusCode.FAILED_PRECONDITION,
    "unsettled": grpc.StatusCode.ABORTED,
    "outcome-unknown": grpc.StatusCode.ABORTED,
    "key-left-behind": grpc.StatusCode.ABORTED,
    "too-many-unknown-keys": grpc.StatusCode.ABORTED,
}
"""The status code of each error, by the error's own code."""

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


def ends_with_status(
    method: Callable[[Any, Any, grpc.ServicerContext], R],
) -> Callable[[Any, Any, grpc.ServicerContext], R]:
    """End each failed call of an operation with one scrubbed line and the status code of its error."""
    bounded = guarded(_end, log_frames(_log_of), answered=(Unfinished,))(method)

    @functools.wraps(method)
    def call(server: _Server, request: Any, context: grpc.ServicerContext) -> R:  # noqa: ANN401 - one per method
        try:
            return bounded(server, request, context)
        except Unfinished as left:
            status = _init_failed(left.detail)
        return status.end(context)

    return call


def _log_of(server: _Server, *_: object) -> EngineLog:
    return server.log


def _end(ending: Ending, _server: _Server, _request: object, context: grpc.ServicerContext) -> NoReturn:
    code = STATUS_CODES[ending.code] if ending.code else grpc.StatusCode.INTERNAL
    _Status(code, _line(ending.line)).end(context)


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
