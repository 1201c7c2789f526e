"""Pytest fixtures over the real engine, OpenBao and the sandbox; `tests/conftest.py` names this module a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tools.engine.build import Engine, ensure_engine
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Program, Workspace

__all__ = ["MakeWorkspace", "engine", "openbao", "sandbox", "workspace"]

MakeWorkspace: TypeAlias = Callable[[Program], Workspace]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return a complete Pulumi; built once when there is none, which takes minutes."""
    return ensure_engine()


@pytest.fixture
def workspace(engine: Engine, tmp_path: Path) -> Iterator[MakeWorkspace]:
    """Return a function that makes an isolated project of a program; its processes end with the test."""
    with ExitStack() as stack:
        made: list[Workspace] = []

        def make(program: Program) -> Workspace:
            made.append(stack.enter_context(Workspace(engine, program, tmp_path / f"workspace-{len(made)}")))
            return made[-1]

        yield make


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
