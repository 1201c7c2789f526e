"""Come by a complete Pulumi: the one on PATH, or our own build of the pinned CLI.

All of it is theirs or all of it is ours, never a mixture. Run `python -m tools.engine.build` to see which, and to build
it ahead of time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.engine.builds import Report, build_once, cache_folder
from tools.engine.golang import go_steps, init_module, require_go
from tools.engine.processes import ToolError

__all__ = ["PULUMI_VERSION", "SDK_MODULE", "Engine", "ensure_engine"]

PULUMI_VERSION = "3.274.1"
OLDEST_PULUMI = (3, 274)
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

WHAT = "The Pulumi CLI"
EXPECTED = "about 4 minutes on 2 cores, once"
ALTERNATIVE = f"Or install Pulumi {'.'.join(map(str, OLDEST_PULUMI))} or newer."


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
    if engine := _on_path(folder):
        return engine
    return build_once(WHAT, folder, _built, lambda scratch, finished: _build(scratch, finished, report), report)


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


def _build(module: Path, finished: Path, report: Report) -> None:
    require_go("There is no complete Pulumi on PATH, and no Go to build it with.", ALTERNATIVE)
    report(f"Building the Pulumi CLI {PULUMI_VERSION} from its Go module ({EXPECTED}).")
    programs = finished / "bin"
    programs.mkdir()
    init_module(module, "allomia-pulumi-engine")
    steps = go_steps(WHAT, module, report, ALTERNATIVE)
    steps.run("downloading the sources", "go", "get", "-tool", f"{CLI_PACKAGE}@v{PULUMI_VERSION}")
    command = ("go", "build", "-trimpath", "-ldflags", LINKER_FLAGS, "-o", programs / CLI, CLI_PACKAGE)
    steps.run("compiling", *command)
    sdk = Path(steps.run("locating the SDK's scripts", "go", "list", "-m", "-f", "{{.Dir}}", SDK_MODULE))
    for script in SDK_SCRIPTS:
        _install(programs / Path(script).name, (sdk / script).read_text())
    _install(programs / LANGUAGE_HOST, SHIM)


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
