"""A project on the real engine, between a sandbox AlloMia and a real OpenBao."""

from __future__ import annotations

import base64
import os
import pty
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import yaml

from tools.engine import trail
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.sandbox import Event, Sandbox, Tenant
from tools.engine.workspace import Result, Workspace

MOVED_CLOCK = Path(__file__).with_name("moved_clock")
EXAMPLES = Path(__file__).parents[2] / "examples"
GONE_SECONDS = 20.0
ANSWER_SECONDS = 180.0
# The plugin; the dynamic provider, and the script that starts it.
PROVIDERS = (b"pulumi-resource-", b"pulumi.dynamic")
PROJECT = "name: clinic\nruntime: python\n"
PROOFS: dict[str, Any] = {"method": "GET", "path": "*/api/calls*"}
SEVERAL = """
import pulumi
from allomia_pulumi import OrganizationApiKey

config = pulumi.Config()
for number in range(config.require_int("count")):
    key = OrganizationApiKey(
        f"key-{number}",
        organization_id=config.require("organizationId"),
        rotation_triggers={"quarter": config.require("quarter")},
    )
    pulumi.export(f"key-{number}", key.secret)
"""
PLUGIN = [{"name": "allomia", "path": str(Path(sys.executable).parent)}]
PROJECTS = {
    "allomia_pulumi": PROJECT,
    "allomia_pulumi.native": yaml.safe_dump({"name": "clinic", "runtime": "python", "plugins": {"providers": PLUGIN}}),
}


@dataclass(frozen=True)
class Scene:
    """What one test plays on."""

    sandbox: Sandbox
    openbao: OpenBao
    workspace: Workspace
    tenant: Tenant
    organization: str
    canaries: list[str] = field(default_factory=list, repr=False)

    def secret(self, name: str = "secret") -> str:
        """Return a secret output, and remember it as a canary."""
        value = str(self.workspace.outputs(show_secrets=True)[name])
        self.canaries.append(value)
        return value

    def accepts(self, secret: str) -> int:
        return self.sandbox.key_status(self.organization, secret)

    def alive(self) -> list[str]:
        return [key.id for key in self.sandbox.alive(self.organization)]

    def jump(self, hours: float) -> None:
        """Let time pass for the provider and for AlloMia."""
        seconds = hours * 3600 + float(self.workspace.env.get("ALLOMIA_TEST_SECONDS_AHEAD", "0"))
        self.workspace.env["ALLOMIA_TEST_SECONDS_AHEAD"] = str(seconds)
        path = self.workspace.env.get("PYTHONPATH", "")
        if str(MOVED_CLOCK) not in path:
            self.workspace.env["PYTHONPATH"] = f"{MOVED_CLOCK}{os.pathsep}{path}".rstrip(os.pathsep)
        self.sandbox.settings(clock_offset_seconds=seconds)

    def up(self, *arguments: str) -> Result:
        return self.workspace.up("--skip-preview", *arguments)


def set_scene(sandbox: Sandbox, openbao: OpenBao, workspace: Workspace, **config: str) -> Scene:
    """Give a project a tenant, an organization, the tenant's key in Vault, and more configuration values."""
    sandbox.clear_faults()
    sandbox.settings(clock_offset_seconds=0)
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    kv = openbao.client().secrets.kv.v2
    path = f"allomia/{tenant.id}"
    kv.create_or_update_secret(path, {"api_key": tenant.key}, mount_point="secret")
    workspace.env.update(VAULT_ADDR=openbao.address, VAULT_TOKEN=openbao.token)
    project = yaml.safe_load((workspace.folder / "Pulumi.yaml").read_text())["name"]
    values = {
        f"{project}:organizationId": organization,
        "allomia:apiUrl": sandbox.address,
        "allomia:tenantKeyRef": f"secret/{path}#api_key",
        **{f"{project}:{name}": value for name, value in config.items()},
    }
    workspace.write({"Pulumi.test.yaml": yaml.safe_dump({"config": values})})
    workspace.init("test")
    return Scene(sandbox, openbao, workspace, tenant, organization, [tenant.key, openbao.token])


@dataclass
class Calls:
    """What a command cost: calls to AlloMia per provider process, and requests to Vault."""

    scene: Scene
    _event: int = 0
    _entry: int = 0

    def __enter__(self) -> Self:
        self._event = self.scene.sandbox.last_event()
        self._entry = len(self.scene.openbao.audit_entries())
        return self

    def __exit__(self, *_: object) -> None:
        self._events = [event for event in self.scene.sandbox.events(self._event) if event.credential != "none"]
        self._entries = self.scene.openbao.audit_entries()[self._entry :]

    def allomia(self) -> list[list[str]]:
        """Return the types of calls in order, a list for each process."""
        return [[event.type for event in events] for events in _by_process(self._events)]

    def vault(self) -> Counter[str]:
        """Count requests to Vault by what they are."""
        return Counter(_kind(entry.path) for entry in self._entries)


def _by_process(events: Iterable[Event]) -> Iterator[list[Event]]:
    processes: dict[int | None, list[Event]] = {}
    for event in events:
        processes.setdefault(event.pid, []).append(event)
    yield from processes.values()


def _kind(path: str) -> str:
    if path.startswith("sys/internal/ui/mounts/"):
        return "preflight"
    return "login" if "/login" in path else "read" if "/data/" in path else path


def leaks(secrets: Iterable[str], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return the places where a secret stands, raw or encoded."""
    found = []
    for secret in secrets:
        raw = secret.encode()
        forms = {raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode(), quote(secret, safe="").encode()}
        found += [name for name, text in texts if any(form in text for form in forms)]
    return found


def state_texts(workspace: Workspace) -> list[tuple[str, bytes]]:
    """Return every file of the backend: state, backups and history."""
    return [(path.name, path.read_bytes()) for path in workspace.state_files()]


def resource(state: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a resource of an exported state by its logical name."""
    resources = state["deployment"]["resources"]
    return next(entry for entry in resources if entry["urn"].endswith(f"::{name}"))


def providers(workspace: Workspace) -> list[int]:
    """Return the processes of a project's provider that are alive."""
    mark = f"PULUMI_HOME={workspace.root / 'pulumi'}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
            if is_ours and any(word in command for word in PROVIDERS):
                found.append(int(folder.name))
    return found


def answer(workspace: Workspace, answers: str, *command: str | Path) -> Result:
    """Run a command at a terminal where somebody has typed the answers to its questions already."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            list(map(str, command)),
            env=workspace.env,
            cwd=workspace.folder,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(ours, answers.encode())
        stdout, stderr = process.communicate(timeout=ANSWER_SECONDS)
    finally:
        os.close(ours)
        os.close(theirs)
    shown = " ".join(map(str, command))
    trail.show(f"stdout of {shown}", stdout)
    trail.show(f"stderr of {shown}", stderr)
    return Result(shown, process.returncode, stdout, stderr)


def wait_until(look: Callable[[], object], seconds: float = GONE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise ToolError(f"It did not happen within {seconds:.0f} seconds.")
        time.sleep(0.05)


def kill_while_making(scene: Scene, *arguments: str) -> str:
    """Kill an `up` between the mint and the record, clear what it left of itself, and return the key's id."""
    before = set(scene.alive())
    # The proof of the new key waits, so that one key stays in the making however slow the machine is.
    scene.sandbox.add_fault("delay_before", seconds=600.0, times=None, **PROOFS)
    kill_once(scene, lambda: set(scene.alive()) - before, *arguments)
    (key,) = set(scene.alive()) - before
    return key


def kill_once(scene: Scene, look: Callable[[], object], *arguments: str) -> None:
    """Kill an `up` as soon as something has happened, and clear what it left of itself, and all faults."""
    process = scene.workspace.start("up", "--yes", "--skip-preview", *arguments)
    wait_until(look, ANSWER_SECONDS)
    # A provider that outlives the CLI would end the key itself, or not, as its time allows.
    left = providers(scene.workspace)
    for pid in left:
        os.kill(pid, signal.SIGSTOP)
    process.kill()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    scene.workspace.cancel()
    scene.sandbox.clear_faults()


def migrate(workspace: Workspace) -> None:
    """Change the import line, and say in the project where the plugin lies."""
    program, project = workspace.folder / "__main__.py", workspace.folder / "Pulumi.yaml"
    before = program.read_text()
    after = before.replace("from allomia_pulumi import", "from allomia_pulumi.native import")
    assert after != before
    plugins = {"providers": [{"name": "allomia", "path": str(Path(sys.executable).parent)}]}
    project_after = yaml.safe_dump({**yaml.safe_load(project.read_text()), "plugins": plugins})
    workspace.write({"__main__.py": after, "Pulumi.yaml": project_after})
