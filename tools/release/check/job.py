"""The job that a release is for, done with one installed artefact: mint, use, rotate, destroy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tools.engine import trail
from tools.engine.build import Engine, ensure_engine
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Program, Result, Workspace
from tools.engine.yaml_host import ensure_yaml_host

__all__ = ["Bench"]

ACCEPTED, REFUSED = 200, 401
STACK = "check"
ORGANIZATION = "Valley Health Clinic"


@dataclass(frozen=True)
class Bench:
    """An engine between a sandbox AlloMia and a real OpenBao."""

    engine: Engine
    sandbox: Sandbox
    openbao: OpenBao

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        """Start the servers; they end with the context."""
        engine = ensure_engine()
        with Sandbox.start() as sandbox, OpenBao.dev() as openbao:
            yield cls(engine, sandbox, openbao)

    @contextmanager
    def project(self, program: Program, *, home: Path | None = None, path: Sequence[Path] = ()) -> Iterator[Workspace]:
        """Make a project that finds no plugin and no package of this checkout.

        Args:
            program: Its files.
            home: The Pulumi home, shared with other projects; None makes an empty one.
            path: Folders for the front of PATH.
        """
        with ExitStack() as stack:
            hosts = [*path, ensure_yaml_host(self.engine)]
            project = stack.enter_context(Workspace(self.engine, program, path=hosts, is_watched=False))
            # The folder of the Python that runs us has the plugin's program: the engine would take that one.
            own = str(Path(sys.executable).parent)
            entries = project.env["PATH"].split(os.pathsep)
            project.env["PATH"] = os.pathsep.join(each for each in entries if each != own)
            project.env.update(VAULT_ADDR=self.openbao.address, VAULT_TOKEN=self.openbao.token)
            if home is not None:
                project.env["PULUMI_HOME"] = str(home)
            yield project
        # What a project has left is kept for the tests that search it; here nobody does.
        trail.take()

    def do(self, project: Workspace, run: Callable[[str], Result] | None = None) -> str:
        """Do the job in a project, and return what was seen.

        Args:
            project: Its program has the settings `organizationId` and `quarter`, and the output `secret`.
            run: Runs `up` or `destroy`; None leaves it to the CLI.

        Raises:
            ToolError: A command failed, or AlloMia did not answer as it has to.
        """
        run = run or (lambda command: project.run(command, "--yes", "--skip-preview"))
        tenant = self.sandbox.add_tenant("Clinics")
        organization = self.sandbox.add_organization(tenant.id, ORGANIZATION)
        self.openbao.client().secrets.kv.v2.create_or_update_secret(
            f"allomia/{tenant.id}", {"api_key": tenant.key}, mount_point="secret"
        )
        project.init(STACK)
        project.config_set("organizationId", organization)
        project.config_set("quarter", "2026-Q4")
        project.config_set("allomia:apiUrl", self.sandbox.address)
        project.config_set("allomia:tenantKeyRef", f"secret/allomia/{tenant.id}#api_key")

        def answers(*secrets: str) -> tuple[int, ...]:
            return tuple(self.sandbox.key_status(organization, secret) for secret in secrets)

        run("up").check()
        first = str(project.outputs(show_secrets=True)["secret"])
        _expect(answers(first), (ACCEPTED,), "the minted key")
        project.config_set("quarter", "2027-Q1")
        run("up").check()
        second = str(project.outputs(show_secrets=True)["secret"])
        _expect(answers(second, first), (ACCEPTED, REFUSED), "the new and the old key")
        run("destroy").check()
        _expect(answers(second), (REFUSED,), "the destroyed key")
        if left := self.sandbox.alive(organization):
            raise ToolError(f"{len(left)} keys are left alive.")
        return "minted, used, rotated, destroyed"


def _expect(found: tuple[int, ...], wanted: tuple[int, ...], what: str) -> None:
    if found != wanted:
        raise ToolError(f"AlloMia answers {found} to {what}, and should answer {wanted}.")
