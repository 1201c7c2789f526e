"""What the processes of a test leave behind: outputs, arguments, log files and folders, for a search afterwards.

Nobody reads the trail in the demo. It costs a reference there: folders are named, not copied.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ArgumentWatch", "Shown", "close_log", "open_log", "show", "show_folder", "take"]

PROCESSES = Path("/proc")
LOOK_SECONDS = 0.03
FOREIGN_LOOKS = 20
"""So often a process has to be seen with another environment before it is left alone: between fork and exec, a child
has that of its parent."""


@dataclass(frozen=True)
class Shown:
    """Something that others than the user could read.

    Attributes:
        channel: Where it stands, for a message: a path, or a command and its stream.
    """

    channel: str
    content: bytes = field(repr=False)


@dataclass
class _Log:
    name: str
    path: Path
    hidden: re.Pattern[str] | None
    offset: int = 0

    def rest(self) -> Iterator[Shown]:
        """Yield what was written since the last look, without what is hidden."""
        with suppress(OSError), self.path.open("rb") as stream:
            stream.seek(self.offset)
            new = stream.read()
            self.offset = stream.tell()
            text = new.decode(errors="surrogateescape")
            clean = self.hidden.sub("(hidden)", text) if self.hidden else text
            yield Shown(f"log of {self.name}", clean.encode(errors="surrogateescape"))


_shown: list[Shown] = []
_folders: list[tuple[str, Path]] = []
_logs: dict[Path, _Log] = {}


def show(channel: str, content: bytes | str) -> None:
    """Add a text; nothing happens when it is empty."""
    if content:
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        _shown.append(Shown(channel, data))


def show_folder(name: str, folder: Path, *, is_going: bool) -> None:
    """Add every file of a folder; they are read now when the folder is going, else by `take`."""
    if is_going:
        _shown.extend(_files(name, folder))
    else:
        _folders.append((name, folder))


def open_log(name: str, path: Path, hidden: re.Pattern[str] | None) -> None:
    """Add a file that a server writes to from now on; what is `hidden` is shown by nature and left out."""
    _logs[path] = _Log(name, path, hidden)


def close_log(path: Path) -> None:
    """Read what is left of a log before it is removed."""
    if log := _logs.pop(path, None):
        _shown.extend(log.rest())


def take() -> list[Shown]:
    """Return everything since the last call, and start anew; logs that are still written to go on."""
    taken = list(_shown)
    for name, folder in _folders:
        taken.extend(_files(name, folder))
    for log in _logs.values():
        taken.extend(log.rest())
    _shown.clear()
    _folders.clear()
    return taken


def _files(name: str, folder: Path) -> Iterator[Shown]:
    for parent, _, files in os.walk(folder):  # links are not followed: they lead to what others wrote
        for file in files:
            path = Path(parent, file)
            with suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    yield Shown(f"{name}/{path.relative_to(folder)}", path.read_bytes())


class ArgumentWatch:
    """A thread that notes the arguments of every process with a certain variable in its environment.

    It looks many times a second, so a process that lives shorter can be missed. Where there is no `/proc`, it sees
    nothing.

    Args:
        variable: `NAME=value`, which children inherit.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable.encode()
        self._foreign: dict[str, int] = {}
        self._seen: set[bytes] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="argument watch", daemon=True)

    def start(self) -> None:
        """Begin; nothing happens when it has begun, or where there is no `/proc`."""
        if PROCESSES.is_dir() and self._thread.ident is None:
            self._thread.start()

    def stop(self, name: str) -> None:
        """Look once more, end, and show what was seen under a name."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._look()
        for arguments in sorted(self._seen):
            show(f"arguments of {name}", arguments)
        self._seen.clear()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        alive = {each for each in os.listdir(PROCESSES) if each.isdigit()}  # noqa: PTH208 - thirty times a second
        self._foreign = {process: looks for process, looks in self._foreign.items() if process in alive}
        for process in alive - {process for process, looks in self._foreign.items() if looks >= FOREIGN_LOOKS}:
            try:
                # Arguments change with exec, so they are read at every look.
                is_ours = self._variable in (PROCESSES / process / "environ").read_bytes().split(b"\0")
                arguments = (PROCESSES / process / "cmdline").read_bytes()
            except OSError:
                is_ours, arguments = False, b""
            if is_ours:
                self._seen.add(arguments.replace(b"\0", b" ").strip())
            else:
                self._foreign[process] = self._foreign.get(process, 0) + 1
