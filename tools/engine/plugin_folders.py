"""Folders with a `PulumiPlugin.yaml` in Python: installed into a venv, and run, as the vendor's language host does it.

A plugin always has an environment of its own: the folder that the option `virtualenv` names, else `venv` in the
plugin's folder. Other tools than pip are left to the vendor's host.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

__all__ = ["BASICS", "Chunk", "InstallFailed", "PluginFolder", "relay", "start"]

Chunk: TypeAlias = tuple[Literal["stdout", "stderr"], bytes]

DEFAULT_VENV = "venv"
CHUNK_BYTES = 65536
# What the vendor's host asks of pip before anything else, with or without need.
BASICS = ("pip", "setuptools", "wheel")


class InstallFailed(Exception):
    """A step of an installation ended with an exit code; its output is on the stream."""


@dataclass(frozen=True)
class PluginFolder:
    """A plugin's sources and its environment.

    Attributes:
        folder: Where the sources are.
        venv: Where the environment is, or goes; None uses the Python of PATH, as programs may.
    """

    folder: Path
    venv: Path | None

    @classmethod
    def of(cls, root: str, options: Mapping[str, Any], *, is_plugin: bool) -> PluginFolder:
        """Return the folder with the environment that the runtime's options name.

        Raises:
            ValueError: They name a tool that this host does not know.
        """
        if options.get("toolchain", "pip") != "pip":
            raise ValueError(f"this language host knows the toolchain pip only, not {options['toolchain']}")
        venv = options.get("virtualenv") or (DEFAULT_VENV if is_plugin else "")
        return cls(Path(root), Path(root, str(venv)) if venv else None)

    def has_venv(self) -> bool:
        """Return whether the environment is there."""
        return self.venv is not None and self._venv_python.is_file()

    def install(self, *, is_plugin: bool) -> Iterator[Chunk]:
        """Make the environment, and install the requirements; of a plugin that can be built, the package first.

        Yields:
            What pip and venv print.

        Raises:
            InstallFailed: A step failed.
        """
        if is_plugin and self.distribution() is not None:
            if not self.has_venv():
                yield from self._install_requirements()
            yield from self._pip("installing package", str(self.folder))
        yield from self._install_requirements()

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return what runs the plugin: its `__main__.py`, else its package.

        Raises:
            ValueError: There is neither.
        """
        if (self.folder / "__main__.py").exists():
            return [self.python, str(self.folder), *arguments]
        distribution = self.distribution()
        if distribution is None:
            raise ValueError("plugin is not runnable, it provides neither __main__.py nor a buildable pyproject.toml")
        return [self.python, "-m", "pulumi.run.plugin", distribution, *arguments]

    def environment(self) -> dict[str, str]:
        """Return our environment with the plugin's one activated."""
        if self.venv is None:
            return dict(os.environ)
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        path = os.pathsep.join(filter(None, (str(self.venv / "bin"), kept.get("PATH"))))
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(self.venv)}

    @property
    def python(self) -> str:
        """The Python that runs the plugin."""
        return str(self._venv_python) if self.venv else _ambient_python()

    @property
    def _venv_python(self) -> Path:
        return (self.venv or Path()) / "bin" / "python"

    def distribution(self) -> str | None:
        """Return the name of the package in the folder, or None if nothing can be built there."""
        try:
            project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        name: str | None = project.get("project", {}).get("name")
        return name if project.get("build-system", {}).get("build-backend") else None

    def _install_requirements(self) -> Iterator[Chunk]:
        if self.venv is not None:
            yield "stdout", b"Creating virtual environment...\n"
            command = [_ambient_python(), "-m", "venv", str(self.venv)]
            yield from self._step(f"creating virtual environment at '{self.venv}'", command, dict(os.environ))
            yield "stdout", b"Finished creating virtual environment\n"
        yield "stdout", b"Updating pip, setuptools, and wheel in virtual environment...\n"
        yield from self._pip("updating pip, setuptools, and wheel", "--upgrade", *BASICS)
        yield "stdout", b"Finished updating\n"
        if (self.folder / "requirements.txt").exists():
            yield "stdout", b"Installing dependencies in virtual environment...\n"
            yield from self._pip("installing dependencies", "-r", "requirements.txt")
            yield "stdout", b"Finished installing dependencies\n"

    def _pip(self, step: str, *arguments: str) -> Iterator[Chunk]:
        yield from self._step(step, [self.python, "-m", "pip", "install", *arguments], self.environment())

    def _step(self, step: str, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Chunk]:
        with start(command, self.folder, environment) as process:
            yield from relay(process)
        if process.returncode:
            raise InstallFailed(f"{step}: exit status {process.returncode}")


@contextmanager
def start(
    command: Sequence[str], folder: str | Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program with its output in pipes, and kill it when the block ends before it does.

    It stays in our process group, so that the engine's kill reaches it.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def relay(process: subprocess.Popen[bytes]) -> Iterator[Chunk]:
    """Return what a program prints, as it comes, until it has ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(_open(process.stdout), selectors.EVENT_READ, "stdout")
        selector.register(_open(process.stderr), selectors.EVENT_READ, "stderr")
        while selector.get_map():
            for ready, _ in selector.select():
                if data := os.read(ready.fd, CHUNK_BYTES):
                    yield ready.data, data
                else:
                    selector.unregister(ready.fd)
    process.wait()


def _open(pipe: Any) -> int:  # noqa: ANN401 - Popen's type says that it may be missing
    descriptor: int = pipe.fileno()
    return descriptor


def _ambient_python() -> str:
    return os.environ.get("PULUMI_PYTHON_CMD") or "python3"
