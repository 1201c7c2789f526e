"""Play a load: create, rotate by replacement, rotate in place, destroy, each until it is done; and look after each."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.engine.usage import PROVIDER, Usage
from tools.engine.workspace import Result
from tools.load.scene import Scene

__all__ = ["Phase", "Report", "Run", "drive"]

MOST_RUNS = 60
RUN_SECONDS = 3600.0
MOST_MEMORY_MB = 200.0
ACCEPTED = 200
UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
CHANGED = re.compile(
    r"^\s+(?:\S+\s+|\+-|[+~-])?(\d+) (created|updated|replaced|deleted|unchanged|errored)$", re.MULTILINE
)
ERROR = re.compile(r"error: allomia: (.*)")
WARNING = re.compile(r"warning: (.*)")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MARKED = re.compile(r"\S*--p1[0-9a-z]{21}")
NEXT_STEP = re.compile(r"[^.]\. [A-Z`]")


@dataclass(frozen=True)
class Run:
    """One command: what it changed, and what it said, in kinds of messages."""

    phase: str
    seconds: float
    code: int
    changed: dict[str, int]
    errors: Counter[str]
    warnings: Counter[str]

    @property
    def is_done(self) -> bool:
        """Whether nothing was left to do."""
        return self.code == 0 and not set(self.changed) - {"unchanged"}


@dataclass(frozen=True)
class Phase:
    """What a phase cost: calls to AlloMia by type, and faults that struck, by kind."""

    name: str
    calls: dict[str, int]
    faults: dict[str, int]
    declared: int
    alive: int
    strays: int


@dataclass
class Report:
    """What came of a load.

    Attributes:
        problems: Promises that were not kept; empty when all is well.
        peaks: Memory in MB by role.
        said: What all commands printed.
    """

    runs: list[Run] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    said: str = field(default="", repr=False)


def drive(scene: Scene, tell: Callable[[Run], object] = lambda _: None) -> Report:
    """Play all phases, and report."""
    with Usage(scene.workspace) as usage:
        driver = _Driver(scene, tell)
        driver.create()
        driver.replace()
        driver.rotate_in_place()
        driver.destroy()
    report = driver.report
    report.peaks = usage.peaks
    if not 0 < usage.peaks.get(PROVIDER, 0) < MOST_MEMORY_MB:
        report.problems.append(f"the provider took {usage.peaks.get(PROVIDER, 0):.0f} MB")
    return report


class _Driver:
    def __init__(self, scene: Scene, tell: Callable[[Run], object]) -> None:
        self._scene = scene
        self._tell = tell
        self._keys: set[str] = set()
        self.report = Report()

    def create(self) -> None:
        self._scene.workspace.config_set("quarter", "1")
        self._up("create")

    def replace(self) -> None:
        self._scene.workspace.config_set("quarter", "2")
        self._up("rotate by replacement")

    def rotate_in_place(self) -> None:
        self._scene.workspace.config_set("overlap", "1s")
        self._scene.workspace.config_set("quarter", "3")
        self._up("rotate in place")

    def destroy(self) -> None:
        with _Measured(self._scene, self.report, "destroy", self._strays):
            self._until(DESTROY, "destroy", lambda run: run.code == 0)
        if records := self._scene.records():
            self._blame(f"destroy: {len(records)} keys are still in the state")

    def _up(self, phase: str) -> None:
        with _Measured(self._scene, self.report, phase, self._strays):
            self._until(UP, phase, lambda run: run.is_done)
        self._inspect(phase)

    def _until(self, command: tuple[str, ...], phase: str, is_done: Callable[[Run], bool]) -> None:
        for _ in range(MOST_RUNS):
            began, event = time.monotonic(), self._scene.sandbox.last_event()
            result = self._scene.workspace.run(*command, timeout=RUN_SECONDS)
            self.report.said += result.text
            run = _read(result, phase, time.monotonic() - began)
            self.report.runs.append(run)
            self._tell(run)
            self._listen(result, phase)
            if is_done(run):
                if run.is_done and self._scene.sandbox.last_event() != event:
                    self._blame(f"{phase}: a run that changed nothing called AlloMia")
                return
        self._blame(f"{phase}: not done after {MOST_RUNS} runs")

    def _listen(self, result: Result, phase: str) -> None:
        if "Traceback" in result.text:
            self._blame(f"{phase}: a traceback reached the console")
        for line in ERROR.findall(result.text):
            if not NEXT_STEP.search(line):
                self._blame(f"{phase}: an error without a next step: {_kind(line)}")

    def _inspect(self, phase: str) -> None:
        records = self._scene.records()
        if len(records) != self._scene.load.keys:
            self._blame(f"{phase}: {len(records)} keys are in the state")
        refused = [each.key_id for each in records if self._status(each.organization_id, each.secret) != ACCEPTED]
        if refused:
            self._blame(f"{phase}: {len(refused)} secrets are lost or refused: {refused[:3]}")
        keys = {each.key_id for each in records}
        if same := keys & self._keys:
            self._blame(f"{phase}: {len(same)} keys were not rotated")
        self._keys = keys

    def _status(self, organization_id: str, secret: str | None) -> int:
        return self._scene.sandbox.key_status(organization_id, secret) if secret else 0

    def _strays(self, phase: str) -> tuple[int, int, int]:
        """Return how many keys are recorded, alive, and alive without a record; the last ones have to be named."""
        alive = self._scene.alive()
        recorded: set[str] = set().union(*(each.key_ids for each in self._scene.records()))
        strays = {key_id: name for key_id, name in alive.items() if key_id not in recorded}
        said = self.report.said
        unnamed = [name for key_id, name in strays.items() if key_id not in said and name not in said]
        if unnamed:
            self._blame(f"{phase}: {len(unnamed)} keys are alive that nobody named: {unnamed[:3]}")
        if lost := recorded - set(alive):
            self._blame(f"{phase}: {len(lost)} keys of the state are not alive: {sorted(lost)[:3]}")
        return len(recorded), len(alive), len(strays)

    def _blame(self, problem: str) -> None:
        self.report.problems.append(problem)


class _Measured:
    """Count calls and faults of one phase, with the faults armed inside and gone afterwards."""

    def __init__(self, scene: Scene, report: Report, phase: str, strays: Callable[[str], tuple[int, int, int]]) -> None:
        self._scene, self._report, self._phase, self._strays = scene, report, phase, strays

    def __enter__(self) -> None:
        self._before = self._scene.sandbox.counts()
        self._scene.arm()

    def __exit__(self, *_: object) -> None:
        after, hits = self._scene.sandbox.counts(), self._scene.disarm()
        calls = {name: count - self._before[name] for name, count in after.items() if name != "alive"}
        declared, alive, strays = self._strays(self._phase)
        self._report.phases.append(
            Phase(self._phase, {name: count for name, count in calls.items() if count}, hits, declared, alive, strays)
        )


def _read(result: Result, phase: str, seconds: float) -> Run:
    summary = result.text.rpartition("Resources:")[2]
    return Run(
        phase=phase,
        seconds=seconds,
        code=result.code,
        changed={name: int(count) for count, name in CHANGED.findall(summary)},
        errors=Counter(map(_kind, ERROR.findall(result.text))),
        warnings=Counter(map(_kind, WARNING.findall(result.text))),
    )


def _kind(message: str) -> str:
    """Return a message without what differs from key to key."""
    text = MARKED.sub("NAME", UUID.sub("ID", message))
    return re.sub(r"“[^”]*”", "“…”", re.sub(r"\d+ s(?:econds)? old|\d{4}-\d\d-\d\dT\S+", "…", text))
