"""A small Pulumi language host for Python programs.

The vendor's is a Go module of its own that cannot be had through the module proxy. This one does what `pulumi preview`,
`up`, `refresh`, `destroy` and, where a generator is named, `import` and `package add` ask for, and runs plugins in
Python; whoever has a complete Pulumi uses the real one. The engine starts it through the shim `pulumi-language-python`,
reads the port from its first line, and takes the rest of its output, the program's included, as messages of the stack.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tools.engine.plugin_folders import InstallFailed, PluginFolder, relay, start
from tools.engine.python_packages import GeneratorFailed, distribution_of, generate, link, required_packages

EXECUTOR = "pulumi-language-python-exec"
# How the executor says that the program has shown its error itself.
BAIL_CODE = 32
STOP_SECONDS = 1.0
# Each plugin that runs has a thread.
THREADS = 64


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The engine's questions about a Python program, and the order to run it.

    Args:
        engine: The address of the engine's own service, for the program's log messages.
        executor: The script of the SDK that runs a program.
    """

    def __init__(self, engine: str, executor: Path) -> None:
        self._engine = engine
        self._executor = executor

    def Handshake(  # noqa: N802 - the wire's name
        self,
        request: language_pb2.LanguageHandshakeRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's signature
    ) -> language_pb2.LanguageHandshakeResponse:
        """Learn where the engine listens."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(  # noqa: N802 - the wire's name
        self,
        request: empty_pb2.Empty,  # noqa: ARG002 - gRPC's signature
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's signature
    ) -> plugin_pb2.PluginInfo:
        """Say that this host has no version of its own."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(  # noqa: N802 - the wire's name
        self,
        request: language_pb2.GetRequiredPackagesRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's signature
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Name the packages whose SDKs are installed beside the program's Python."""
        return language_pb2.GetRequiredPackagesResponse(packages=required_packages(_python(request.info)))

    def About(  # noqa: N802 - the wire's name
        self,
        request: language_pb2.AboutRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's signature
    ) -> language_pb2.AboutResponse:
        """Say which Python runs programs."""
        python = _python(request.info)
        version = subprocess.run([python, "--version"], check=False, capture_output=True, text=True).stdout
        return language_pb2.AboutResponse(executable=python, version=version.removeprefix("Python ").strip())

    def GetProgramDependencies(  # noqa: N802 - the wire's name
        self,
        request: language_pb2.GetProgramDependenciesRequest,  # noqa: ARG002 - gRPC's signature
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's signature
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Name none: only `pulumi about` would show them."""
        return language_pb2.GetProgramDependenciesResponse()

    def GenerateProgram(  # noqa: N802 - the wire's name
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProgramResponse:
        """Write what was imported as a program in Python."""
        try:
            texts = generate("--program", request.loader_target, source=json.dumps(dict(request.source)))
        except GeneratorFailed as problem:
            raise _ended(context, str(problem)) from None
        files = {name: text.encode() for name, text in json.loads(texts).items()}
        return language_pb2.GenerateProgramResponse(source=files)

    def GeneratePackage(  # noqa: N802 - the wire's name
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> language_pb2.GeneratePackageResponse:
        """Write a package's SDK in Python."""
        try:
            generate("--package", request.loader_target, request.directory, source=request.schema)
        except GeneratorFailed as problem:
            raise _ended(context, str(problem)) from None
        return language_pb2.GeneratePackageResponse()

    def Link(  # noqa: N802 - the wire's name
        self, request: language_pb2.LinkRequest, context: grpc.ServicerContext
    ) -> language_pb2.LinkResponse:
        """Have a project's requirements name the SDKs of packages."""
        sdks = {distribution_of(each.package, request.loader_target): each.path for each in request.packages}
        try:
            instructions = link(Path(request.info.root_directory, "requirements.txt"), sdks)
        except FileNotFoundError as problem:
            raise _ended(context, f"linking packages: error opening requirements.txt: {problem}") from None
        return language_pb2.LinkResponse(import_instructions=instructions)

    def InstallDependencies(  # noqa: N802 - the wire's name
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make the environment of a program or a plugin."""
        yield language_pb2.InstallDependenciesResponse(stdout=b"Installing dependencies...\n\n")
        try:
            folder = PluginFolder.of(
                request.info.root_directory, dict(request.info.options), is_plugin=request.is_plugin
            )
            for stream, data in folder.install(is_plugin=request.is_plugin):
                yield language_pb2.InstallDependenciesResponse(**{stream: data})
        except (InstallFailed, OSError, ValueError) as problem:
            raise _ended(context, str(problem)) from None
        yield language_pb2.InstallDependenciesResponse(stdout=b"Finished installing dependencies\n\n")

    def RunPlugin(  # noqa: N802 - the wire's name
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin to its end; the engine ends it by giving up on the call."""
        try:
            folder = PluginFolder.of(request.info.root_directory, dict(request.info.options), is_plugin=True)
            environment = folder.environment() | dict(each.split("=", 1) for each in request.env)
            with start(folder.command(request.args), request.pwd, environment) as plugin:
                if not context.add_callback(plugin.kill):
                    plugin.kill()
                for stream, data in relay(plugin):
                    yield _printed(stream, data)
            if plugin.returncode:
                yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)
        except (OSError, ValueError) as problem:
            raise _ended(context, str(problem)) from None

    def Run(  # noqa: N802 - the wire's name
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program to its end; configuration goes by the environment, never by the arguments."""
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        with _start(self._command(request), request.pwd, environment) as program:
            # Called when the engine gives up on the call, or is gone; harmless after the end of the program.
            if not context.add_callback(program.terminate):
                program.terminate()
            code = program.wait()
        if code == BAIL_CODE:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def _command(self, request: language_pb2.RunRequest) -> list[str]:
        flags = {
            "--monitor": request.monitor_address,
            "--engine": self._engine,
            "--project": request.project,
            "--root_directory": request.info.root_directory,
            "--stack": request.stack,
            "--pwd": request.pwd,
            "--dry_run": "true" if request.dryRun else "false",
            "--parallel": str(request.parallel),
            "--organization": request.organization,
        }
        arguments = [word for flag, value in flags.items() if value for word in (flag, value)]
        return [
            _python(request.info),
            "-u",
            str(self._executor),
            *arguments,
            request.info.entry_point or request.program,
            *request.args,
        ]


def _ended(context: grpc.ServicerContext, message: str) -> Exception:
    """End a call with an error; nothing is returned, but a `raise` shows where the call ends."""
    context.abort(grpc.StatusCode.UNKNOWN, message)
    return AssertionError(message)


def _printed(stream: str, data: bytes) -> language_pb2.RunPluginResponse:
    if stream == "stdout":
        return language_pb2.RunPluginResponse(stdout=data)
    return language_pb2.RunPluginResponse(stderr=data)


def serve(host: LanguageHost) -> None:
    """Serve on a loopback port until SIGINT, SIGTERM or the end of the engine."""
    stopping = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, on_signal)
    threading.Thread(target=_watch_engine, args=(stopping,), daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(THREADS))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    stopping.wait()
    server.stop(grace=None).wait(STOP_SECONDS)


def main() -> None:
    """Read what the shim and the engine pass, and serve."""
    parser = argparse.ArgumentParser(description="Run Python programs for the Pulumi engine.")
    parser.add_argument("--scripts", type=Path, required=True, help="the folder of the SDK's scripts")
    parser.add_argument("engine", help="the engine's address")
    arguments, _ = parser.parse_known_args()
    serve(LanguageHost(arguments.engine, arguments.scripts / EXECUTOR))


def _start(command: list[str], folder: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # The program stays in this process group, so that the engine's kill reaches it. Its interrupt must not: the engine
    # sends one when a run has failed, and a program that is about to end would sometimes show it as a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _python(info: language_pb2.ProgramInfo) -> str:
    options = dict(info.options)
    if virtualenv := options.get("virtualenv"):
        return str(Path(info.root_directory, str(virtualenv), "bin", "python"))
    return os.environ.get("PULUMI_PYTHON_CMD") or "python3"


def _watch_engine(stopping: threading.Event) -> None:
    # The engine holds the other end of our stdin, and says nothing there: the end of the file is its own.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stopping.set()


if __name__ == "__main__":
    main()
