"""The sandbox as a process of its own: what only a real connection and a real process can show."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "allomia_pulumi.sandbox"]
PREFIX = "AlloMia sandbox on "
FOREVER = 3600
PATIENCE = 30


class Remote:
    """A sandbox process and a client of it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().rstrip("\n")
        self.client = httpx.Client(base_url=self.first_line.removeprefix(PREFIX), trust_env=False, timeout=PATIENCE)

    def set_scene(self) -> None:
        self.control("POST", "reset")
        tenant = self.control("POST", "tenants", {"name": "Coastal Group"})
        self.headers = {"Authorization": f"Bearer {tenant['key']}"}
        body = {"tenantId": tenant["id"], "name": "Valley Health Clinic"}
        self.keys = f"/api/organization/{self.control('POST', 'organizations', body)['id']}/api-keys"

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        response = self.client.request(method, f"/sandbox/{path}", json=body)
        assert response.is_success, response.text
        return dict(response.json())

    def mint(self, timeout: float = PATIENCE) -> httpx.Response:
        return self.client.post(self.keys, headers=self.headers, json={"name": "ehr-sync"}, timeout=timeout)

    def raw_mint(self) -> socket.socket:
        """Send a whole request by a socket of its own."""
        body = b'{"name": "ehr-sync"}'
        head = (
            f"POST {self.keys} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {self.headers['Authorization']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = socket.create_connection(("127.0.0.1", self.client.base_url.port or 0), timeout=PATIENCE)
        connection.sendall(head.encode() + body)
        return connection

    def events(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "events")["events"])

    def end(self, signal_number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """End the process, and return its exit code and what it wrote after its first line."""
        assert self.process.stdout
        assert self.process.stderr
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE), self.process.stdout.read(), self.process.stderr.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.kill()
        self.process.__exit__(None, None, None)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a sandbox that is expected not to start."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)


def until(is_true: Callable[[], object]) -> None:
    """Ask again until it is true; the test fails when it does not become true."""
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def process() -> Iterator[Remote]:
    with Remote() as remote:
        yield remote
        assert remote.end() == (0, "", "")


@pytest.fixture
def remote(process: Remote) -> Remote:
    process.set_scene()
    return process


def test_it_says_where_it_listens_and_answers_there(remote: Remote) -> None:
    assert remote.first_line == f"{PREFIX}http://127.0.0.1:{remote.client.base_url.port}"
    response = remote.mint()
    assert response.status_code == 201
    assert response.headers["x-allomia-sandbox"] == "1"
    assert len(response.headers.get_list("date")) == 1
    assert "server" not in response.headers


@pytest.mark.parametrize(("kind", "minted"), [("drop_before", 0), ("drop_after", 1)])
def test_a_drop_ends_the_connection_without_a_byte(remote: Remote, kind: str, minted: int) -> None:
    remote.control("POST", "faults", {"kind": kind, "method": "POST", "path": "*/api-keys"})
    with remote.raw_mint() as connection:
        assert connection.recv(1) == b""

    assert remote.control("GET", "events")["counts"]["alive"] == minted
    assert remote.events()[-1]["answered"] is False
    assert remote.mint().status_code == 201, "the server goes on"


@pytest.mark.parametrize(("kind", "minted"), [("drop_before", 0), ("drop_after", 1)])
def test_a_drop_can_be_a_connection_reset(remote: Remote, kind: str, minted: int) -> None:
    remote.control("POST", "faults", {"kind": kind, "method": "POST", "path": "*/api-keys", "reset": True})
    with remote.raw_mint() as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)

    assert remote.control("GET", "events")["counts"]["alive"] == minted
    assert remote.mint().status_code == 201, "the server goes on"


def test_a_client_sees_a_drop_as_a_transport_error(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "drop_after"})

    with pytest.raises(httpx.TransportError):
        remote.mint()


def test_a_truncated_answer_promises_all_and_sends_half(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "truncate"})

    with (
        remote.client.stream("POST", remote.keys, headers=remote.headers, json={"name": "ehr-sync"}) as response,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        response.read()

    assert response.status_code == 201
    assert response.num_bytes_downloaded == int(response.headers["content-length"]) // 2 > 0
    event = remote.events()[-1]
    assert (event["type"], event["fault"], event["answered"]) == ("minted", "truncate", False)


def test_a_drip_holds_the_rest_back_byte_by_byte(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "drip", "seconds": FOREVER})

    with remote.client.stream("POST", remote.keys, headers=remote.headers, json={"name": "x"}) as response:
        assert next(response.iter_raw()) == b"{"

    assert int(response.headers["content-length"]) > 1
    event = remote.events()[-1]
    assert (event["type"], event["answered"]) == ("minted", False)


def test_a_late_answer_finds_no_client_and_is_not_called_answered(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "delay_after", "seconds": FOREVER})

    with pytest.raises(httpx.ReadTimeout):
        remote.mint(timeout=0.2)

    until(remote.events)
    assert [(event["type"], event["answered"]) for event in remote.events()] == [("minted", False)]


def test_a_delayed_request_is_carried_out_although_its_client_left(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "delay_before", "seconds": 1})

    with pytest.raises(httpx.ReadTimeout):
        remote.mint(timeout=0.2)

    until(remote.events)
    assert [(event["type"], event["answered"]) for event in remote.events()] == [("minted", False)]


def test_a_request_delayed_over_a_reset_leaves_no_trace_in_the_new_world(remote: Remote) -> None:
    remote.control("POST", "faults", {"kind": "delay_before", "seconds": 0.5})
    answers: list[int] = []
    minting = threading.Thread(target=lambda: answers.append(remote.mint().status_code))
    minting.start()
    until(lambda: remote.control("GET", "faults")["faults"][0]["hits"])

    remote.control("POST", "reset")
    minting.join(PATIENCE)

    assert answers == [201]
    assert remote.control("GET", "events")["last"] == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells which process holds a connection")
def test_an_event_names_the_process_that_asked(remote: Remote) -> None:
    remote.mint()
    code = f"import httpx; httpx.get({str(remote.client.base_url.join(remote.keys))!r}, trust_env=False)"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        assert other.wait(PATIENCE) == 0

    assert [event["pid"] for event in remote.events()] == [os.getpid(), other.pid]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_even_while_requests_wait(signal_number: signal.Signals) -> None:
    with Remote() as remote:
        remote.set_scene()
        for kind in ("drop_before", "drop_after", "truncate"):
            remote.control("POST", "faults", {"kind": kind})
            with pytest.raises(httpx.TransportError):
                remote.mint()
        for kind in ("drip", "delay_before", "delay_after"):
            remote.control("POST", "faults", {"kind": kind, "seconds": FOREVER})
            with pytest.raises(httpx.ReadTimeout):
                remote.mint(timeout=0.2)
        port = remote.client.base_url.port or 0
        with contextlib.ExitStack() as halves:
            for path in (remote.keys, "/sandbox/tenants"):
                half = halves.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
                half.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{{".encode())

            assert remote.end(signal_number) == (0, "", "")


def test_the_tenant_key_goes_to_a_private_file_that_ends_with_the_sandbox_and_never_to_the_terminal(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tenant.key"
    with Remote("--tenant-key-file", str(file)) as remote:
        headers = {"Authorization": f"Bearer {file.read_text()}"}
        answer = remote.client.get("/api/organization", headers=headers).json()

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [each["name"] for each in answer["organizations"]] == ["Valley Health Clinic"]
        assert remote.end() == (0, f"The tenant key is in {file}\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_what_is_there_already_is_not_overwritten(tmp_path: Path, kind: str) -> None:
    target, file = tmp_path / "target", tmp_path / "tenant.key"
    if kind == "folder":
        file.mkdir()
    elif kind == "file":
        file.write_text("somebody's")
    else:
        file.symlink_to(target)
    if kind == "link":
        target.write_text("somebody's")
    result = run("--tenant-key-file", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{file} is there already, and was not overwritten" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not target.exists() or target.read_text() == "somebody's"
    assert kind != "file" or file.read_text() == "somebody's"


def test_the_end_of_the_terminal_leaves_nothing_behind(tmp_path: Path) -> None:
    with Remote("--tenant-key-file", str(tmp_path / "tenant.key")) as remote:
        assert remote.end(signal.SIGHUP)[0] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("theirs", [b"somebody's", b"\xff\xfe"])
def test_a_file_that_somebody_else_has_put_there_since_is_not_removed(tmp_path: Path, theirs: bytes) -> None:
    file = tmp_path / "tenant.key"
    with Remote("--tenant-key-file", str(file)) as remote:
        file.write_bytes(theirs)
        code, _, stderr = remote.end()
        assert (code, stderr) == (0, "")
    assert file.read_bytes() == theirs


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])  # noqa: S104 - it must be refused
def test_it_refuses_to_serve_beyond_loopback(host: str) -> None:
    result = run("--host", host)

    assert (result.returncode, result.stdout) == (1, "")
    assert "loopback" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_taken_port_is_one_clear_line(remote: Remote) -> None:
    port = str(remote.client.base_url.port)
    result = run("--port", port)

    assert (result.returncode, result.stdout) == (1, "")
    assert port in result.stderr
    assert len(result.stderr.splitlines()) == 1
