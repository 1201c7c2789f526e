"""Drive a face over real gRPC as the engine does, and listen to what it logs.

A face is a subprocess: what it prints, raises and remembers is what the engine would meet.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from allomia_pulumi.program import dynamic
from tools.engine import trail

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
CALL_SECONDS = 90

HURRIED = """
import time
from allomia_pulumi.ground.clock import SystemClock
SystemClock.sleep = lambda self, seconds: time.sleep(seconds / 50)
"""
"""An injected clock: pauses are fifty times shorter, everything else is real."""

DETAILS = "grpc-status-details-bin"


class FaceError(Exception):
    """What the engine would print after `error: `, and what it would keep all the same."""

    def __init__(self, text: str, code: grpc.StatusCode | None = None, kept: Kept | None = None) -> None:
        super().__init__(text)
        trail.show("error of a provider", text)
        self.code = code
        self.kept = kept


@dataclass(frozen=True)
class Kept:
    """The engine keeps this of an operation that ended half-way."""

    id: str
    outputs: dict[str, Any]
    reasons: list[str]
    answer: dict[str, Any]


@dataclass(frozen=True)
class Said:
    severity: str
    message: str
    urn: str


@dataclass(frozen=True)
class Diffed:
    changes: bool
    replaces: list[str]
    paths: dict[str, str] = field(default_factory=dict, compare=False)


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.said: list[Said] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802, ARG002
        name = engine_pb2.LogSeverity.Name(request.severity)
        self.said.append(Said(name, request.message, request.urn))
        trail.show("message of a provider", request.message)
        return empty_pb2.Empty()


@dataclass
class Face(ABC):
    """A provider process, and the engine's side of it."""

    configuration: dict[str, str]
    environ: dict[str, str] = field(default_factory=dict)
    name: str = "ehr-sync"
    kind: str = "OrganizationApiKey"

    program: ClassVar[str]
    """What runs in the provider process, with the engine's address as its argument."""

    def __enter__(self) -> Self:
        self._engine = _Engine()
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self._engine, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        # A home of nobody: what a login left in the developer's own is none of a test's.
        inherited = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", HURRIED + self.program, f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, "PULUMI_PROJECT": "clinic", "PYTHONUNBUFFERED": "1", **self.environ},
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), self.process.stderr.read()
        self._printed: list[bytes] = []
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._collect, args=(stream,), daemon=True).start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(line)}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._stub.Configure(provider_pb2.ConfigureRequest(args=self.settings()), timeout=CALL_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._channel.close()
        self._end()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self._server.stop(0).wait()

    def _end(self) -> None:
        """End the process by SIGINT, as the engine does before it kills (its `TerminateProcessGroup`).

        Pulumi's server sleeps on when the signal reaches another thread than its main one, so it is repeated.
        """
        for _ in range(20):
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
            return
        self.process.kill()
        raise AssertionError("the provider did not end")

    @property
    def said(self) -> list[Said]:
        return self._engine.said

    @property
    def warnings(self) -> list[str]:
        return [said.message for said in self.said if said.severity == "WARNING"]

    @property
    def printed(self) -> str:
        return b"".join(self._printed).decode()

    def forget(self, name: str, kind: str = "OrganizationApiKey") -> None:
        """Start over with another resource and empty ears, in the same process."""
        self.name, self.kind = name, kind
        self._engine.said.clear()
        self._printed.clear()

    def check(self, olds: dict[str, Any], news: dict[str, Any], *, name: str | None = None) -> dict[str, Any]:
        """Check inputs; raise FaceError with the failures joined."""
        request = provider_pb2.CheckRequest(
            urn=self._urn(name),
            olds=_struct(self._internal(olds, name) if olds else {}),
            news=_struct(self._internal(news, name)),
        )
        answer = self._call(self._stub.Check, request)
        if answer.failures:
            assert all(failure.property == "" for failure in answer.failures)
            raise FaceError("; ".join(failure.reason for failure in answer.failures))
        return _plain(answer.inputs)

    def diff(
        self,
        id_: str,
        olds: dict[str, Any],
        news: dict[str, Any],
        *,
        name: str | None = None,
        old_inputs: dict[str, Any] | None = None,
    ) -> Diffed:
        request = provider_pb2.DiffRequest(
            id=id_,
            urn=self._urn(name),
            olds=_struct(olds),
            news=_struct(self._internal(news, name)),
            old_inputs=_struct(self._internal(old_inputs or {}, name)),
        )
        answer = self._call(self._stub.Diff, request)
        kinds = {path: provider_pb2.PropertyDiff.Kind.Name(each.kind) for path, each in answer.detailedDiff.items()}
        return Diffed(answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.replaces), kinds)

    def create(self, inputs: dict[str, Any], *, name: str | None = None) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.CreateRequest(urn=self._urn(name), properties=_struct(self._internal(inputs, name)))
        answer = self._call(self._stub.Create, request)
        self.last_answer = MessageToDict(answer.properties)
        return answer.id, _plain(answer.properties)

    def read(
        self, id_: str, outputs: dict[str, Any], inputs: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.ReadRequest(
            id=id_, urn=self._urn(None), properties=_struct(outputs), inputs=_struct(inputs or {})
        )
        answer = self._call(self._stub.Read, request)
        self.last_inputs = _plain(answer.inputs)
        self.last_answer = MessageToDict(answer.properties)
        return answer.id, _plain(answer.properties)

    def update(
        self, id_: str, outputs: dict[str, Any], news: dict[str, Any], *, name: str | None = None
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=id_, urn=self._urn(name), olds=_struct(outputs), news=_struct(self._internal(news, name))
        )
        answer = self._call(self._stub.Update, request)
        self.last_answer = MessageToDict(answer.properties)
        return _plain(answer.properties)

    def delete(self, id_: str, outputs: dict[str, Any]) -> None:
        self._call(
            self._stub.Delete, provider_pb2.DeleteRequest(id=id_, urn=self._urn(None), properties=_struct(outputs))
        )

    def up(self, news: dict[str, Any], *, name: str | None = None) -> tuple[str, dict[str, Any]]:
        """Create as an `up` does: check without old inputs, then create."""
        return self.create(self.check({}, news, name=name), name=name)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=CALL_SECONDS)
        except grpc.RpcError as problem:
            raise FaceError(problem.details(), problem.code(), _kept(problem.trailing_metadata())) from None

    def _urn(self, name: str | None) -> str:
        return self.urn(name or self.name, self.kind)

    def _collect(self, stream: Any) -> None:
        for line in iter(stream.readline, b""):
            self._printed.append(line)
            trail.show("output of a provider", line)

    def settings(self) -> struct_pb2.Struct:
        """Return the configuration as the engine hands it to this face."""
        return _struct(self._settings())

    @abstractmethod
    def _settings(self) -> dict[str, str]:
        """Return the configuration under the names that the engine hands this face."""

    @abstractmethod
    def _internal(self, props: dict[str, Any], name: str | None) -> dict[str, Any]:
        """Return inputs with what the face's class adds to them."""

    @staticmethod
    @abstractmethod
    def urn(name: str, kind: str = "OrganizationApiKey") -> str:
        """Return the URN of a resource of this face."""


class DynamicFace(Face):
    """The face of `allomia_pulumi`: Pulumi's own server for dynamic resources."""

    program = """
import runpy, signal
# Whoever runs the tests in the background has SIGINT ignored, and what it starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
"""

    def _settings(self) -> dict[str, str]:
        return {f"allomia:{name}": value for name, value in self.configuration.items()}

    def _internal(self, props: dict[str, Any], name: str | None) -> dict[str, Any]:
        identity = {"project": "clinic", "stack": "prod", "parents": "", "name": name or self.name}
        return {"__provider": getattr(dynamic, self.kind).provider_constant, "__identity": identity, **props}

    @staticmethod
    def urn(name: str, kind: str = "OrganizationApiKey") -> str:
        return f"urn:pulumi:prod::clinic::{getattr(dynamic, kind).pulumi_type}::{name}"


class PluginFace(Face):
    """The face of `allomia_pulumi.native` and of other languages: our own server."""

    program = "from allomia_pulumi.provider.plugin import main; main()"

    def _end(self) -> None:
        """Our own server ends on the first signal, whatever gRPC's threads are at."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0

    def _settings(self) -> dict[str, str]:
        return self.configuration

    def _internal(self, props: dict[str, Any], name: str | None) -> dict[str, Any]:  # noqa: ARG002
        return props

    @staticmethod
    def urn(name: str, kind: str = "OrganizationApiKey") -> str:
        return f"urn:pulumi:prod::clinic::allomia:index:{kind}::{name}"

    def check(self, olds: dict[str, Any], news: dict[str, Any], *, name: str | None = None) -> dict[str, Any]:
        """Check inputs, and what is new also as the engine does next in a preview, which is where this face judges."""
        inputs = super().check(olds, news, name=name)
        if not olds:
            properties = _struct(self._internal(inputs, name))
            self._call(
                self._stub.Create,
                provider_pb2.CreateRequest(urn=self._urn(name), properties=properties, preview=True),
            )
        return inputs

    def preview(self, id_: str, outputs: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Return what an update in a preview says that the outputs will be."""
        request = provider_pb2.UpdateRequest(
            id=id_, urn=self._urn(None), olds=_struct(outputs), news=_struct(news), preview=True
        )
        answer = self._call(self._stub.Update, request)
        self.last_answer = MessageToDict(answer.properties)
        return _plain(answer.properties)


FACES = [DynamicFace, PluginFace]


def _kept(metadata: Any) -> Kept | None:
    for name, value in metadata or ():
        if name == DETAILS:
            status = status_pb2.Status.FromString(value)
            detail = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(detail)
            return Kept(detail.id, _plain(detail.properties), list(detail.reasons), MessageToDict(detail.properties))
    return None


def _struct(value: dict[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(json.loads(json.dumps(value)))
    return message


def _plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties as the engine hands them on: without secret marks."""
    return {name: _unwrap(value) for name, value in MessageToDict(message).items()}


def _unwrap(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return _unwrap(value["value"])
        return {name: _unwrap(item) for name, item in value.items()}
    return value


def is_marked_secret(answer: dict[str, Any], name: str) -> bool:
    value = answer.get(name)
    return isinstance(value, dict) and value.get(SIGNATURE_KEY) == SECRET_SIGNATURE
