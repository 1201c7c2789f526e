"""The scene of one unit: a sandbox AlloMia with organizations, an OpenBao with the tenant key, and a fresh stack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self

import yaml

from benchmarks.contenders import PROJECT, Contender
from benchmarks.limit import engine_operations_at_once
from benchmarks.usage import PROGRAM, PROVIDER, Meter
from tools.engine.build import Engine
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

__all__ = ["Cost", "DifferentError", "Scene", "Servers"]

STACK = "bench"
TENANT_KEY_PATH = "allomia/tenant"
TENANT_KEY_REF = f"secret/{TENANT_KEY_PATH}#api_key"
RUN_SECONDS = 3600.0
# The engine lets a provider have five seconds for its end.
END_SECONDS = 6.0
# Without these the engine writes its whole state after each step.
NO_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}


class DifferentError(Exception):
    """A command did not do what is measured."""


@dataclass(frozen=True)
class Cost:
    """What one command cost, in the fields of a sample."""

    seconds: float
    allomia: dict[str, int]
    vault: int
    cpu_seconds: float
    memory_mb: float
    program_cpu_seconds: float
    at_once: int


class Servers:
    """The two servers, started once for all units."""

    def __init__(self, sandbox: Sandbox, openbao: OpenBao) -> None:
        self.sandbox = sandbox
        self.openbao = openbao
        self._audited = 0

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        """Run them for as long as the context."""
        with Sandbox.start() as sandbox, OpenBao.dev(audit=True) as openbao:
            yield cls(sandbox, openbao)

    def vault_requests(self) -> int:
        """Count the requests to Vault since the last call."""
        log = self.openbao.audit_log
        if log is None:
            return 0
        with log.open("rb") as file:
            file.seek(self._audited)
            new = file.read()
        self._audited += len(new)
        return sum(json.loads(line)["type"] == "response" for line in new.splitlines())


@dataclass(frozen=True)
class Scene:
    """One contender's stack, and the servers that it talks to."""

    servers: Servers
    workspace: Workspace
    meter: Meter

    @classmethod
    @contextmanager
    def set(
        cls,
        servers: Servers,
        engine: Engine,
        contender: Contender,
        *,
        organizations: int,
        keys_per_organization: int,
        latency_ms: int,
        checkpoints: bool,
    ) -> Iterator[Self]:
        """Make everything anew, for as long as the context."""
        sandbox, openbao = servers.sandbox, servers.openbao
        sandbox.reset()
        tenant = sandbox.add_tenant("Clinics")
        ids = [sandbox.add_organization(tenant.id, f"Clinic {number}") for number in range(organizations)]
        sandbox.settings(latency_ms=latency_ms)
        kv = openbao.client().secrets.kv.v2
        kv.create_or_update_secret(TENANT_KEY_PATH, {"api_key": tenant.key}, mount_point="secret")
        with ExitStack() as stack:
            workspace = stack.enter_context(Workspace(engine, contender.files(), is_watched=False))
            meter = Meter(workspace.root / "meter")
            workspace.write({"organizations.json": json.dumps(ids)})
            workspace.env.update(
                ALLOMIA_API_URL=sandbox.address,
                ALLOMIA_TENANT_KEY_REF=TENANT_KEY_REF,
                VAULT_ADDR=openbao.address,
                VAULT_TOKEN=openbao.token,
                **meter.environment,
                **({} if checkpoints else NO_CHECKPOINTS),
            )
            # An installed package is compiled, and so is a checkout after its first run, unless this forbids it.
            workspace.env.pop("PYTHONDONTWRITEBYTECODE", None)
            workspace.init(STACK)
            scene = cls(servers, workspace, meter)
            scene.configure({"keysPerOrganization": str(keys_per_organization), "quarter": "1"})
            yield scene

    def configure(self, values: Mapping[str, str | None]) -> None:
        """Set configuration values, or take them away; in the stack's file, which is faster than the CLI."""
        file = self.workspace.folder / f"Pulumi.{STACK}.yaml"
        settings = yaml.safe_load(file.read_text())
        configured = {**settings.get("config", {}), **{f"{PROJECT}:{name}": value for name, value in values.items()}}
        settings["config"] = {name: value for name, value in configured.items() if value is not None}
        file.write_text(yaml.safe_dump(settings))

    def run(self, *command: str) -> Cost:
        """Run a command of the CLI to its end, and say what it cost.

        Raises:
            ToolError: It failed.
            DifferentError: The provider was killed, so that nobody knows what it used.
        """
        before = self.servers.sandbox.counts()
        self.servers.vault_requests()
        self.meter.clear()
        began = time.perf_counter()
        result = self.workspace.run(*command, timeout=RUN_SECONDS)
        seconds = time.perf_counter() - began
        result.check()
        after = self.servers.sandbox.counts()
        calls = {name: count - before[name] for name, count in after.items() if name != "alive"}
        if not self.meter.wait(PROVIDER, END_SECONDS):
            raise DifferentError(f"{result.command}: the provider was killed and left no account of its CPU time")
        provider = self.meter.of(PROVIDER)
        return Cost(
            seconds=seconds,
            allomia={name: count for name, count in calls.items() if count},
            vault=self.servers.vault_requests(),
            cpu_seconds=sum(spent.cpu_seconds for spent in provider),
            memory_mb=max(spent.memory_mb for spent in provider),
            program_cpu_seconds=sum(spent.cpu_seconds for spent in self.meter.of(PROGRAM)),
            at_once=engine_operations_at_once(),
        )
