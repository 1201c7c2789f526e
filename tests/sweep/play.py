"""A stack with one declared key for each boundary, brought to where an operation is about to run, and run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import yaml

from tests.engine.scenes import Scene, providers, set_scene, wait_until
from tests.sweep.steps import Boundary, Operation, Write, boundaries_of
from tools.engine import trail
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.tap import Hold, Side, Tap
from tools.engine.workspace import Result, Workspace

PLUGIN = [{"name": "allomia", "path": str(Path(sys.executable).parent)}]
PROGRAM = """
import json
import pathlib

from {module} import OrganizationApiKey

for name, arguments in json.loads(pathlib.Path("keys.json").read_text()).items():
    OrganizationApiKey(name, **arguments)
"""
PARALLEL = ("--skip-preview", "--parallel", "64")
# Longer than any hold: a request that waits for its test must not become a lost one by itself.
VAULT_SECONDS = 60
OVERLAP = {Operation.ROTATE: "1h", Operation.RETIRE: "1h", Operation.DESTROY: "720h"}
NEW = frozenset({Operation.CREATE, Operation.MEND})
ROTATED_AT = {
    Operation.RETIRE: 2,
    Operation.DESTROY: 2,
    Operation.REPLACE: 3,
    Operation.CLOSE: 3,
    Operation.ROTATE: 3,
}
NEVER = 4
ROTATED_BEFORE = frozenset({Operation.RETIRE, Operation.DESTROY})
END_SECONDS = 90.0
GONE_SECONDS = 60.0


class Face(StrEnum):
    DYNAMIC = "dynamic"
    PLUGIN = "plugin"

    @property
    def module(self) -> str:
        return "allomia_pulumi" if self is Face.DYNAMIC else "allomia_pulumi.native"


@dataclass(frozen=True)
class DeclaredKey:
    """One key of the stack, in an organization and at a place in Vault of its own."""

    name: str
    organization: str
    operation: Operation
    with_vault: bool
    boundary: Boundary | None = None

    def arguments(self, moment: int) -> dict[str, Any] | None:
        """Return what the program declares at moment 1, 2 or 3, the last being the operation; None is not yet."""
        if moment < 3 and self.operation in NEW:
            return None
        is_late = self.operation is Operation.DELIVER and moment < 3
        is_rotated = moment >= ROTATED_AT.get(self.operation, NEVER)
        arguments = {
            "organization_id": self.organization,
            "rotation_triggers": {"quarter": "q2" if is_rotated else "q1"},
            "overlap": OVERLAP.get(self.operation),
            "vault_secret": {"mount": "secret", "path": f"sweep/{self.name}", "field": "api_key"},
        }
        if is_late or not self.with_vault:
            del arguments["vault_secret"]
        return arguments


@dataclass
class Run:
    """A command of the CLI under way, with what it has printed so far."""

    process: subprocess.Popen[bytes]
    _parts: list[bytes] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for pipe in filter(None, (self.process.stdout, self.process.stderr)):
            reader = threading.Thread(target=self._read, args=[pipe], daemon=True)
            reader.start()
            self._readers.append(reader)

    @property
    def text(self) -> str:
        return b"".join(self._parts).decode(errors="replace")

    def interrupt(self) -> None:
        """Press Ctrl-C once, and return when the engine has said that it heard."""
        self.process.send_signal(signal.SIGINT)
        wait_until(lambda: "^C received" in self.text or self.process.poll() is not None)

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.process.wait(END_SECONDS)
        # What outlives a killed CLI may keep its pipes open.
        for reader in self._readers:
            reader.join(1.0)
        trail.show("output of the struck run", self.text)
        return code

    def _read(self, pipe: IO[bytes]) -> None:
        with suppress(ValueError, OSError):
            while part := pipe.read1():  # type: ignore[attr-defined]
                self._parts.append(part)


@dataclass(frozen=True)
class Stack(ABC):
    """A stack, and the taps that all requests of its provider go through."""

    scene: Scene
    face: Face
    allomia: Tap
    vault: Tap

    @property
    def workspace(self) -> Workspace:
        return self.scene.workspace

    @property
    @abstractmethod
    def command(self) -> str:
        """The command that is the operation."""

    @abstractmethod
    def hold_all(self) -> dict[str, Hold]:
        """Hold everything at its boundary, and return the holds by names."""

    def forget(self) -> None:
        """Forget the requests so far."""
        for tap in (self.allomia, self.vault):
            tap.forget()

    def start(self) -> Run:
        """Start the operation."""
        return Run(self.workspace.start(self.command, "--yes", *PARALLEL))

    def again(self, command: str = "") -> Result:
        """Run a command to its end, by default that of the operation."""
        return self.workspace.run(command or self.command, "--yes", *PARALLEL)

    def providers(self) -> list[int]:
        """Return the processes of the provider that are alive."""
        return providers(self.workspace)

    def wait_for_providers(self) -> None:
        """Return when no process of the provider is left."""
        wait_until(lambda: not self.providers(), GONE_SECONDS)

    def is_locked(self) -> bool:
        return any("locks" in path.parts for path in self.workspace.state_files() if path.suffix == ".json")


@dataclass(frozen=True)
class Play(Stack):
    """A stack of keys."""

    keys: Sequence[DeclaredKey]

    @property
    def command(self) -> str:
        return "destroy" if self._operations == {Operation.DESTROY} else "up"

    @property
    def _operations(self) -> set[Operation]:
        return {key.operation for key in self.keys}

    def prepare(self) -> None:
        """Bring every key to where its operation is about to run, and have the program ask for it."""
        for moment, operations in ((1, set(Operation) - NEW), (2, ROTATED_BEFORE)):
            if operations & self._operations:
                self._declare(moment)
                self.again("up").check()
        if Operation.RETIRE in self._operations:
            self.scene.jump(hours=2)
        self._declare(3)
        self.forget()
        for key in self.keys:
            if key.operation is Operation.MEND:
                self.allomia.lose("POST", Write.MINT.path(key.organization, key.name), Side.AFTER)

    def hold_all(self) -> dict[str, Hold]:
        """Hold every key at its boundary."""
        return {key.name: self._hold(key, key.boundary) for key in self.keys if key.boundary is not None}

    def alive(self, key: DeclaredKey) -> dict[str, str]:
        """Return the living keys of its organization: names by ids."""
        return {each.id: each.name for each in self.scene.sandbox.alive(key.organization)}

    def _hold(self, key: DeclaredKey, boundary: Boundary) -> Hold:
        write = boundary.step.write
        tap = self.vault if write.is_in_vault else self.allomia
        return tap.hold(write.method, write.path(key.organization, key.name), boundary.side, skip=boundary.skip)

    def _declare(self, moment: int) -> None:
        declared = {key.name: key.arguments(moment) for key in self.keys}
        kept = {name: arguments for name, arguments in declared.items() if arguments is not None}
        self.workspace.write({"keys.json": json.dumps(kept)})


Stage = Callable[..., Play]


@contextmanager
def staging(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Iterator[Stage]:
    """Return a function that makes a stack for operations, with a key for each boundary, or one or two without."""
    with ExitStack() as stack:

        def make(
            face: Face, operations: Collection[Operation], *, is_clean: bool = False, only_vault: bool = False
        ) -> Play:
            project = {"name": "clinic", "runtime": "python", "plugins": {"providers": PLUGIN}}
            program = {"Pulumi.yaml": yaml.safe_dump(project), "__main__.py": PROGRAM.format(module=face.module)}
            scene = set_scene(sandbox, openbao, workspace(program))
            allomia = stack.enter_context(Tap.open(sandbox.address))
            vault = stack.enter_context(Tap.open(openbao.address))
            lead_through_taps(scene, allomia, vault)
            keys = [
                DeclaredKey(name, sandbox.add_organization(scene.tenant.id, name), operation, with_vault, boundary)
                for name, operation, with_vault, boundary in _cast(scene, operations, is_clean=is_clean)
                if with_vault or not only_vault
            ]
            return Play(scene, face, allomia, vault, keys)

        yield make


def _cast(
    scene: Scene, operations: Collection[Operation], *, is_clean: bool
) -> Iterator[tuple[str, Operation, bool, Boundary | None]]:
    """Yield name, operation, whether with Vault, and boundary; names are this scene's own, as Vault is shared."""
    suffix = scene.tenant.id[-8:]
    for operation in operations:
        for with_vault in (True, False):
            boundaries: list[Boundary | None] = [*boundaries_of(operation, with_vault=with_vault)]
            for boundary in [None] * bool(boundaries) if is_clean else boundaries:
                where = f"{boundary.step.number}-{boundary.side.value}" if boundary else operation.name.lower()
                yield f"{where}-{'vault' if with_vault else 'state'}-{suffix}", operation, with_vault, boundary


def lead_through_taps(scene: Scene, allomia: Tap, vault: Tap) -> None:
    file = scene.workspace.folder / "Pulumi.test.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"] |= {
        "allomia:apiUrl": allomia.address,
        "allomia:owner": "crash sweep",
        "allomia:vault": {"timeoutSeconds": VAULT_SECONDS},
    }
    file.write_text(yaml.safe_dump(content))
    scene.workspace.env["VAULT_ADDR"] = vault.address
