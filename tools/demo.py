"""`make demo`: the whole job on the real engine, narrated; every step says what was seen, and a difference fails."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tools.engine.build import ensure_engine
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result, Workspace

PROGRAM = Path(__file__).parent.parent / "examples" / "quickstart"
TENANT_KEY_REF = "secret/allomia/tenant#api_key"
SECRET_VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "VAULT_TOKEN")
PRIVATE_VARIABLES = ("HOME", "NO_COLOR")
ACCEPTED, REFUSED = 200, 401

console = Console(highlight=False, soft_wrap=True)


class DifferentError(Exception):
    """Something was not as it has to be."""


@dataclass(frozen=True)
class Scene:
    """The servers and the project of one run."""

    sandbox: Sandbox
    openbao: OpenBao
    workspace: Workspace
    organization_id: str

    def use(self, secret: str) -> int:
        """Call AlloMia with a key and return the status."""
        return self.sandbox.key_status(self.organization_id, secret)

    def secret(self) -> str:
        """Ask Pulumi for the secret output."""
        return str(self.workspace.outputs(show_secrets=True)["secret"])

    def writes_since(self, event: int) -> int:
        """Count what changed something in AlloMia."""
        return sum(happened.type in {"minted", "revoked"} for happened in self.sandbox.events(event))


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave servers and project in place")
    keep = parser.parse_args().keep
    console.print("[bold]One AlloMia key, from preview to revocation: real Pulumi, real OpenBao, sandbox AlloMia[/]\n")
    try:
        with _scene(keep=keep) as scene:
            _play(scene)
            if keep:
                _say_how_to_go_on(scene)
    except (DifferentError, ToolError) as problem:
        console.print(f"\n[red]The demo failed:[/] {problem}", markup=not isinstance(problem, ToolError))
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; the demo's servers were ended")
        return 130
    return 0


@contextmanager
def _scene(*, keep: bool) -> Iterator[Scene]:
    """Start everything, and end it again unless it is to be kept."""
    engine = ensure_engine(lambda line: console.print(f"  {line}", style="dim", markup=False))
    _tell("engine", f"Pulumi {engine.version} ({'from PATH' if engine.origin == 'path' else 'our own build'})")
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox.start(keeps_running=keep))
        openbao = stack.enter_context(OpenBao.dev(keeps_running=keep))
        root = Path(tempfile.mkdtemp(prefix="allomia-demo-")) if keep else None
        workspace = stack.enter_context(Workspace(engine, PROGRAM, root))
        _tell("servers", f"sandbox AlloMia on {sandbox.address}, OpenBao on {openbao.address}")
        tenant = sandbox.add_tenant("Clinics")
        organization_id = sandbox.add_organization(tenant.id, "Valley Health Clinic")
        kv = openbao.client().secrets.kv.v2
        kv.create_or_update_secret("allomia/tenant", {"api_key": tenant.key}, mount_point="secret")
        _tell("tenant key", f"put into OpenBao at {TENANT_KEY_REF}")
        workspace.env.update(VAULT_ADDR=openbao.address, VAULT_TOKEN=openbao.token)
        workspace.init("demo")
        workspace.config_set("organizationId", organization_id)
        workspace.config_set("allomia:apiUrl", sandbox.address)
        workspace.config_set("allomia:tenantKeyRef", TENANT_KEY_REF)
        yield Scene(sandbox, openbao, workspace, organization_id)


def _play(scene: Scene) -> None:
    """Do the job, step by step."""
    _preview(scene)
    first = _first_up(scene)
    second = _rotate(scene, first)
    _refresh(scene, second)
    _destroy(scene, second)
    counts = scene.sandbox.counts()
    _expect((counts["minted"], counts["revoked"], counts["alive"]) == (2, 2, 0), f"AlloMia counted {counts}")
    console.print(
        f"\n[green]AlloMia counted {counts['minted']} minted, {counts['revoked']} revoked, {counts['alive']} alive.[/]"
    )


def _preview(scene: Scene) -> None:
    before = scene.sandbox.last_event()
    took = _run(scene.workspace.preview)
    _expect(scene.writes_since(before) == 0, "a preview changed something in AlloMia")
    _tell("preview", "one key to create; AlloMia's list was read for a free slot, nothing was written", took)


def _first_up(scene: Scene) -> str:
    took = _run(scene.workspace.up)
    secret = scene.secret()
    key_id = scene.workspace.outputs()["keyId"]
    _tell("up", f"key {key_id} minted, proved, handed over as a secret output", took)
    _expect(scene.use(secret) == ACCEPTED, "AlloMia does not accept the new key")
    _tell("use", f"a call to AlloMia with the key: {ACCEPTED}")
    in_clear = [path for path in scene.workspace.state_files() if secret.encode() in path.read_bytes()]
    _expect(not in_clear, "the secret stands in clear in Pulumi's state")
    _tell("state", "the secret is encrypted in state, backups and history")
    return secret


def _rotate(scene: Scene, old: str) -> str:
    scene.workspace.config_set("quarter", "2027-Q1")
    took = _run(scene.workspace.up)
    new = scene.secret()
    statuses = (scene.use(new), scene.use(old))
    _expect(new != old and statuses == (ACCEPTED, REFUSED), f"after the rotation the keys answer {statuses}")
    _tell("rotate", f"the trigger changed: new key {ACCEPTED}, old key {REFUSED}", took)
    return new


def _refresh(scene: Scene, secret: str) -> None:
    took = _run(lambda: scene.workspace.refresh("--expect-no-changes"))
    _expect(scene.secret() == secret, "the refresh lost the secret")
    _tell("refresh", "no changes, the secret is kept", took)


def _destroy(scene: Scene, secret: str) -> None:
    took = _run(scene.workspace.destroy)
    _expect(scene.use(secret) == REFUSED, "AlloMia still accepts the key after the destroy")
    _tell("destroy", f"the key is revoked: {REFUSED}", took)


def _run(command: Callable[[], Result]) -> float:
    """Run a command of the CLI and return the seconds it took."""
    start = time.monotonic()
    command().check()
    return time.monotonic() - start


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise DifferentError(otherwise)


def _tell(step: str, what: str, seconds: float | None = None) -> None:
    took = f" [dim]({seconds:.1f} s)[/]" if seconds is not None else ""
    console.print(f"  [cyan]{step:<11}[/] {what}{took}")


def _say_how_to_go_on(scene: Scene) -> None:
    """Print what a shell needs; secrets stay in files that only this user can read."""
    env, root = scene.workspace.env, scene.workspace.root
    console.print("\nServers and project are left in place. To go on by hand:\n")
    lines = [f"cd {shlex.quote(str(scene.workspace.folder))}"]
    for name, value in sorted(env.items()):
        if name in SECRET_VARIABLES:
            file = root / name.lower()
            file.touch(mode=0o600)
            file.write_text(value)
            lines.append(f'export {name}="$(cat {shlex.quote(str(file))})"')
        elif name == "PATH":
            ours = value.removesuffix(os.environ.get("PATH", "")).rstrip(os.pathsep)
            lines.append(f'export PATH={shlex.quote(ours)}:"$PATH"')
        elif name not in PRIVATE_VARIABLES and os.environ.get(name) != value:
            lines.append(f"export {name}={shlex.quote(value)}")
    lines.append(f"export ALLOMIA_API_URL={scene.sandbox.address} ALLOMIA_TENANT_KEY_REF={TENANT_KEY_REF}")
    lines.append("pulumi up")
    lines += ["allomia keys --stack .", "allomia orphans --stack .", "allomia doctor --stack ."]
    for line in lines:
        console.print(f"    {line}", markup=False)
    console.print(f"\nTo end it:\n\n    kill {scene.sandbox.pid} {scene.openbao.pid}; rm -r {shlex.quote(str(root))}")


if __name__ == "__main__":
    sys.exit(main())
