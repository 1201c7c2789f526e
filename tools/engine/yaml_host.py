"""Come by the language host of YAML programs, which is a Go module apart from the CLI's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.engine.build import Engine
from tools.engine.builds import Report, build_once, cache_folder
from tools.engine.golang import go_steps, init_module, require_go

__all__ = ["YAML_VERSION", "ensure_yaml_host"]

YAML_VERSION = "1.38.3"
LANGUAGE_HOST = "pulumi-language-yaml"
PACKAGE = f"github.com/pulumi/pulumi-yaml/cmd/{LANGUAGE_HOST}"
LINKER_FLAGS = f"-s -w -X github.com/pulumi/pulumi-yaml/pkg/version.Version={YAML_VERSION}"
WHAT = "The YAML language host"


def ensure_yaml_host(engine: Engine, report: Report = print) -> Path:
    """Return the folder of the language host, for a workspace's PATH; build it when necessary.

    A Pulumi from PATH brings its own. Ours never takes one from PATH: it may belong to a Pulumi that is too old.

    Args:
        engine: What `ensure_engine` returned.
        report: Is told, in plain lines, about a build and its progress; about nothing else.

    Raises:
        ToolError: Go is missing or too old, or the build failed.
    """
    if engine.origin == "path" and (found := shutil.which(LANGUAGE_HOST)):
        return Path(found).parent
    folder = cache_folder() / "yaml-host" / YAML_VERSION
    return build_once(WHAT, folder, _built, lambda scratch, finished: _build(scratch, finished, report), report)


def _built(folder: Path) -> Path | None:
    programs = folder / "bin"
    return programs if os.access(programs / LANGUAGE_HOST, os.X_OK) else None


def _build(module: Path, finished: Path, report: Report) -> None:
    require_go("There is no Go to build the YAML language host with.")
    report(f"Building the YAML language host {YAML_VERSION} from its Go module (about a minute on 2 cores, once).")
    init_module(module, "allomia-pulumi-yaml-host")
    steps = go_steps(WHAT, module, report)
    steps.run("downloading the sources", "go", "get", "-tool", f"{PACKAGE}@v{YAML_VERSION}")
    target = finished / "bin" / LANGUAGE_HOST
    steps.run("compiling", "go", "build", "-trimpath", "-ldflags", LINKER_FLAGS, "-o", target, PACKAGE)
