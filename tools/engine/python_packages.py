"""SDKs of packages in Python projects: generated, linked, and found again, as the vendor's language host does it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto.codegen import loader_pb2

__all__ = ["GENERATOR", "GeneratorFailed", "distribution_of", "generate", "link", "required_packages"]

# The variable that names the program of `tools/sdkgen`.
GENERATOR = "ALLOMIA_ENGINE_PROGRAM_GENERATOR"
REQUIREMENT_NAME = re.compile(r"[a-zA-Z0-9_-]+")
GET_SCHEMA = "/codegen.Loader/GetSchema"
# Schemas are larger than gRPC's default of 4 MB.
LARGEST_MESSAGE = 400 * 1024 * 1024


class GeneratorFailed(Exception):
    """The program of `tools/sdkgen` is not named, or refuses its input."""


def generate(*arguments: str, source: str) -> str:
    """Return what the program of `tools/sdkgen` prints for an input.

    Raises:
        GeneratorFailed: It is not named, or has failed.
    """
    generator = os.environ.get(GENERATOR)
    if not generator:
        raise GeneratorFailed(f"{GENERATOR} names no generator of programs and packages")
    done = subprocess.run([generator, *arguments], input=source, check=False, capture_output=True, text=True)
    if done.returncode:
        raise GeneratorFailed(done.stderr.strip())
    return done.stdout


def distribution_of(package: plugin_pb2.PackageDependency, loader: str) -> str:
    """Return the name that the package's schema gives its SDK in Python, which is also that of the module."""
    options = [("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    with grpc.insecure_channel(loader, options=options) as channel:
        request = loader_pb2.GetSchemaRequest(
            package=package.name, version=package.version, download_url=package.server
        )
        # The SDK's own stub of this service cannot be imported.
        ask = channel.unary_unary(
            GET_SCHEMA,
            request_serializer=loader_pb2.GetSchemaRequest.SerializeToString,
            response_deserializer=loader_pb2.GetSchemaResponse.FromString,
        )
        schema = json.loads(ask(request).schema)
    named: str | None = schema.get("language", {}).get("python", {}).get("packageName")
    namespace = str(schema.get("namespace") or "pulumi").replace("-", "_")
    return named or f"{namespace}_{str(schema['name']).replace('-', '_')}"


def link(requirements: Path, sdks: Mapping[str, str]) -> str:
    """Have a project's `requirements.txt` name SDKs by their folders, and return how a program imports them.

    Args:
        requirements: The file, which has to be there.
        sdks: The folder of each SDK, relative to the project, by its name.

    Raises:
        FileNotFoundError: There is no such file.
    """
    lines = requirements.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not _is_one_of(line.strip(), sdks)]
    requirements.write_text("\n".join([*kept, *sorted(sdks.values()), ""]), encoding="utf-8")
    plural = "s" if len(sdks) > 1 else ""
    imports = "".join(f"  import {name} as {name}\n" for name in sdks)
    return f"You can import the SDK{plural} in your Python code with:\n\n{imports}"


def required_packages(python: str) -> Iterable[plugin_pb2.PackageDependency]:
    """Return the packages whose SDKs are installed beside a Python, by the `pulumi-plugin.json` in each of them."""
    for site in Path(python).parent.parent.glob("lib/python*/site-packages"):
        for described in sorted(site.glob("*/pulumi-plugin.json")):
            plugin: dict[str, Any] = json.loads(described.read_text(encoding="utf-8"))
            if plugin.get("resource"):
                yield plugin_pb2.PackageDependency(
                    name=plugin["name"],
                    kind="resource",
                    version=f"v{plugin['version'].removeprefix('v')}",
                    server=plugin.get("server", ""),
                )


def _is_one_of(line: str, sdks: Mapping[str, str]) -> bool:
    named = REQUIREMENT_NAME.match(line.replace("-", "_"))
    return named is not None and (named[0] in sdks or line in sdks.values())
