"""A stack with one declared organization for each boundary, brought to where an operation is about to run, and run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml

from tests.engine.scenes import set_scene
from tests.sweep.play import PLUGIN, Face, Stack, lead_through_taps
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeOrganization, Sandbox
from tools.engine.tap import Hold, Request, Side, Tap

PROGRAM = """
import json
import pathlib

from {module} import Organization

for name, arguments in json.loads(pathlib.Path("clinics.json").read_text()).items():
    Organization(name, **arguments)
"""
ALL = "/api/organization"
ONE = rf"{ALL}/{{organization}}"
BEFORE, AFTER = "San Francisco", "Oakland"


class ClinicStep(Enum):
    """A write of an operation on a declared organization, with its number: they follow those of keys."""

    CREATE = (23, "create an organization", "POST", ALL)
    UPDATE = (24, "update an organization", "PUT", ONE)
    DEACTIVATE = (25, "deactivate an organization", "DELETE", ONE)

    def __init__(self, number: int, operation: str, method: str, template: str) -> None:
        self.number = number
        self.operation = operation
        self.method = method
        self.template = template

    def is_sent(self, request: Request, organization: str = "") -> bool:
        """Tell whether a request is this write, of one organization unless it makes one."""
        path = self.template.format(organization=re.escape(organization))
        return request.method == self.method and re.fullmatch(path, request.path) is not None


@dataclass(frozen=True)
class DeclaredClinic:
    """One organization of the stack; without a side it is a bystander, which nothing happens to."""

    name: str
    step: ClinicStep
    side: Side | None = None

    def arguments(self, *, is_late: bool) -> dict[str, Any] | None:
        """Return what the program declares before the operation, or as the operation; None is not yet."""
        if self.step is ClinicStep.CREATE and not is_late:
            return None
        is_changed = self.step is ClinicStep.UPDATE and is_late and self.side is not None
        return {
            "name": f"Clinic {self.name}",
            "email": f"{self.name}@clinic.example",
            "address": "123 Main Street",
            "city": AFTER if is_changed else BEFORE,
            "state_province": "CA",
            "postal_code": "94105",
            "country": "USA",
            "phone_number": "+14155551234",
            "timezone": "America/Los_Angeles",
            "deactivate_on_destroy": self.step is ClinicStep.DEACTIVATE,
        }


@dataclass(frozen=True)
class Clinics(Stack):
    """A stack of organizations, in a tenant that has another one, which no program declares."""

    clinics: Sequence[DeclaredClinic]
    adopted: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        return "destroy" if any(clinic.step is ClinicStep.DEACTIVATE for clinic in self.clinics) else "up"

    def prepare(self) -> None:
        """Bring every organization to where its operation is about to run, and have the program ask for it."""
        self.declare(is_late=False)
        self.again("up").check()
        self.declare(is_late=True)
        self.forget()

    def declare(self, *, is_late: bool = True) -> None:
        """Write the program's data; what was adopted says so."""
        declared = {clinic.name: clinic.arguments(is_late=is_late) for clinic in self.clinics}
        kept = {
            name: {**arguments, **({"adopt": self.adopted[name]} if name in self.adopted else {})}
            for name, arguments in declared.items()
            if arguments is not None
        }
        self.workspace.write({"clinics.json": json.dumps(kept)})

    def hold_all(self) -> dict[str, Hold]:
        """Hold every organization at its boundary; creations share their path: the first that comes meets the first."""
        creations = 0
        holds = {}
        for clinic in self.clinics:
            if clinic.side is None:
                continue
            if clinic.step is ClinicStep.CREATE:
                holds[clinic.name] = self.allomia.hold("POST", ALL, clinic.side, skip=creations)
                creations += 1
            else:
                (made,) = self.organizations(clinic)
                path = clinic.step.template.format(organization=re.escape(made.id))
                holds[clinic.name] = self.allomia.hold(clinic.step.method, path, clinic.side)
        return holds

    def organizations(self, clinic: DeclaredClinic) -> list[MadeOrganization]:
        """Return the organizations that were made for a declaration, deactivated ones too."""
        arguments = clinic.arguments(is_late=True) or {}
        return [each for each in self.everything() if each.name == arguments["name"]]

    def everything(self) -> list[MadeOrganization]:
        """Return all organizations of the tenant."""
        return self.scene.sandbox.organizations(self.scene.tenant.id)


StageClinics = Callable[..., Clinics]


@contextmanager
def staging_clinics(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Iterator[StageClinics]:
    """Return a function that makes a stack for steps, with an organization for each boundary and a bystander each."""
    with ExitStack() as stack:

        def make(face: Face, steps: Collection[ClinicStep]) -> Clinics:
            project = {"name": "clinic", "runtime": "python", "plugins": {"providers": PLUGIN}}
            program = {"Pulumi.yaml": yaml.safe_dump(project), "__main__.py": PROGRAM.format(module=face.module)}
            scene = set_scene(sandbox, openbao, workspace(program))
            allomia = stack.enter_context(Tap.open(sandbox.address))
            vault = stack.enter_context(Tap.open(openbao.address))
            lead_through_taps(scene, allomia, vault)
            clinics = [
                DeclaredClinic(f"{step.number}-{side.value}", step, side)
                for step in ClinicStep
                if step in steps
                for side in Side
            ]
            bystander = ClinicStep.DEACTIVATE if ClinicStep.DEACTIVATE in steps else ClinicStep.UPDATE
            clinics.append(DeclaredClinic("bystander", bystander))
            return Clinics(scene, face, allomia, vault, clinics)

        yield make
