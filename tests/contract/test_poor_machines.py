"""A machine without a home, a locale, a terminal, a writable folder or room on its disk: the plugin still answers."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.contract.faces import CALL_SECONDS, PluginFace
from tools.engine.sandbox import Sandbox

PLUGIN = Path(sys.executable).with_name("pulumi-resource-allomia")
NAME = "Zürich · 日本"


ROOM = 16
"""Bytes that still fit into a file: Pulumi's SDK does not even load where no temporary file can be made."""


def fill_the_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


@contextmanager
def poor(folder: Path, environ: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], list[bytes]]]:
    """Run the plugin in a folder that nobody may write to, on a full disk, its stderr full as well."""
    folder.chmod(0o500)
    said: list[bytes] = []
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(
            [PLUGIN],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=full,
            # Python takes what fits of a compiled module for the whole, and leaves it to whoever comes next.
            env={"PYTHONDONTWRITEBYTECODE": "1", **environ},
            cwd=folder,
            preexec_fn=fill_the_disk,  # noqa: PLW1509 - there is one thread here
        ) as process,
    ):
        assert process.stdout is not None
        said.append(process.stdout.readline())
        try:
            yield process, said
        finally:
            process.send_signal(signal.SIGINT)
            said.append(process.stdout.read())
    folder.chmod(0o700)


@pytest.mark.catalogue(56)
@pytest.mark.parametrize("locale", [{}, {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_plugin_on_a_poor_machine_mints_and_revokes(sandbox: Sandbox, tmp_path: Path, locale: dict[str, str]) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, NAME)
    with (
        poor(tmp_path, {"ALLOMIA_TENANT_KEY": tenant.key, **locale}) as (process, said),
        grpc.insecure_channel(f"127.0.0.1:{int(said[0])}") as channel,
    ):
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        configure = provider_pb2.ConfigureRequest()
        configure.args.update({"apiUrl": sandbox.address})
        stub.Configure(configure, timeout=CALL_SECONDS)
        urn = PluginFace.urn("poor")
        check = provider_pb2.CheckRequest(urn=urn)
        check.news.update({"organizationId": organization, "name": NAME})
        checked = stub.Check(check, timeout=CALL_SECONDS)
        assert not checked.failures
        made = stub.Create(provider_pb2.CreateRequest(urn=urn, properties=checked.inputs), timeout=CALL_SECONDS)
        (alive,) = sandbox.alive(organization)
        assert alive.name.startswith(f"{NAME}--p1")
        stub.Delete(provider_pb2.DeleteRequest(id=made.id, urn=urn, properties=made.properties), timeout=CALL_SECONDS)
        assert sandbox.alive(organization) == []
    assert process.returncode == 0
    assert said[1] == b""


@pytest.mark.catalogue(56)
def test_a_plugin_on_a_poor_machine_says_what_is_wrong(tmp_path: Path) -> None:
    with (
        poor(tmp_path, {"LANG": "C"}) as (process, said),
        grpc.insecure_channel(f"127.0.0.1:{int(said[0])}") as channel,
    ):
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(), timeout=CALL_SECONDS)
        check = provider_pb2.CheckRequest(urn=PluginFace.urn("poor"))
        check.news.update({"organizationId": "org"})
        (failure,) = stub.Check(check, timeout=CALL_SECONDS).failures
        assert "no tenant key is configured" in failure.reason
    assert process.returncode == 0
