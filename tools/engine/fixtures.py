"""Pytest fixtures over the real engine, OpenBao and the sandbox; `tests/conftest.py` names this module a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from tools.engine.build import Engine, ensure_engine
from tools.engine.go_programs import GoProgram, ensure_go_example
from tools.engine.node import NodeSdk, ensure_node_sdk, require_node
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.sandbox import Sandbox
from tools.engine.sdks import write_sdks
from tools.engine.workspace import Program, Workspace
from tools.engine.yaml_host import ensure_yaml_host

__all__ = [
    "MakeWorkspace",
    "engine",
    "go_example",
    "node_sdk",
    "openbao",
    "sandbox",
    "sdks",
    "workspace",
    "yaml_workspace",
]

MakeWorkspace: TypeAlias = Callable[[Program], Workspace]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return a complete Pulumi; built once when there is none, which takes minutes."""
    return ensure_engine()


@pytest.fixture
def workspace(engine: Engine, tmp_path: Path) -> Iterator[MakeWorkspace]:
    """Return a function that makes an isolated project of a program; its processes end with the test."""
    with _workspaces(engine, tmp_path / "workspace") as make:
        yield make


@pytest.fixture
def yaml_workspace(engine: Engine, tmp_path: Path) -> Iterator[MakeWorkspace]:
    """Return a function as `workspace` does, for programs whose `Pulumi.yaml` says `runtime: yaml`."""
    with _workspaces(engine, tmp_path / "yaml", path=[ensure_yaml_host(engine)]) as make:
        yield make


@pytest.fixture(scope="session")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `nodejs` and `go`: the SDKs that `schema.json` gives."""
    folder = tmp_path_factory.mktemp("sdk")
    write_sdks(folder)
    return folder


@pytest.fixture(scope="session")
def node_sdk(sdks: Path) -> NodeSdk:
    """Return the compiled Node SDK; skips the test where there is no Node."""
    try:
        require_node()
    except ToolError as error:
        pytest.skip(str(error))
    return ensure_node_sdk(sdks / "nodejs")


@pytest.fixture(scope="session")
def go_example() -> GoProgram:
    """Return the compiled program of `examples/go`; compiled once, which takes a minute."""
    return ensure_go_example()


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    """Return an unsealed OpenBao with an audit log and KV v2 at `secret/`."""
    with OpenBao.dev(audit=True) as server:
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Return a sandbox AlloMia; tests add their own tenants and organizations."""
    with Sandbox.start() as server:
        yield server


@contextmanager
def _workspaces(engine: Engine, root: Path, *, path: Sequence[Path] = ()) -> Iterator[MakeWorkspace]:
    with ExitStack() as stack:
        made: list[Workspace] = []

        def make(program: Program) -> Workspace:
            made.append(stack.enter_context(Workspace(engine, program, Path(f"{root}-{len(made)}"), path=path)))
            return made[-1]

        yield make
