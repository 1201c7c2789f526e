"""How a failed operation is told: a status code for every kind of error, one scrubbed line, and what is to be kept."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from allomia_pulumi import errors
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, RequestRefused, UnexpectedAnswer
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.provider.plugin.failures import STATUS_CODES, Unfinished, ends_with_status
from tests.logs import QuietLog
from tests.unit.contexts import Aborted, Context

CANARY = "alm_org_canary-of-failures"
DOUBTFUL = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.OK}
KINDS = [getattr(errors, name) for name in errors.__all__]


class Server:
    def __init__(self) -> None:
        self.log = QuietLog()


def end(problem: Exception, server: Server | None = None) -> Context:
    def Create(_server: Any, _request: Any, _context: Any) -> None:  # noqa: N802
        raise problem

    context = Context()
    with pytest.raises(Aborted):
        ends_with_status(Create)(server or Server(), None, context)  # type: ignore[arg-type]
    return context


def make(kind: type[AllomiaError]) -> AllomiaError:
    if kind is RequestRefused:
        return RequestRefused("refused", status=400)
    if kind is KeyLeftBehind:
        return KeyLeftBehind("left", organization_id="org", key_id="key")
    return kind("something happened", "Do something.")


@pytest.mark.parametrize("kind", KINDS)
def test_g5_every_error_has_a_code_that_leaves_no_doubt(kind: type[AllomiaError]) -> None:
    assert STATUS_CODES[kind.code] not in DOUBTFUL


@pytest.mark.parametrize("kind", KINDS)
def test_g5_every_error_is_told_in_one_line(kind: type[AllomiaError]) -> None:
    problem = make(kind)
    assert end(problem).text == f"allomia: {problem}"


def test_g3_a_secret_in_an_error_is_scrubbed() -> None:
    guard(CANARY)
    assert CANARY not in end(UnexpectedAnswer(f"AlloMia said {CANARY}")).text


def test_g3_a_fault_of_ours_shows_its_kind_and_no_value() -> None:
    server = Server()
    context = end(ValueError(CANARY), server)
    assert context.code == grpc.StatusCode.INTERNAL
    assert "internal error in Create: ValueError" in context.text
    assert CANARY not in context.text + "".join(server.log.said)
    assert "test_plugin_failures.py" in server.log.said[0]


def test_what_is_to_be_kept_travels_as_the_engine_reads_it() -> None:
    properties = struct_pb2.Struct()
    properties.update({"keyId": "key"})
    context = end(Unfinished("org/key", properties, ["one", "two"]))
    status = status_pb2.Status.FromString(context.trailers["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons), dict(detail.properties)) == ("org/key", ["one", "two"], {"keyId": "key"})
    assert (status.code, status.message) == (context.code.value[0], context.text)
    assert context.text == "allomia: one; two"
