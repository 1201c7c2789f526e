"""The plugin as a process of its machine: behind a proxy, interrupted anywhere, and asked by more than its engine."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.contract.faces import CALL_SECONDS, DynamicFace, Face, FaceError, PluginFace
from tests.faults.peers import answers, peer
from tools.engine.sandbox import Sandbox

PLUGIN = Path(sys.executable).with_name("pulumi-resource-allomia")
EXPLICIT = "urn:pulumi:prod::clinic::pulumi:providers:allomia::north"
COMPANY_PROXY = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "grpc_proxy"), "http://127.0.0.1:1")

STRUCK = """
import signal, sys
from allomia_pulumi.provider.plugin import process

def strike(frame, event, argument):
    if event == "line" and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.raise_signal(signal.SIGTERM)
    return strike

sys.settrace(strike)
process.run()
"""
"""A signal at every line that the main thread runs once there is a handler, also where it holds a lock."""


@pytest.mark.catalogue(73)
@pytest.mark.parametrize("kind", [DynamicFace, PluginFace])
def test_behind_a_company_proxy_the_provider_serves_and_speaks_to_its_engine(
    kind: type[Face], sandbox: Sandbox
) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with kind({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key, **COMPANY_PROXY}) as face:
        _, outputs = face.up({"organizationId": organization})
        assert sandbox.key_status(organization, outputs["secret"]) == 200
        # What it warns of goes to the engine's log, on a channel of its own.
        face.up({"organizationId": organization})
        assert "an earlier call of this run made key" in face.warnings[0]
        face._server.stop(0).wait()
        assert face.process.wait(30) == 0


@pytest.mark.catalogue(74)
def test_a_signal_at_any_line_ends_the_process_and_locks_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", STRUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            _, said = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert (process.returncode, said) == (0, b"")


@pytest.mark.catalogue(75)
def test_g3_a_second_configuration_with_other_values_is_refused_and_asks_nobody(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with (
        peer(answers(b"{}")) as stranger,
        PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face,
    ):
        with pytest.raises(FaceError, match="is configured already, and with other values") as caught:
            configure(face, {"apiUrl": stranger.address})
        assert caught.value.code == grpc.StatusCode.FAILED_PRECONDITION
        with pytest.raises(FaceError, match="is configured already"):
            configure(face, {"apiUrl": sandbox.address}, urn=EXPLICIT)
        with pytest.raises(FaceError, match="no other one may attach to it"):
            face._call(face._stub.Attach, plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        with pytest.raises(FaceError, match="is configured already"):
            configure(face, {"apiUrl": stranger.address})
        configure(face, {"apiUrl": sandbox.address, "version": "0.1.0"})
        face.up({"organizationId": organization})
        assert stranger.requests == []


@pytest.mark.catalogue(75)
def test_an_engine_that_attaches_brings_its_own_configuration_once(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with started_by_hand(tenant.key) as stub:
        for is_first in (True, False):
            stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"), timeout=CALL_SECONDS)
            address = "http://127.0.0.1:1" if is_first else sandbox.address
            stub.Configure(_configuration({"apiUrl": address}), timeout=CALL_SECONDS)
        with pytest.raises(grpc.RpcError, match="is configured already"):
            stub.Configure(_configuration({"apiUrl": "http://127.0.0.1:1"}), timeout=CALL_SECONDS)
        request = provider_pb2.InvokeRequest(tok="allomia:index:getOrganization")
        request.args.update({"id": organization})
        assert getattr(stub.Invoke(request, timeout=CALL_SECONDS), "return")["name"] == "Valley Health"


def configure(face: PluginFace, values: dict[str, str], urn: str = "") -> None:
    face._call(face._stub.Configure, _configuration(values, urn))


@contextmanager
def started_by_hand(tenant_key: str) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Run the plugin as somebody does who debugs it: no engine has started it."""
    with subprocess.Popen([PLUGIN], stdout=subprocess.PIPE, env={"ALLOMIA_TENANT_KEY": tenant_key}) as process:
        assert process.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                yield provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.send_signal(signal.SIGTERM)


def _configuration(values: dict[str, str], urn: str = "") -> provider_pb2.ConfigureRequest:
    args = struct_pb2.Struct()
    args.update(values)
    return provider_pb2.ConfigureRequest(args=args, urn=urn)
