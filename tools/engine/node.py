"""The Node SDK, compiled once, and TypeScript programs that use it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.engine.builds import Report, Steps, build_once, cache_folder, fingerprint
from tools.engine.processes import CHECKOUT, ToolError
from tools.engine.sdks import SDKS
from tools.engine.workspace import TIMEOUT_SECONDS, Result, Workspace

__all__ = ["NodeSdk", "compile_sdk", "ensure_node_sdk", "require_node"]

OLDEST_NODE = 20
# Exact, and without a lock file: those name the addresses of whoever wrote them.
PACKAGES = {"@pulumi/pulumi": "3.270.0", "@types/node": "20.9.5", "typescript": "5.9.3"}
MANIFEST = json.dumps({"name": "allomia-pulumi-node", "private": True, "dependencies": PACKAGES}, indent=2)
INSTALL = (
    *("install", "--ignore-scripts", "--no-package-lock"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
)
COMPILER = Path("typescript", "bin", "tsc")
MODULES = "node_modules"
USER_BUILT = ("bin", MODULES)
TSCONFIG = {
    "compilerOptions": {
        "module": "nodenext",
        "outDir": "bin",
        "skipLibCheck": True,
        "strict": True,
        "target": "ES2022",
        "types": ["node"],
    }
}
WHAT = "The Node SDK"
PACKAGES_WHAT = "The Node SDK's environment"


@dataclass(frozen=True)
class NodeSdk:
    """The compiled SDK with what it needs.

    Attributes:
        modules: A `node_modules` folder with the SDK, Pulumi's own, and the TypeScript compiler.
    """

    modules: Path

    def compile(self, project: Workspace) -> None:
        """Compile the TypeScript in a project's folder, by its own `tsconfig.json` or else strictly into `bin`.

        Raises:
            ToolError: It does not compile; the message has what the compiler said.
        """
        link, settings = project.folder / MODULES, project.folder / "tsconfig.json"
        if not link.exists():
            link.symlink_to(self.modules)
        if not settings.exists():
            settings.write_text(json.dumps(TSCONFIG))
        project.call("node", self.modules / COMPILER, "--pretty", "false").check()

    def run(
        self,
        project: Workspace,
        program: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Result:
        """Run a compiled program, such as `bin/index.js`, with the project's environment and `env` on top.

        The CLI is on its PATH, so that it can use the Automation API.

        Raises:
            ToolError: It took more than `timeout` seconds.
        """
        return project.call("node", program, *arguments, env=env, timeout=timeout)


def require_node() -> None:
    """Make sure that there is a Node that runs the SDK, with npm.

    Raises:
        ToolError: There is none, or it is too old.
    """
    hint = f"Install Node {OLDEST_NODE} or newer with npm."
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise ToolError(f"There is no {program} on PATH.", hint)
    answer = subprocess.run(["node", "--version"], check=False, capture_output=True, text=True)  # noqa: S607 - theirs
    match = re.match(r"v(\d+)\.", answer.stdout)
    if match is None or int(match.group(1)) < OLDEST_NODE:
        raise ToolError(f"The node on PATH is too old: {answer.stdout.strip() or 'of no version'}.", hint)


def ensure_node_sdk(sources: Path = CHECKOUT / SDKS / "nodejs", report: Report = print) -> NodeSdk:
    """Return the SDK, compiled when its sources or the pinned packages are new.

    Args:
        sources: What `write_sdks` wrote.
        report: Is told, in plain lines, about a build and its progress; about nothing else.

    Raises:
        ToolError: There are no sources or no Node, npm cannot install, or the SDK does not compile.
    """
    if not (sources / "package.json").is_file():
        raise ToolError(f"There is no Node SDK in {sources}.", "Write it with `make sdk`.")
    require_node()
    packages = _ensure_packages(report)
    files = [path for path in sources.rglob("*") if path.is_file() and not _is_user_built(path.relative_to(sources))]
    folder = cache_folder() / "node" / f"sdk-{fingerprint(files, sources, str(packages))}"
    name = json.loads((sources / "package.json").read_text())["name"]

    def find(folder: Path) -> NodeSdk | None:
        modules = folder / MODULES
        return NodeSdk(modules) if (modules / name / "bin" / "index.js").is_file() else None

    def build(scratch: Path, finished: Path) -> None:
        _compile_sdk(sources, packages, scratch / "sdk", report)
        _assemble(scratch / "sdk", packages, finished / MODULES, name)

    return build_once(WHAT, folder, find, build, report)


def compile_sdk(sources: Path, copy: Path, report: Report = print) -> None:
    """Compile a copy of an SDK's sources; the pinned packages are a link in it.

    Raises:
        ToolError: There is no Node, npm cannot install the packages, or the sources do not compile.
    """
    require_node()
    _compile_sdk(sources, _ensure_packages(report), copy, report)


def _ensure_packages(report: Report) -> Path:
    """Return a `node_modules` folder with the pinned packages, apart from the SDK, which changes more often."""

    def build(_scratch: Path, finished: Path) -> None:
        report("Installing the Node packages that the Node SDK needs (about 10 seconds, once).")
        (finished / "package.json").write_text(MANIFEST)
        hint = "Check that npm reaches its registry (`npm ping`), and try again."
        Steps(PACKAGES_WHAT, finished, report, lambda: hint).run("installing packages", "npm", *INSTALL)

    return build_once(PACKAGES_WHAT, _packages_folder(), _find_packages, build, report)


def _packages_folder() -> Path:
    return cache_folder() / "node" / fingerprint([], Path(), MANIFEST)


def _find_packages(folder: Path) -> Path | None:
    modules = folder / MODULES
    return modules if all((modules / name / "package.json").is_file() for name in PACKAGES) else None


def _compile_sdk(sources: Path, packages: Path, copy: Path, report: Report) -> None:
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns(*USER_BUILT))
    (copy / MODULES).symlink_to(packages)
    hint = "Write it anew with `make sdk`."
    Steps(WHAT, copy, report, lambda: hint).run("compiling", "node", packages / COMPILER, "--pretty", "false")


def _assemble(compiled: Path, packages: Path, modules: Path, name: str) -> None:
    sdk = modules / name
    shutil.copytree(compiled / "bin", sdk / "bin")
    # The program reads its version from the one beside it, and Node the place of the program from the other.
    for folder in (sdk, sdk / "bin"):
        shutil.copy(compiled / "package.json", folder)
    # Links, so that the SDK and a program find one and the same copy of Pulumi's: with two, inline programs fail.
    for package in PACKAGES:
        link = modules / package
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(packages / package)


def _is_user_built(path: Path) -> bool:
    return path.parts[0] in USER_BUILT
