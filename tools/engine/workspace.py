"""One isolated Pulumi project: its own folder, backend, Pulumi home, passphrase and environment."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from tools.engine import trail
from tools.engine.build import Engine
from tools.engine.processes import ToolError, capture, launch, stop

__all__ = ["Program", "Result", "Workspace"]

Program: TypeAlias = Path | Mapping[str, str]

# What would let the caller's own Pulumi, AlloMia or Vault leak into the project.
FOREIGN_VARIABLES = ("ALLOMIA_", "BAO_", "PULUMI_", "VAULT_")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".venv", "venv", "node_modules", "Pulumi.*.yaml")
# The backend, HOME, PULUMI_HOME and TMPDIR.
FOLDERS = ("state", "home", "pulumi", "tmp")
TIMEOUT_SECONDS = 120.0
# After one interrupt the engine waits for the calls under way.
INTERRUPT_SECONDS = 15.0
REVEALING = "--show-secrets"


@dataclass(frozen=True)
class Result:
    """How a command of the CLI ended; its output is not in the repr, because it may hold secrets."""

    command: str
    code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)

    @property
    def text(self) -> str:
        """Both outputs."""
        return self.stdout + self.stderr

    def check(self) -> Self:
        """Return the result itself if the command succeeded.

        Raises:
            ToolError: It did not; the message has the output, unless secrets were asked for.
        """
        if self.code != 0:
            shown = self.stderr if REVEALING in self.command else self.text
            raise ToolError(f"`{self.command}` ended with exit code {self.code}.\n{shown}")
        return self


class Workspace:
    """A Pulumi project that shares nothing with the caller's, driven by the real CLI.

    Args:
        program: A folder to copy, or the text of each file by its name.
        root: Where everything goes; None makes a temporary folder that `close` removes.
        path: Folders for the front of PATH, before the engine's: further language hosts.
        is_watched: Note the arguments of its processes for a search afterwards; it takes time from them.

    Attributes:
        folder: The project: `Pulumi.yaml` and the program.
        env: The whole environment of every command; change it at will.
    """

    def __init__(
        self,
        engine: Engine,
        program: Program,
        root: Path | None = None,
        *,
        path: Sequence[Path] = (),
        is_watched: bool = True,
    ) -> None:
        self._engine = engine
        self._path = path
        self._is_watched = is_watched
        self._is_temporary = root is None
        self._started: list[subprocess.Popen[bytes]] = []
        self.root = root or Path(tempfile.mkdtemp(prefix="pulumi-"))
        self.folder = self.root / "project"
        self._backend = self.root / "state"
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True)
        self.write(program)
        self.env = self._environment()
        self._arguments = trail.ArgumentWatch(self._mark)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of this project, leave what they wrote on the trail, and remove a temporary folder."""
        self._arguments.stop(self.root.name)
        for process in self._started:
            stop(process)
        self._end_leftovers()
        for process in self._started:
            _empty_pipes(process)
        for folder in [self.root] if self.folder.is_relative_to(self.root) else [self.root, self.folder]:
            trail.show_folder(folder.name, folder, is_going=self._is_temporary)
        if self._is_temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def write(self, program: Program) -> None:
        """Put the program into the project, over what is there."""
        if isinstance(program, Path):
            shutil.copytree(program, self.folder, dirs_exist_ok=True, ignore=LEFT_BEHIND)
            return
        self.folder.mkdir(exist_ok=True)
        for name, text in program.items():
            (self.folder / name).write_text(text)

    def init(self, stack: str = "test") -> Result:
        """Make a stack and select it."""
        return self.run("stack", "init", stack).check()

    def config_set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> Result:
        """Set a configuration value; it goes by stdin, because anybody on the machine can read arguments."""
        flags = [*(["--secret"] if secret else []), *(["--path"] if path else [])]
        return self.run("config", "set", key, *flags, stdin=value).check()

    def preview(self, *arguments: str) -> Result:
        """Run `pulumi preview`."""
        return self.run("preview", *arguments)

    def up(self, *arguments: str) -> Result:
        """Run `pulumi up`, which previews first unless `--skip-preview` is given."""
        return self.run("up", "--yes", *arguments)

    def refresh(self, *arguments: str) -> Result:
        """Run `pulumi refresh`."""
        return self.run("refresh", "--yes", *arguments)

    def destroy(self, *arguments: str) -> Result:
        """Run `pulumi destroy`."""
        return self.run("destroy", "--yes", *arguments)

    def cancel(self) -> Result:
        """Remove the lock that a killed command left."""
        return self.run("cancel", "--yes").check()

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return the stack's outputs; a secret one is `[secret]` unless it is asked for."""
        flags = [REVEALING] if show_secrets else []
        outputs: dict[str, Any] = json.loads(self.run("stack", "output", "--json", *flags).check().stdout)
        return outputs

    def export(self) -> dict[str, Any]:
        """Return the stack's state, with secrets encrypted."""
        state: dict[str, Any] = json.loads(self.run("stack", "export").check().stdout)
        return state

    def state_files(self) -> list[Path]:
        """Return every file of the backend: state, backups, history and locks."""
        return sorted(path for path in self._backend.rglob("*") if path.is_file())

    @contextmanager
    def refusing_backend(self) -> Iterator[None]:
        """Let the backend refuse to write a state, as one does whose credentials have expired, until the block ends.

        What it had stays; a state cannot be read meanwhile either.
        """
        with ExitStack() as refused:
            for states in (self._backend / ".pulumi" / "stacks").iterdir():
                refused.enter_context(_hidden(states))
            yield

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = TIMEOUT_SECONDS, stdin: str = ""
    ) -> Result:
        """Run a command of the CLI to its end, with `env` on top of the workspace's environment.

        Raises:
            ToolError: It took more than `timeout` seconds; it is interrupted then, and also when we are.
        """
        shown = f"pulumi {' '.join(arguments)}"
        return self._run(shown, self._command(arguments), env=env, timeout=timeout, stdin=stdin)

    def call(
        self, *command: str | Path, env: Mapping[str, str] | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> Result:
        """Run any other program as `run` runs the CLI; its name is looked up on our own PATH.

        Raises:
            ToolError: As `run`.
        """
        return self._run(" ".join(map(str, command)), command, env=env, timeout=timeout, stdin="")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of the CLI in a process group of its own, with its output in pipes; for tests that kill.

        `close` ends it, and what it may have left.
        """
        if self._is_watched:
            self._arguments.start()
        process = launch(
            self._command(arguments),
            environment=self.env,
            folder=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        _show_what_is_read(process, f"pulumi {' '.join(arguments)}")
        return process

    def _run(
        self, shown: str, command: Sequence[str | Path], *, env: Mapping[str, str] | None, timeout: float, stdin: str
    ) -> Result:
        def wait(process: subprocess.Popen[bytes]) -> None:
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise ToolError(f"`{shown}` did not end within {timeout:.0f} seconds.") from None

        if self._is_watched:
            self._arguments.start()
        code, stdout, stderr = capture(
            command,
            wait,
            environment={**self.env, **(env or {})},
            folder=self.folder,
            stdin=stdin,
            gently=signal.SIGINT,
            grace=INTERRUPT_SECONDS,
        )
        if REVEALING not in shown:
            trail.show(f"stdout of {shown}", stdout)
            trail.show(f"stderr of {shown}", stderr)
        return Result(shown, code, stdout, stderr)

    @property
    def _mark(self) -> str:
        return f"PULUMI_HOME={self.root / 'pulumi'}"

    def _command(self, arguments: tuple[str, ...]) -> list[str | Path]:
        return [self._engine.pulumi, "--non-interactive", *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
        # The environment's own python3 first: it is what a real Pulumi starts.
        own = [Path(sys.executable).parent, *self._path, *self._engine.path_entries()]
        path = [*own, inherited.get("PATH", os.defpath)]
        return {
            **inherited,
            **self._engine.environment(),
            "HOME": str(self.root / "home"),
            "NO_COLOR": "1",
            "PATH": os.pathsep.join(map(str, path)),
            "PULUMI_BACKEND_URL": self._backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(16),
            "PULUMI_HOME": str(self.root / "pulumi"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "TMPDIR": str(self.root / "tmp"),
        }

    def _end_leftovers(self) -> None:
        # A killed CLI leaves its provider processes, which are known by their environment; only Linux shows that.
        mark = self._mark.encode()
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in environment.read_bytes().split(b"\0"):
                    os.kill(int(environment.parent.name), signal.SIGKILL)


@contextmanager
def _hidden(folder: Path) -> Iterator[None]:
    """Have a file stand where a folder was: permissions would not stop root."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def _show_what_is_read(process: subprocess.Popen[bytes], shown: str) -> None:
    communicate = process.communicate

    def remember(data: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        stdout, stderr = communicate(data, timeout)
        trail.show(f"stdout of {shown}", stdout)
        trail.show(f"stderr of {shown}", stderr)
        return stdout, stderr

    process.communicate = remember  # type: ignore[assignment, method-assign] # Popen's is overloaded


def _empty_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes, with what nobody has read on the trail."""
    for pipe in filter(None, (process.stdout, process.stderr)):
        if not pipe.closed:
            # A process that outlived the command and our search would keep the pipe open for ever.
            os.set_blocking(pipe.fileno(), False)
            trail.show(f"unread output of {process.args!r}", pipe.read() or b"")
            pipe.close()
