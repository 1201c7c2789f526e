"""The SDKs of other languages: written from `schema.json` by Pulumi's own generators, compared, and tried.

`python -m tools.engine.sdks` writes `sdk/`, with `--check` it compares.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.engine.build import PULUMI_VERSION, SDK_MODULE, Engine
from tools.engine.builds import Report, build_once, cache_folder, fingerprint
from tools.engine.golang import go_steps, require_go
from tools.engine.processes import CHECKOUT, ToolError
from tools.engine.workspace import Workspace

__all__ = ["SCHEMA", "SDKS", "check_schema", "check_sdks", "compile_go_sdk", "ensure_sdkgen", "write_sdks"]

SCHEMA = Path("schema.json")
SDKS = Path("sdk")
SOURCES = CHECKOUT / "tools" / "sdkgen"
SDKGEN = "sdkgen"
SDKGEN_WHAT = "The SDK generator"
GO_SDK_WHAT = "The Go SDK"


def ensure_sdkgen(report: Report = print) -> Path:
    """Return the program of `tools/sdkgen`; build it when its sources are new.

    Raises:
        ToolError: Go is missing or too old, or the build failed.
    """
    folder = cache_folder() / SDKGEN / fingerprint(SOURCES.iterdir(), SOURCES)
    return build_once(SDKGEN_WHAT, folder, _built, lambda scratch, finished: _build(scratch, finished, report), report)


def write_sdks(
    folder: Path = SDKS, schema: Path = SCHEMA, report: Report = print, *, is_published: bool = False
) -> None:
    """Write `go` and `nodejs` below the folder, and remove what is no longer generated there.

    Args:
        folder: Like the schema, relative to the checkout.
        schema: A package schema.
        report: Is told about a build of the generator.
        is_published: Write a Node SDK that is compiled before it is published, not where it is installed.

    Raises:
        ToolError: The generator cannot be had, or refuses the schema.
    """
    _generate([*(["--published"] if is_published else []), str(schema), str(folder)], report)


def check_sdks(folder: Path = SDKS, schema: Path = SCHEMA, report: Report = print) -> None:
    """Make sure that `write_sdks` would change nothing; the arguments are the same.

    Raises:
        ToolError: It would; the message is one line that names the first file.
    """
    _generate(["--check", str(schema), str(folder)], report)


def check_schema(engine: Engine, schema: Path = SCHEMA) -> None:
    """Let the CLI hold the schema to its metaschema, offline.

    Raises:
        ToolError: It is not valid; the message has what the CLI said.
    """
    with Workspace(engine, {}) as project:
        project.run("schema", "check", str(CHECKOUT / schema)).check()


def compile_go_sdk(sources: Path, report: Report = print) -> None:
    """Compile a copy of the Go SDK against the SDK module of the pinned CLI's version.

    Raises:
        ToolError: Go is missing or too old, or it does not compile.
    """
    require_go("There is no Go to compile the Go SDK with.")
    with tempfile.TemporaryDirectory(prefix="go-sdk-") as name:
        copy = Path(name, "sdk")
        shutil.copytree(sources, copy)
        steps = go_steps(GO_SDK_WHAT, copy, report)
        steps.run("downloading the SDK module", "go", "get", f"{SDK_MODULE}@v{PULUMI_VERSION}")
        # Without the folder in it, the next copy finds what this one compiled.
        steps.run("compiling", "go", "build", "-trimpath", "./...")


def main() -> None:
    """Write the SDKs, or compare them."""
    parser = argparse.ArgumentParser(description="Write sdk/ from schema.json.")
    parser.add_argument("--check", action="store_true", help="compare, and fail on the first difference")
    arguments = parser.parse_args()
    try:
        (check_sdks if arguments.check else write_sdks)()
    except ToolError as error:
        sys.exit(str(error))


def _built(folder: Path) -> Path | None:
    program = folder / SDKGEN
    return program if os.access(program, os.X_OK) else None


def _build(scratch: Path, finished: Path, report: Report) -> None:
    require_go("There is no Go to build the SDK generator with.")
    report("Building the SDK generator from Pulumi's Go modules (about a minute on 2 cores, once).")
    module = scratch / SDKGEN
    shutil.copytree(SOURCES, module)
    command = ("go", "build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", finished / SDKGEN, ".")
    go_steps(SDKGEN_WHAT, module, report).run("compiling", *command)


def _generate(arguments: list[str], report: Report) -> None:
    answer = subprocess.run(
        [ensure_sdkgen(report), *arguments], check=False, capture_output=True, text=True, cwd=CHECKOUT
    )
    if answer.returncode != 0:
        raise ToolError(answer.stderr.strip())


if __name__ == "__main__":
    main()
