"""What the tests of the Vault edge share: a way to read, a server that misbehaves on demand, a search for secrets."""

from __future__ import annotations

import json
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import hvac
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.config import load_settings
from allomia_pulumi.ground.references import parse_reference
from tests.fakes import FakeClock
from tools.engine.openbao import OpenBao

TOKEN = "s.CanaryTokenCanaryToken0001"
KEY = "alm_tenant_canary_0000000000000001"


@contextmanager
def opened(environ: Mapping[str, str], clock: Clock | None = None, **vault: object) -> Iterator[Vault]:
    """Open a Vault as a stack with that environment, and that `allomia:vault`, would."""
    settings = load_settings({"vault": json.dumps(vault)} if vault else {}, environ)
    opened = Vault(settings.vault, environ, clock or FakeClock(), settings.sources)
    try:
        yield opened
    finally:
        opened.close()


def read(reference: object, environ: Mapping[str, str], clock: Clock | None = None, **vault: object) -> str:
    """Read one secret and close again."""
    with opened(environ, clock, **vault) as source:
        return source.read_secret(parse_reference(reference, "the reference")).get_secret_value()


def everything_told(error: BaseException) -> str:
    """Return all that a log or a crash report could show of an error, its chain included."""
    told = []
    todo: list[BaseException | None] = [error]
    while todo:
        problem = todo.pop()
        if problem is not None:
            told += [str(problem), repr(problem), repr(problem.args), repr(vars(problem))]
            told += traceback.format_exception(problem)
            shown = traceback.TracebackException.from_exception(problem, capture_locals=True)
            ours = [frame.locals or {} for frame in shown.stack if "allomia_pulumi" in frame.filename]
            told += [f"{name} {value}" for variables in ours for name, value in variables.items() if name != "environ"]
            todo += [problem.__cause__, problem.__context__]
    return "\n".join(told)


def mount_kv(client: hvac.Client, path: str, version: str, namespace: str = "") -> None:
    """Mount a KV store and wait until it serves: a fresh KV v2 refuses requests for a moment."""
    mount = {"type": "kv", "options": {"version": version}}
    client.adapter.post(f"/v1/{namespace}sys/mounts/{path}", json=mount)
    until = time.monotonic() + 5
    while version == "2" and time.monotonic() < until:
        if isinstance(client.adapter.get(f"/v1/{namespace}{path}/config", raise_exception=False), dict):
            return
        time.sleep(0.01)


def need_namespaces(server: OpenBao) -> None:
    """Skip the test on a product that has none."""
    if not server.product.has_namespaces:
        pytest.skip(f"{server.product} has no namespaces: of Vault, only the Enterprise edition does")


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Exchange(BaseHTTPRequestHandler):
    """One request to the stand-in."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else head and body travel apart, and each answer waits for an acknowledgement
    server: _Server

    def answer(self, status: int, body: object = None, headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        self.send_response(status)
        for name, value in kind.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        seen = Seen(self.command, self.path, dict(self.headers), self.rfile.read(length))
        with self.server.lock:
            self.server.seen.append(seen)
            act = self.server.script.pop(0) if self.server.script else healthy
        try:
            act(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = handle_any  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


Act = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.lock = threading.Lock()
        self.seen: list[Seen] = []
        self.script: list[Act] = []

    def handle_error(self, *_: object) -> None:
        """Keep quiet: clients that give up are what these tests are about."""

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]


@contextmanager
def stand_in(*script: Act, tls: ssl.SSLContext | None = None) -> Iterator[_Server]:
    """Serve like a healthy Vault, after the acts of a script, one for each request."""
    with _Server(tls) as server:
        server.script = list(script)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def healthy(exchange: Exchange) -> None:
    """Answer as a Vault with a KV v2 mount `secret` that holds the canary key everywhere."""
    if exchange.path.startswith("/v1/sys/internal/ui/mounts/"):
        exchange.answer(200, {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}})
    elif exchange.path.endswith("/login"):
        exchange.answer(200, {"auth": {"client_token": TOKEN}})
    elif exchange.path.endswith("/revoke-self"):
        exchange.send_response(204)
        exchange.end_headers()
    elif exchange.path.endswith("/lookup-self"):
        exchange.answer(200, {"data": {"ttl": 60}})
    else:
        exchange.answer(200, {"data": {"data": {"api_key": KEY}, "metadata": {"version": 1}}})


def answer(status: int, body: object = None, **headers: str) -> Act:
    """Answer with a status, a JSON body, and headers whose `_` stand for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.answer(status, body if body is not None else {"errors": []}, named)


def drip(head: bytes, pieces: int = 200, seconds: float = 0.02) -> Act:
    """Send the head at once, then one byte after another; never late for whoever times single reads."""

    def act(exchange: Exchange) -> None:
        exchange.wfile.write(head)
        exchange.wfile.flush()
        for _ in range(pieces):
            exchange.wfile.write(b" ")
            exchange.wfile.flush()
            time.sleep(seconds)
        exchange.close_connection = True

    return act


def hang_up(exchange: Exchange) -> None:
    """Close the connection without an answer."""
    exchange.close_connection = True


def certificate(folder: Path, name: str = "localhost", address: str = "127.0.0.1", days: int = 1) -> Path:
    """Write a self-signed certificate and its key into one PEM file; negative days make it an expired one."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(address))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=10))
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    return file


def server_side(file: Path) -> ssl.SSLContext:
    """Return what a server needs to show that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
