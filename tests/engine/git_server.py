"""Git repositories over TLS on a loopback port, by a host name of our own that a proxy knows."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.vaults import certificate, server_side

__all__ = ["HOST", "GitServer", "commit", "serve_git"]

HOST = "git.clinic.example"
AUTHOR = ("-c", "user.name=clinic", "-c", "user.email=clinic@example.invalid", "-c", "commit.gpgsign=false")
CHUNK_BYTES = 65536


@dataclass(frozen=True)
class GitServer:
    """Where repositories go, and what a command's environment needs to reach them.

    Attributes:
        folder: `<owner>/<name>.git` below it is `HOST/<owner>/<name>.git`.
        environment: The proxy and the authority.
    """

    folder: Path
    environment: dict[str, str]


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git in a folder and return what it printed."""
    command = ["git", *AUTHOR, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(server: GitServer, name: str, sources: Path, tags: Sequence[str] = ()) -> str:
    """Put a folder into a repository of its own, and return the commit."""
    git(sources, "init", "-q", "-b", "main")
    git(sources, "add", "-A")
    git(sources, "commit", "-q", "-m", "Publish")
    for tag in tags:
        git(sources, "tag", tag)
    repository = server.folder / name
    git(sources, "clone", "-q", "--bare", sources, repository)
    return git(sources, "rev-parse", "HEAD")


@contextmanager
def serve_git(folder: Path) -> Iterator[GitServer]:
    """Serve until the block ends."""
    repositories = folder / "repositories"
    repositories.mkdir(parents=True)
    pem = certificate(folder, HOST)
    exchange = type("Exchange", (_Exchange,), {"repositories": repositories})
    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), exchange))
        server.socket = server_side(pem).wrap_socket(server.socket, server_side=True)
        proxy = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_accept, args=(proxy, server.server_address[1]), daemon=True).start()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        at = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        own = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        yield GitServer(repositories, {"HTTPS_PROXY": at, "https_proxy": at, "SSL_CERT_FILE": str(pem), **own})


class _Exchange(BaseHTTPRequestHandler):
    """One request, answered by git's own program for the web."""

    protocol_version = "HTTP/1.1"
    repositories: Path

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._answer(b"".join(self._chunks()))
        else:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        asked = {
            "GIT_PROJECT_ROOT": str(self.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        done = subprocess.run(command, input=body, env={**os.environ, **asked}, check=True, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _accept(proxy: socket.socket, port: int) -> None:
    with suppress(OSError):  # the end of the block closes the proxy
        while True:
            connection, _ = proxy.accept()
            threading.Thread(target=_tunnel, args=(connection, port), daemon=True).start()


def _tunnel(connection: socket.socket, port: int) -> None:
    with connection, suppress(OSError):
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(CHUNK_BYTES)
        if asked.split()[1] != f"{HOST}:443".encode():
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(server, connection), daemon=True)
            back.start()
            _copy(connection, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
