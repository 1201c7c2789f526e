"""Each artefact in an environment that was empty before, and the job done with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.engine.processes import CHECKOUT, ToolError
from tools.engine.workspace import Workspace
from tools.pythons.environments import clean_environ
from tools.release.check.job import Bench
from tools.release.check.programs import GO, NODE, python_program, yaml_program
from tools.release.names import GO_SDK, NPM_PACKAGE, PLUGIN_ARCHIVES, RUN, SDIST, VERSION, WHEEL

__all__ = ["Installed"]

LONG_SECONDS: Final = 600.0
NPM_INSTALL: Final = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


@dataclass(frozen=True)
class Installed:
    """The artefacts of one release, installed one after another below a folder.

    Attributes:
        bench: Where the job is done.
        release: The folder of the artefacts.
        root: Where environments are made.
        cache: What pip has fetched already; the machine's own cache, as a user has one.
    """

    bench: Bench
    release: Path
    root: Path
    cache: str

    @property
    def pulumi_home(self) -> Path:
        """The Pulumi home in which the plugin is installed from its archive, and nothing else."""
        return self.root / "pulumi-home"

    def wheel(self) -> str:
        """Install the wheel, and do the job with the classes that need nothing else."""
        return self._python_job(self._environment("of-the-wheel", self.release / WHEEL), "allomia_pulumi")

    def sdist(self) -> str:
        """Install the sdist, which builds a wheel, and do the same."""
        return self._python_job(self._environment("of-the-sdist", self.release / SDIST), "allomia_pulumi")

    def plugin(self) -> str:
        """Install the plugin from its archive, by the CLI, and see that it is there."""
        archive = self.release / PLUGIN_ARCHIVES[RUN]
        with self.bench.project(yaml_program(), home=self.pulumi_home) as project:
            project.env["PIP_CACHE_DIR"] = self.cache
            command = ("plugin", "install", "resource", "allomia", VERSION, "--file", str(archive))
            project.run(*command, timeout=LONG_SECONDS).check()
            listed = project.run("plugin", "ls").check().stdout.splitlines()
        lines = [line.split()[:3] for line in listed if line.startswith("allomia ")]
        if lines != [["allomia", "resource", VERSION]]:
            raise ToolError(f"`pulumi plugin ls` shows {lines}.")
        return f"`pulumi plugin ls` shows allomia {VERSION}"

    def yaml(self) -> str:
        """Do the job in YAML, with the installed plugin and nothing in the project that names it."""
        with self.bench.project(yaml_program(), home=self.pulumi_home) as project:
            return self.bench.do(project)

    def native(self) -> str:
        """Do it in Python with the classes over the plugin, from the environment of the wheel."""
        python = self.root / "of-the-wheel" / "bin" / "python"
        return self._python_job(python, "allomia_pulumi.native", home=self.pulumi_home)

    def npm(self) -> str:
        """Install the npm package into an empty project, and do the job in TypeScript."""
        with self.bench.project(NODE, home=self.pulumi_home) as project:
            self._call(project, *NPM_INSTALL, str(self.release / NPM_PACKAGE))
            self._call(project, "node", "node_modules/typescript/bin/tsc", "--pretty", "false")
            return self.bench.do(project, lambda command: project.call("node", "bin/main.js", command))

    def go_vet(self) -> str:
        """Let Go look at the SDK's module for mistakes, against the SDK of the pinned CLI."""
        with self.bench.project(GO, home=self.pulumi_home) as project:
            self._go_module(project)
            self._go(project, "vet", "allomia-pulumi/sdk/go/...")
        return "no mistake"

    def go(self) -> str:
        """Take the Go SDK into an empty module by a `replace`, and do the job in Go."""
        with self.bench.project(GO, home=self.pulumi_home) as project:
            self._go_module(project)
            self._go(project, "build", "-o", "program", ".")
            return self.bench.do(project, lambda command: project.call(project.folder / "program", command))

    def _environment(self, name: str, package: Path) -> Path:
        """Make an environment with a package and what it requires, as pinned for development."""
        folder = self.root / name
        python = folder / "bin" / "python"
        pip = (
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--disable-pip-version-check",
            "--no-input",
        )
        for command in (
            (sys.executable, "-m", "venv", str(folder)),
            (*pip, "--constraint", str(CHECKOUT / "constraints.txt"), str(package)),
        ):
            answer = subprocess.run(
                command, cwd=self.root, env=clean_environ(), check=False, capture_output=True, text=True
            )
            if answer.returncode != 0:
                raise ToolError(f"{package.name} cannot be installed.", answer.stderr.strip())
        return python

    def _python_job(self, python: Path, module: str, home: Path | None = None) -> str:
        with self.bench.project(python_program(module), home=home) as project:
            project.env["PULUMI_PYTHON_CMD"] = str(python)
            found = project.call(python, "-P", "-c", "import allomia_pulumi as a; print(a.__version__, a.__file__)")
            version, _, file = found.check().stdout.strip().partition(" ")
            if version != VERSION or not Path(file).is_relative_to(self.root):
                raise ToolError(f"The environment runs {version} from {file}.")
            return self.bench.do(project)

    def _go_module(self, project: Workspace) -> None:
        with tarfile.open(self.release / GO_SDK) as archive:
            archive.extractall(project.folder / "sdk", filter="data")
        self._go(project, "mod", "tidy")

    def _go(self, project: Workspace, *arguments: str) -> None:
        home = os.environ.get("HOME", "")
        # The folder of the user is another one in a project, and with it Go's caches. With `-trimpath` everywhere, what
        # one project compiled serves the next.
        self._call(project, shutil.which("go") or "go", *arguments, env={"HOME": home, "GOFLAGS": "-mod=mod -trimpath"})

    def _call(self, project: Workspace, *command: str, env: dict[str, str] | None = None) -> None:
        project.call(*_known(command), env=env, timeout=LONG_SECONDS).check()


def _known(command: Sequence[str]) -> list[str]:
    found = shutil.which(command[0])
    if found is None:
        raise ToolError(f"There is no {command[0]} on PATH.")
    return [found, *command[1:]]
