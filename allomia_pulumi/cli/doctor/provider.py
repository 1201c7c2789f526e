"""Checks of the provider: whether the engine finds it for a project, in this version, by either face."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.environment import PYTHON_PROGRAMS, find_pulumi_program
from allomia_pulumi.cli.doctor.project import PLUGIN, Project
from allomia_pulumi.cli.doctor.steps import Finding, care, failed, ok, skipped
from allomia_pulumi.ground.installation import install_hint
from allomia_pulumi.ground.redaction import printable

__all__ = ["check_dynamic", "check_plugin"]

START_SECONDS = 30.0
END_SECONDS = 3.0
SAME_VERSION = "Install the same version in both places, or run the project's own `allomia`."
PLUGIN_HINT = "Let plugins.providers in Pulumi.yaml name the folder that has it, such as .venv/bin."

KEPT = (
    "APPDATA",
    "COMSPEC",
    "DYLD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUTF8",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "VIRTUAL_ENV",
)
"""What a Python or a plugin needs to start: a folder that is only looked at gets no token, key or passphrase."""

# In a program's Python: what the dynamic server imports, as a line of JSON; nothing comes from the project's folder.
PROBE = """
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
told = {"python": "%d.%d.%d" % sys.version_info[:3]}
try:
    import pulumi.dynamic
    from allomia_pulumi import __version__ as version
    from allomia_pulumi.dynamic_provider import organization_api_key
    told["version"] = version
except ImportError as problem:
    told["missing"] = problem.name or type(problem).__name__
print(json.dumps(told))
"""


def check_dynamic(project: Project, environ: Mapping[str, str]) -> Finding:
    """Import the dynamic provider with the Python that the engine would start."""
    if project.runtime != "python":
        return skipped(f"the program is {printable(project.runtime)}, which uses the plugin")
    if missing := [name for name in PYTHON_PROGRAMS if find_pulumi_program(name) is None]:
        return failed(f"{' and '.join(missing)} not found", "Install the whole Pulumi CLI, not its binary alone.")
    python = project.python(environ)
    if python is None:
        return skipped("which Python the project uses is not known here: poetry decides, or there is no python3")
    if not Path(python).exists():
        return failed(
            f"Pulumi.yaml names the virtual environment of {python}, which does not exist",
            "Make it with `pulumi install`.",
        )
    told = _ask_python(python, project.folder, environ)
    if "missing" in told:
        problem = f"{python} does not import the provider: {printable(told['missing'])} is missing"
        return failed(problem, install_hint(python=python))
    if "version" not in told:
        fix = "Run it to see why; it has to be Python 3.11 or newer."
        return failed(f"{python} does not come to an answer: {printable(told['problem'])}", fix)
    found = f"{told['version']} in Python {told.get('python', '')} at {python}"
    return ok(found) if told["version"] == __version__ else care(f"{found}; this is {__version__}", SAME_VERSION)


def check_plugin(project: Project, environ: Mapping[str, str], *, is_used: bool) -> Finding:
    """Start the plugin that the engine would start, ask for its version and end it."""
    folder = project.plugin_folder
    if folder is None and project.package is not None:
        return _check_package(project.package, project.folder, environ)
    path = shutil.which(PLUGIN, path=str(folder)) if folder else shutil.which(PLUGIN) or _installed(environ)
    if folder and path is None:
        return failed(f"plugins.providers in Pulumi.yaml names {printable(str(folder))}, without {PLUGIN}", PLUGIN_HINT)
    if path is None:
        if is_used or project.runtime != "python":
            return failed(f"{PLUGIN} is neither named in Pulumi.yaml nor on PATH", PLUGIN_HINT)
        return skipped("Pulumi.yaml names no plugin, and the dynamic provider needs none")
    version = _ask_plugin([path], project.folder, environ)
    if version is None:
        return failed(f"{path} does not start and answer as a plugin", f"Run it to see why: {path}")
    where = "named in Pulumi.yaml" if folder else "on PATH; the engine warns of that"
    found = f"{version} at {path} ({where})"
    return ok(found) if version == __version__ else care(f"{found}; this is {__version__}", SAME_VERSION)


def _check_package(source: str, project: Path, environ: Mapping[str, str]) -> Finding:
    """Start the plugin of the sources that a project has added with `pulumi package add`."""
    if not source.startswith((".", "/")):
        return skipped(f"packages in Pulumi.yaml names {printable(source)}, which Pulumi fetches and starts itself")
    folder = project / source
    shown = printable(str(folder))
    if not folder.is_dir():
        return failed(f"packages in Pulumi.yaml names {shown}, which is no folder", "Name where the sources are now.")
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        return failed(f"{shown}, which packages in Pulumi.yaml names, has no venv", "Make it with `pulumi install`.")
    start = [str(folder)] if (folder / "__main__.py").exists() else ["-m", "allomia_pulumi"]
    version = _ask_plugin([str(python), *start], project, environ)
    if version is None:
        return failed(
            f"{shown} does not start and answer as a plugin", f"Run it to see why: {python} {' '.join(start)}"
        )
    found = f"{version} at {shown} (packages in Pulumi.yaml)"
    return ok(found) if version == __version__ else care(f"{found}; this is {__version__}", SAME_VERSION)


def _installed(environ: Mapping[str, str]) -> str | None:
    """Return the newest plugin that `pulumi plugin install` has put into Pulumi's own folder."""
    home = Path(environ.get("PULUMI_HOME") or Path(environ.get("HOME", ".")) / ".pulumi")
    places = sorted(home.glob(f"plugins/resource-allomia-v*/{PLUGIN}"), key=lambda place: place.stat().st_mtime)
    return str(places[-1]) if places else None


def _without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in KEPT if name in environ}


def _ask_python(python: str, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - the Python that Pulumi itself starts
            [python, "-P", "-c", PROBE],
            cwd=folder,
            env=_without_secrets(environ),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS,
        )
        told = json.loads(done.stdout.strip().rpartition("\n")[2])
    except (OSError, subprocess.TimeoutExpired, ValueError) as problem:
        return {"problem": type(problem).__name__}
    return {"problem": "something else", **told} if isinstance(told, dict) else {"problem": "something else"}


def _ask_plugin(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str | None:
    """Return the version that a plugin tells the engine, or None if it does not come to that."""
    # gRPC takes a while to load, and most runs of the command line need none of it.
    import grpc  # noqa: PLC0415
    from google.protobuf.empty_pb2 import Empty  # noqa: PLC0415
    from pulumi.runtime.proto import provider_pb2_grpc  # noqa: PLC0415

    from allomia_pulumi.provider.engine import local_channel  # noqa: PLC0415

    try:
        process = subprocess.Popen(  # noqa: S603 - the plugin that Pulumi itself starts
            command,
            cwd=folder,
            env=_without_secrets(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    last_moment = threading.Timer(START_SECONDS, process.kill)
    last_moment.start()
    try:
        port = process.stdout.readline().strip() if process.stdout else b""
        if not port.isdigit():
            return None
        with local_channel(f"127.0.0.1:{port.decode()}") as channel:
            info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=START_SECONDS)
            return printable(str(info.version))
    except grpc.RpcError:
        return None
    finally:
        last_moment.cancel()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a plugin as the engine does."""
    process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
