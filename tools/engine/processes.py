"""Children of the demo and the tests: started in a session of their own, awaited, and always ended."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias, TypeVar

from tools.engine import trail

__all__ = ["CHECKOUT", "Child", "ToolError", "capture", "free_port", "launch", "scratch_folder", "stop"]

Found = TypeVar("Found")
Stream: TypeAlias = int | IO[bytes] | None

CHECKOUT = Path(__file__).parents[2]
POLL_SECONDS = 0.02
START_SECONDS = 20.0
GRACE_SECONDS = 5.0
TAIL_LINES = 30


class ToolError(Exception):
    """The engine, or a server beside it, did not do what the demo or a test needs.

    Args:
        message: What happened.
        hint: The next step, on a line of its own.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("\n".join(filter(None, (message, hint))))


def free_port() -> int:
    """Return a loopback port that nothing listens on now; another process may still take it first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def scratch_folder(name: str, *, keeps: bool = False) -> Iterator[Path]:
    """Make a folder for us only, and remove it at the end; with `keeps` only when there was an exception."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not keeps:
        shutil.rmtree(folder, ignore_errors=True)


def launch(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream = subprocess.DEVNULL,
    outlives_us: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a Ctrl-C at the terminal reaches us and not it.

    Where the machine can do it, the program gets a SIGTERM when the thread that started it ends, however that happens;
    not so one that `outlives_us`. An `environment` is the whole one; None inherits ours.

    Raises:
        OSError: The program cannot be started.
    """
    guard = () if outlives_us else _death_guard()
    return subprocess.Popen(
        [*guard, *map(str, command)],
        env=environment,
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def stop(
    process: subprocess.Popen[bytes], *, gently: signal.Signals = signal.SIGTERM, grace: float = GRACE_SECONDS
) -> None:
    """End a program that `launch` started, with its process group: a signal first, SIGKILL after the grace."""
    for each in (gently, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)


def capture(
    command: Sequence[str | Path],
    wait: Callable[[subprocess.Popen[bytes]], None],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str = "",
    gently: signal.Signals = signal.SIGTERM,
    grace: float = GRACE_SECONDS,
) -> tuple[int, str, str]:
    """Run a program that `launch` starts, and return its exit code and both outputs.

    `wait` returns when the program has ended. When it raises, or returns too early, the program is ended by `stop` with
    `gently` and `grace`.

    Raises:
        OSError: The program cannot be started.
    """
    # Files, not pipes: a child that outlives the program would keep a pipe open.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        given.write(stdin.encode())
        given.seek(0)
        process = launch(command, environment=environment, folder=folder, stdin=given, stdout=stdout, stderr=stderr)
        try:
            wait(process)
        finally:
            stop(process, gently=gently, grace=grace)
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return process.returncode, texts[0], texts[1]


class Child:
    """A server that runs as long as its context, with its output in a log file.

    Args:
        name: What it is called in messages.
        log: Where its stdout and stderr go; made anew, readable for us only.
        hidden: What the messages of errors leave out of the log.
        keeps_running: Leave it running when the context ends without an exception, and when we end.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        hidden: re.Pattern[str] | None = None,
        keeps_running: bool = False,
    ) -> None:
        self._name, self._command, self._log = name, command, log
        self._environment, self._folder = environment, folder
        self._hidden, self._keeps_running = hidden, keeps_running
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as log:
            self._process = launch(
                self._command,
                environment=self._environment,
                folder=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                outlives_us=self._keeps_running,
            )
        trail.open_log(self._name, self._log, self._hidden)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None or not self._keeps_running:
            self.stop()
        trail.close_log(self._log)

    @property
    def pid(self) -> int:
        """The process id, also that of its session and process group."""
        return self._started.pid

    def stop(self) -> None:
        """End it now; nothing happens when it has ended."""
        stop(self._started)

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Wait until the output has the pattern, and return the match.

        Raises:
            ToolError: It ended first, or the time is over.
        """
        return self.wait_until(lambda: re.search(pattern, self.output()), seconds)

    def wait_until(self, look: Callable[[], Found | None], seconds: float = START_SECONDS) -> Found:
        """Wait until `look` returns something that counts as true, and return that.

        Raises:
            ToolError: It ended first, or the time is over; the message ends with the last lines of its output.
        """
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if self._started.poll() is not None:
                raise ToolError(f"{self._name} ended with exit code {self._started.returncode}.", self.tail())
            if time.monotonic() > deadline:
                raise ToolError(f"{self._name} was not ready after {seconds:.0f} seconds.", self.tail())
            time.sleep(POLL_SECONDS)
        return found

    def output(self) -> str:
        """Return what it has printed so far, in clear."""
        return self._log.read_text(errors="replace")

    def tail(self) -> str:
        """Return the last lines of its output, without what is hidden."""
        lines = "\n".join(self.output().splitlines()[-TAIL_LINES:])
        return self._hidden.sub("(hidden)", lines) if self._hidden else lines

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ToolError(f"{self._name} has not been started.")
        return self._process


@functools.cache
def _death_guard() -> tuple[str, ...]:
    # A preexec_fn would do the same, but is unsafe, and a warning from Python 3.12 on, when we have threads.
    setpriv = shutil.which("setpriv")
    guard = (setpriv or "", "--pdeathsig", "TERM", "--")
    if setpriv is None or subprocess.run([*guard, "true"], check=False, capture_output=True).returncode != 0:
        return ()
    return guard
