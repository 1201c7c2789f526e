"""Every write of every operation on a declared key, with its number: what the crash sweep strikes at.

Numbers are for ever: a new write gets the next one. A write has two boundaries: before it is sent, and carried out
without an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

from tools.engine.tap import Request, Side


class Write(Enum):
    """A request that changes AlloMia or Vault: its name, its method, and its path for one key."""

    MINT = ("mint", "POST", r"/api/organization/{organization}/api-keys")
    REVOKE = ("revoke", "DELETE", r"/api/organization/{organization}/api-keys/[^/]+")
    MARK = ("write marks", "POST", r"/v1/secret/metadata/sweep/{name}")
    DELIVER = ("write data", "POST", r"/v1/secret/data/sweep/{name}")
    DESTROY = ("destroy versions", "POST", r"/v1/secret/destroy/sweep/{name}")
    ERASE = ("delete metadata", "DELETE", r"/v1/secret/metadata/sweep/{name}")

    def __init__(self, label: str, method: str, template: str) -> None:
        self.label = label
        self.method = method
        self.template = template

    @property
    def is_in_vault(self) -> bool:
        return self.template.startswith("/v1/")

    def path(self, organization: str, name: str) -> str:
        return self.template.format(organization=re.escape(organization), name=re.escape(name))


class Operation(StrEnum):
    CREATE = "create"
    MEND = "create, first answer lost"
    REPLACE = "replace: the new key"
    CLOSE = "replace: the old key"
    ROTATE = "rotate in place"
    RETIRE = "retire"
    DELIVER = "deliver later"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Step:
    number: int
    operation: Operation
    write: Write

    def __str__(self) -> str:
        return f"{self.number} {self.write.label}"


STEPS = (
    Step(1, Operation.CREATE, Write.MINT),
    Step(2, Operation.CREATE, Write.MARK),
    Step(3, Operation.CREATE, Write.DELIVER),
    Step(4, Operation.REPLACE, Write.MINT),
    Step(5, Operation.REPLACE, Write.MARK),
    Step(6, Operation.REPLACE, Write.DELIVER),
    Step(7, Operation.CLOSE, Write.REVOKE),
    Step(8, Operation.CLOSE, Write.DESTROY),
    Step(9, Operation.ROTATE, Write.MINT),
    Step(10, Operation.ROTATE, Write.MARK),
    Step(11, Operation.ROTATE, Write.DELIVER),
    Step(12, Operation.RETIRE, Write.REVOKE),
    Step(13, Operation.DELIVER, Write.MARK),
    Step(14, Operation.DELIVER, Write.DELIVER),
    # The predecessor first, then the current key.
    Step(15, Operation.DESTROY, Write.REVOKE),
    Step(16, Operation.DESTROY, Write.REVOKE),
    Step(17, Operation.DESTROY, Write.DESTROY),
    Step(18, Operation.DESTROY, Write.ERASE),
    # The mint whose answer is lost is step 1; what follows is a revocation, and a creation under a new nonce.
    Step(19, Operation.MEND, Write.REVOKE),
    Step(20, Operation.MEND, Write.MINT),
    Step(21, Operation.MEND, Write.MARK),
    Step(22, Operation.MEND, Write.DELIVER),
)


@dataclass(frozen=True)
class Boundary:
    step: Step
    side: Side

    def __str__(self) -> str:
        return f"{self.step}, {self.side.value}"

    @property
    def skip(self) -> int:
        """Return how many writes of this kind the operation has before this one."""
        earlier = (step for step in steps_of(self.step.operation) if step.number < self.step.number)
        lost = self.step.operation is Operation.MEND and self.step.write is Write.MINT
        return sum(step.write is self.step.write for step in earlier) + lost


def steps_of(operation: Operation, *, with_vault: bool = True) -> list[Step]:
    """Return the writes of an operation in their order."""
    return [step for step in STEPS if step.operation is operation and (with_vault or not step.write.is_in_vault)]


def boundaries_of(operation: Operation, *, with_vault: bool = True) -> list[Boundary]:
    return [Boundary(step, side) for step in steps_of(operation, with_vault=with_vault) for side in Side]


def name_write(request: Request, organization: str, name: str) -> Write | None:
    """Return which write of a key this request is, if it is one."""
    for write in Write:
        if request.method == write.method and re.fullmatch(write.path(organization, name), request.path):
            return write
    return None


READING = {"GET", "HEAD", "LIST"}
# These ask, whatever their method says.
ASKING = "/v1/sys/capabilities-self"


def is_write(request: Request) -> bool:
    return request.method not in READING and request.path != ASKING
