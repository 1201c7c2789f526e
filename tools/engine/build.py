"""Come by a complete Pulumi: the one on PATH, or our own build of the pinned CLI.

All of it is theirs or all of it is ours, never a mixture. Run `python -m tools.engine.build` to see which, and to build
it ahead of time.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import platformdirs

from tools.engine.processes import ToolError, launch, stop

__all__ = ["Engine", "Report", "cache_folder", "ensure_engine"]

Report: TypeAlias = Callable[[str], None]

PULUMI_VERSION = "3.274.1"
OLDEST_PULUMI = (3, 274)
GO_VERSION = "1.26.6"
GO_MODULE = f"module allomia-pulumi-engine\n\ngo {GO_VERSION}\n"
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
LINKER_FLAGS = f"-s -w -X {SDK_MODULE}/go/common/version.Version={PULUMI_VERSION}"

CLI = "pulumi"
LANGUAGE_HOST = "pulumi-language-python"
SDK_SCRIPTS = ("python/dist/pulumi-resource-pulumi-python", "python/cmd/pulumi-language-python-exec")
PROGRAMS = (CLI, LANGUAGE_HOST, *(Path(script).name for script in SDK_SCRIPTS))
# The build is shared by every checkout of this machine, so the environment says whose language host to start. With -P
# the host's folder is not searched for modules: names such as `build` would hide others.
SHIM = """\
#!/bin/sh
exec "${ALLOMIA_ENGINE_PYTHON:?is not set}" -P "${ALLOMIA_ENGINE_HOST:?is not set}" --scripts "$(dirname "$0")" "$@"
"""

EXPECTED = "about 4 minutes on 2 cores, once"
REPORT_SECONDS = 15.0
TAIL_LINES = 20


@dataclass(frozen=True)
class Engine:
    """A complete Pulumi.

    Attributes:
        bin_dir: The folder of the CLI and what belongs to it.
        version: Without the leading v.
        origin: Found on PATH, or built by us.
    """

    pulumi: Path
    bin_dir: Path
    version: str
    origin: Literal["path", "built"]

    def path_entries(self) -> list[Path]:
        """Return the folders to put at the front of PATH."""
        return [self.bin_dir]

    def environment(self) -> dict[str, str]:
        """Return the variables that the engine needs beside PATH: which language host our own build starts."""
        if self.origin == "path":
            return {}
        return {
            "ALLOMIA_ENGINE_PYTHON": sys.executable,
            "ALLOMIA_ENGINE_HOST": str(Path(__file__).with_name("language_host.py")),
        }


def ensure_engine(report: Report = print) -> Engine:
    """Return the Pulumi on PATH when it is complete and new enough, else our own, building it when necessary.

    Args:
        report: Is told, in plain lines, about a build and its progress; about nothing else.

    Raises:
        ToolError: Go is missing or too old, or the build failed.
    """
    folder = cache_folder() / "engine" / PULUMI_VERSION
    if (engine := _on_path(folder)) or (engine := _built(folder)):
        return engine
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock"), report):
        # Another process may have built it while this one waited.
        if engine := _built(folder):
            return engine
        _build(folder, report)
    if engine := _built(folder):
        return engine
    raise ToolError(f"The Pulumi CLI was built into {folder}, but does not start.", "Remove that folder and try again.")


def cache_folder() -> Path:
    """Return where builds are kept: the user's cache folder, outside every checkout."""
    return Path(os.environ.get("ALLOMIA_PULUMI_CACHE") or platformdirs.user_cache_dir("allomia-pulumi"))


def _on_path(own: Path) -> Engine | None:
    pulumi, language_host = shutil.which(CLI), shutil.which(LANGUAGE_HOST)
    # Our own build may be on PATH too, when somebody goes on by hand after a demo.
    if pulumi is None or language_host is None or Path(pulumi).is_relative_to(own):
        return None
    version = _version(Path(pulumi))
    if version is None or tuple(map(int, version.split(".")[:2])) < OLDEST_PULUMI:
        return None
    return Engine(Path(pulumi), Path(pulumi).parent, version, "path")


def _built(folder: Path) -> Engine | None:
    programs = [folder / "bin" / name for name in PROGRAMS]
    if not all(os.access(program, os.X_OK) for program in programs):
        return None
    version = _version(programs[0])
    return Engine(programs[0], folder / "bin", version, "built") if version == PULUMI_VERSION else None


def _version(pulumi: Path) -> str | None:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [pulumi, "version"], check=False, capture_output=True, text=True, timeout=60, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.fullmatch(r"v?(\d+\.\d+\.\d+)\S*", answer.stdout.strip())
    return match.group(1) if match else None


@contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Another process is building the Pulumi CLI; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, report: Report) -> None:
    if shutil.which("go") is None:
        raise ToolError("There is no complete Pulumi on PATH, and no Go to build it with.", _go_hint())
    report(f"Building the Pulumi CLI {PULUMI_VERSION} from its Go module ({EXPECTED}).")
    prefix = f".build-{folder.name}-"
    for left_by_a_kill in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_by_a_kill)
    # Beside its destination, so that the finished folder can be renamed into place.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as name:
        module, finished = Path(name, "module"), Path(name, "finished")
        programs = finished / "bin"
        module.mkdir()
        programs.mkdir(parents=True)
        (module / "go.mod").write_text(GO_MODULE)
        _go(module, ["get", "-tool", f"{CLI_PACKAGE}@v{PULUMI_VERSION}"], "downloading the sources", report)
        command = ["build", "-trimpath", "-ldflags", LINKER_FLAGS, "-o", str(programs / CLI), CLI_PACKAGE]
        _go(module, command, "compiling", report)
        sdk = Path(_go(module, ["list", "-m", "-f", "{{.Dir}}", SDK_MODULE], "locating the SDK's scripts", report))
        for script in SDK_SCRIPTS:
            _install(programs / Path(script).name, (sdk / script).read_text())
        _install(programs / LANGUAGE_HOST, SHIM)
        if folder.exists():
            shutil.rmtree(folder)
        finished.rename(folder)


def _go(module: Path, arguments: list[str], step: str, report: Report) -> str:
    """Run Go to its end, telling now and then that it still runs, and return what it printed to stdout."""
    started = time.monotonic()
    output, errors = module / "output", module / "errors"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = launch(["go", *arguments], environment=_go_environment(), folder=module, stdout=stdout, stderr=stderr)
        try:
            while process.poll() is None:
                try:
                    process.wait(REPORT_SECONDS)
                except subprocess.TimeoutExpired:
                    report(f"  {step}, {time.monotonic() - started:.0f} s so far")
        finally:
            stop(process)
    if process.returncode != 0:
        tail = "\n".join(errors.read_text(errors="replace").splitlines()[-TAIL_LINES:])
        raise ToolError(f"The Pulumi CLI could not be built: {step} failed.\n{tail}", _go_hint())
    return output.read_text().strip()


def _go_environment() -> Mapping[str, str]:
    flags = [flag for flag in os.environ.get("GOFLAGS", "").split() if not flag.startswith("-mod=")]
    return {**os.environ, "GOFLAGS": " ".join([*flags, "-mod=mod"]), "GOWORK": "off"}


def _go_hint() -> str:
    found = _go_version()
    if found and tuple(map(int, found.split("."))) >= tuple(map(int, GO_VERSION.split("."))):
        return (
            "Check that Go reaches its module proxy (`go env GOPROXY`) and that the disk has 6 GB to spare; try again."
        )
    return (
        f"Install Go {GO_VERSION} or newer (found: {found or 'none'}) from your package manager or Go's download page, "
        f"and try again. Or install Pulumi {'.'.join(map(str, OLDEST_PULUMI))} or newer."
    )


def _go_version() -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    answer = subprocess.run([go, "env", "GOVERSION"], check=False, capture_output=True, text=True)
    match = re.match(r"go(\d+(\.\d+)*)", answer.stdout)
    return match.group(1) if match else None


def _install(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


def main() -> None:
    """Locate or build the engine, and say where it is."""
    try:
        engine = ensure_engine()
    except ToolError as error:
        sys.exit(str(error))
    origin = "found on PATH" if engine.origin == "path" else "built from its Go module"
    print(f"Pulumi {engine.version}, {origin}: {engine.pulumi}")


if __name__ == "__main__":
    main()
