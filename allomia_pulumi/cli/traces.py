"""Search beyond the states for keys that seem lost: in history, in backups, and in other stacks.

A key that any checkpoint ever named was in somebody's hands: only one that was lost on its way was in none.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from allomia_pulumi.cli.doctor.backend import Backend, find_backend
from allomia_pulumi.cli.stacks import Stack, export_stack, list_stacks
from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.core.marks import parse_mark
from allomia_pulumi.core.orphans import Trace
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration
from allomia_pulumi.ground.redaction import printable

__all__ = ["checkpoint_traces", "stack_traces"]

SEARCH_SECONDS = 60.0
EXPORTS_AT_ONCE = 4
GZIP = b"\x1f\x8b"
UNREADABLE = "cannot be read"
UNFINISHED = "is more than could be read in time"
# Messages of failed operations name keys that were lost: that is no sign of a holder.
MESSAGES = frozenset({"initErrors"})


@dataclass(frozen=True)
class _Sought:
    """The texts that tell a key: its id, and its mark."""

    key_id: str
    texts: tuple[str, ...]


def checkpoint_traces(stacks: Iterable[Stack], keys: Iterable[ApiKey]) -> tuple[list[Trace], list[str]]:
    """Look through every checkpoint that the stacks' backends keep in a folder, for a bounded time.

    Returns:
        What was found, and the labels of stacks whose backend is no folder: their checkpoints cannot be looked through.
    """
    sought = _sought(keys)
    found = [(stack, _backend(stack)) for stack in stacks]
    files = {file: backend for stack, backend in found for file in backend.project_files(stack.project)}
    end = time.monotonic() + SEARCH_SECONDS
    traces = []
    for file, backend in files.items():
        where = printable(str(file.relative_to(backend.folder or "/")))
        if time.monotonic() > end:
            traces.append(Trace(f"the history from {where} on", unread=UNFINISHED))
            break
        traces += _trace_of(where, _content(file), sought)
    return traces, [stack.label for stack, backend in found if backend.folder is None]


def stack_traces(stacks: Sequence[Stack], keys: Iterable[ApiKey]) -> list[Trace]:
    """Look through the states themselves, and those of every other stack that the backend shows.

    A resource may have moved to another project, or its stack. Only in its own project an unreadable state is a doubt:
    nobody may read everything that an organization has.
    """
    sought = _sought(keys)
    traces = [trace for each in stacks for trace in _trace_of(f"the state of {each.label}", each.deployment, sought)]
    for stack in {(each.folder, each.project): each for each in stacks}.values():
        try:
            names = list_stacks(stack.folder)
        except AllomiaError:
            traces.append(Trace("the backend's list of stacks", unread=UNREADABLE))
            continue
        known = {each.full_name for each in stacks if each.folder == stack.folder}
        others = [name for name in names if name not in known]
        with ThreadPoolExecutor(EXPORTS_AT_ONCE) as pool:
            states = pool.map(lambda name, folder=stack.folder: _state(folder, name), others)
        for name, state in zip(others, states, strict=True):
            if state is None and not _is_of(name, stack.project):
                continue
            traces += _trace_of(f"the state of {printable(name)}", state, sought)
    return traces


def _sought(keys: Iterable[ApiKey]) -> list[_Sought]:
    marks = ((key.id, parse_mark(key.name)) for key in keys)
    return [_Sought(key_id, (key_id, str(mark)) if mark else (key_id,)) for key_id, mark in marks]


def _backend(stack: Stack) -> Backend:
    try:
        return find_backend(stack)
    except InvalidConfiguration:
        return Backend()


def _content(file: Path) -> object:
    """Return a checkpoint, or None when it cannot be read."""
    try:
        content = file.read_bytes()
        content = gzip.decompress(content) if content.startswith(GZIP) else content
        return json.loads(content)
    except (OSError, EOFError, ValueError, zlib.error):
        return None


def _state(folder: Path, name: str) -> object:
    try:
        return export_stack(folder, name)
    except AllomiaError:
        return None


def _is_of(full_name: str, project: str) -> bool:
    """Tell whether a stack is of a project; the old layout of a self-managed backend does not say."""
    parts = full_name.split("/")
    return len(parts) == 1 or parts[-2] == project


def _trace_of(where: str, value: object, sought: Collection[_Sought]) -> list[Trace]:
    if not isinstance(value, Mapping):
        return [Trace(where, unread=UNREADABLE)]
    found = {each.key_id for text in _texts(value) for each in sought if any(part in text for part in each.texts)}
    return [Trace(where, frozenset(found))] if found else []


def _texts(value: object) -> Iterator[str]:
    """Return every text of a JSON value, but for messages."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting.extend(part for item in one.items() if item[0] not in MESSAGES for part in item)
        elif isinstance(one, list):
            waiting.extend(one)
