"""Where a secret could stand: the channels that are searched, each with a plant in the self-test."""

from __future__ import annotations

import dataclasses
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from tools.engine.trail import Shown

TRAIL = {
    "state": "*/state/.pulumi/stacks/*",
    "backup": "*/state/.pulumi/backups/*",
    "history": "*/state/.pulumi/history/*",
    "standard output": "stdout of *",
    "standard error": "stderr of *",
    "unread output": "unread output of *",
    "automatic log": "*/pulumi/logs/*",
    "event log": "*/project/events.json",
    "project folder": "*/project/Pulumi.*.yaml",
    "temporary folder": "*/tmp/*",
    "home": "*/home/*",
    "process arguments": "arguments of *",
    "server log": "log of *",
    "provider's error": "error of a provider",
    "provider's message": "message of a provider",
    "provider's output": "output of a provider",
}
"""What the search after every test goes through, by globs of `Shown.channel`."""

ASKED = ("exception", "repr", "command line", "test report", "wheel", "sdist")
"""What a test of its own asks for and searches."""

LOCAL_ENVIRONMENT = re.compile(r"_?environ(ment)?|env")
"""Variables that hold an environment, which is where secrets belong."""


def of_exception(error: BaseException) -> Iterator[Shown]:
    """Yield all that a log or a crash report could show of an error and of its chain, with the locals of our frames."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        problem = todo.pop()
        if problem is None or id(problem) in seen:
            continue
        seen.add(id(problem))
        told = [str(problem), repr(problem), repr(problem.args), *_formatted(problem)]
        told += [f"{name} {value}" for name, value in vars(problem).items()]
        yield Shown(f"exception {type(problem).__name__}", "\n".join(told).encode(errors="surrogateescape"))
        todo += [problem.__cause__, problem.__context__]


def of_object(thing: object) -> Iterator[Shown]:
    """Yield what prints of an object could show; one that is made of fields is also taken apart."""
    told = [repr(thing), str(thing), f"{thing}", repr([thing])]
    if isinstance(thing, BaseModel) or dataclasses.is_dataclass(thing):
        attributes = getattr(thing, "__dict__", {})
        told += [f"{name} {value!r}" for name, value in attributes.items() if not LOCAL_ENVIRONMENT.fullmatch(name)]
    yield Shown(f"repr of {type(thing).__name__}", "\n".join(told).encode(errors="surrogateescape"))


def of_pickle(thing: object) -> Iterator[Shown]:
    """Yield the pickle of an object that Pulumi or a process pool could make."""
    yield Shown(f"pickle of {type(thing).__name__}", pickle.dumps(thing, protocol=0))


def of_command(
    *command: str | Path, env: Mapping[str, str], answer: str = ""
) -> tuple[subprocess.CompletedProcess[bytes], list[Shown]]:
    """Run a program to its end, and return how it ended and what it printed."""
    done = subprocess.run(
        list(map(str, command)), env=env, input=answer.encode(), capture_output=True, timeout=120, check=False
    )
    # The arguments are the test's own, and may be what must not be repeated.
    name = f"{Path(command[0]).name} {command[1]}"
    return done, [Shown(f"{stream} of {name}", getattr(done, stream)) for stream in ("stdout", "stderr")]


def of_distributions(project: Path, into: Path) -> list[Shown]:
    """Build wheel and sdist of a project, and return both; archives are searched through their members."""
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    subprocess.run(build, cwd=project, check=True, capture_output=True)
    return [Shown(path.suffix.strip("."), path.read_bytes()) for path in sorted(into.iterdir())]


def _formatted(problem: BaseException) -> Iterator[str]:
    yield from traceback.format_exception(problem)
    for frame in traceback.TracebackException.from_exception(problem, capture_locals=True).stack:
        # Frames of libraries hold what they send; a crash report of those is not ours to promise.
        if "allomia_pulumi" in frame.filename:
            named = (frame.locals or {}).items()
            yield from (f"{name} {value}" for name, value in named if not LOCAL_ENVIRONMENT.fullmatch(name))
