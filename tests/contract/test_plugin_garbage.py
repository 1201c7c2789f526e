"""Whatever bytes reach the plugin: a status of gRPC, and a process that goes on serving."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2

from allomia_pulumi import __version__
from tests.contract.faces import FACES, DynamicFace, Face, PluginFace
from tests.faults.garbage import CANARY
from tools.engine.sandbox import Sandbox

CALLS = ("CheckConfig", "DiffConfig", "Configure", "Check", "Diff", "Create", "Read", "Update", "Delete", "Invoke")
METHODS = (*CALLS, "List")
REQUESTS = {
    "Check": provider_pb2.CheckRequest,
    "Diff": provider_pb2.DiffRequest,
    "Create": provider_pb2.CreateRequest,
    "Read": provider_pb2.ReadRequest,
    "Update": provider_pb2.UpdateRequest,
    "Delete": provider_pb2.DeleteRequest,
    "Invoke": provider_pb2.InvokeRequest,
    "List": provider_pb2.ListRequest,
}
NAMING = {"Invoke": "tok", "List": "token"}
UNSERVED = "urn:pulumi:prod::clinic::allomia:index:Nothing::x"
CALL_SECONDS = 60


@pytest.fixture(scope="module")
def face(sandbox: Sandbox) -> Iterator[PluginFace]:
    tenant = sandbox.add_tenant("clinics")
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        yield face


def send(face: Face, method: str, data: bytes) -> grpc.RpcError | None:
    path = f"/pulumirpc.ResourceProvider/{method}"
    try:
        if method == "List":
            list(face._channel.unary_stream(path, None, None)(data, timeout=CALL_SECONDS))
        else:
            face._channel.unary_unary(path, None, None)(data, timeout=CALL_SECONDS)
    except grpc.RpcError as problem:
        text = str(problem.details())
        assert CANARY not in text
        assert "Traceback" not in text
        return problem
    return None


def is_up(face: Face) -> bool:
    answer = face._stub.GetPluginInfo(empty_pb2.Empty(), timeout=CALL_SECONDS)
    return bool(answer.version == __version__)


@pytest.mark.catalogue(58)
@given(st.sampled_from(METHODS), st.binary(max_size=80))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_get_a_status_and_the_process_stays_up(face: PluginFace, method: str, data: bytes) -> None:
    send(face, method, data)
    assert face.process.poll() is None


@pytest.mark.catalogue(58)
@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("urn", ["", "x", "urn:pulumi:", "urn:pulumi:a::b::c", "urn:pulumi:\x1b::b::x::y", UNSERVED])
def test_any_urn_gets_a_line_and_no_answer(face: PluginFace, method: str, urn: str) -> None:
    request = REQUESTS[method](**{NAMING.get(method, "urn"): urn})
    problem = send(face, method, request.SerializeToString())
    assert problem is not None
    assert str(problem.details()).startswith("allomia: ")
    assert str(problem.details()).isprintable()
    if urn == UNSERVED:
        assert problem.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert is_up(face)


@pytest.mark.catalogue(58)
def test_unknown_fields_are_ignored(face: PluginFace) -> None:
    request = provider_pb2.CheckRequest(urn=PluginFace.urn("x"))
    request.news.update({"organizationId": "org"})
    unknown = struct.pack("BB", (1000 << 3 | 2) & 0x7F | 0x80, (1000 << 3 | 2) >> 7) + b"\x03abc"
    assert send(face, "Check", request.SerializeToString() + unknown) is None


@pytest.mark.catalogue(58)
def test_an_unknown_method_is_unimplemented(face: PluginFace) -> None:
    problem = send(face, "Explode", b"")
    assert problem is not None
    assert problem.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.catalogue(58)
def test_a_huge_and_a_deep_input_are_failures_of_check(face: PluginFace) -> None:
    request = provider_pb2.CheckRequest(urn=PluginFace.urn("x"))
    request.news.update({"organizationId": "o" * 1_000_000, "name": "n" * 1_000_000})
    answer = face._stub.Check(request, timeout=CALL_SECONDS)
    assert [failure.property for failure in answer.failures] == ["", ""]
    assert all(len(failure.reason) < 300 for failure in answer.failures)
    deep: Any = "bottom"
    for _ in range(30):
        deep = {"a": [deep]}
    request.news.Clear()
    request.news.update({"organizationId": "org", "rotationTriggers": {"a": deep}})
    (failure,) = face._stub.Check(request, timeout=CALL_SECONDS).failures
    assert "is not a text" in failure.reason
    assert is_up(face)


@pytest.mark.catalogue(58)
@pytest.mark.parametrize("kind", FACES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e308, [], {}, True, None], ids=str)
def test_no_value_of_an_input_ends_a_face(kind: type[Face], value: Any, faces: dict[type[Face], Face]) -> None:
    face = faces[kind]
    for name in ("organizationId", "name", "rotationTriggers", "rotateAfter", "vaultSecret", "verify", "adopt"):
        request = provider_pb2.CheckRequest(urn=face.urn("x"))
        request.news.update(
            face._internal({"organizationId": "org", **({name: value} if value is not None else {})}, "x")
        )
        if value is None:
            request.news.fields[name].null_value = struct_pb2.NULL_VALUE
        send(face, "Check", request.SerializeToString())
    assert face.process.poll() is None


@pytest.fixture(scope="module")
def faces(face: PluginFace, sandbox: Sandbox) -> Iterator[dict[type[Face], Face]]:
    with DynamicFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": "alm_tenant_x"}) as dynamic:
        yield {PluginFace: face, DynamicFace: dynamic}
