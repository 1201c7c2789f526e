"""Read-ahead of organizations' key lists: those that a run will probably ask for next are read before it does.

The engine checks and compares one resource after another, so the lists of many organizations would follow one another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVarTuple

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from allomia_pulumi.ground.identifiers import is_identifier

__all__ = ["ReadAhead", "take_announcement"]

MOST_AHEAD: Final = 16
Ts = TypeVarTuple("Ts")


def take_announcement(news: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Split what a program sent into its inputs and the organizations that it announces; what is no id is left out."""
    inputs = dict(news)
    announced = inputs.pop(ANNOUNCEMENT, None)
    listed = announced if isinstance(announced, list) else []
    return inputs, tuple(each for each in listed if isinstance(each, str) and is_identifier(each))


class ReadAhead:
    """Read the lists of announced organizations, in their order, the further ahead the more lists were asked for.

    The first list that is asked for starts none: a run that is about one organization asks for no other. Lists that
    were read ahead and not asked for are always fewer than those that were, so a run reads less than twice as many as
    it needs; and there are never more than `MOST_AHEAD` of them. Lists that are certain to be asked for are requested,
    and as many are read at once. A list that cannot be read says nothing here; whoever needs it asks again and is told.

    Args:
        read: Reads the list of an organization and keeps it.
    """

    def __init__(self, read: Callable[[KeyApi, str], object]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._coming: dict[str, None] = {}
        self._known: set[str] = set()
        self._asked: set[str] = set()
        self._ahead: set[str] = set()
        self._requested: set[str] = set()
        self._queue: deque[tuple[KeyApi, str]] = deque()
        self._readers = 0

    def announce(self, organization_ids: Iterable[str]) -> None:
        """Take the organizations that the program declares keys for; nothing is read yet."""
        with self._lock:
            new = [each for each in organization_ids if each not in self._known]
            self._known.update(new)
            self._coming.update(dict.fromkeys(new))

    def request(self, api: KeyApi, organization_id: str) -> None:
        """Start to read a list that will be asked for soon, or as soon as one of `MOST_AHEAD` others has come."""
        with self._lock:
            if organization_id in self._requested:
                return
            self._requested.add(organization_id)
            self._queue.append((api, organization_id))
            if self._readers == MOST_AHEAD:
                return
            self._readers += 1
        if not self._start(self._serve):
            with self._lock:
                self._readers -= 1

    def follow(self, api: KeyApi, organization_id: str) -> None:
        """Note that an organization's list is asked for, and start to read those that come next."""
        for each in self._next(organization_id):
            if not self._start(self._run, api, each):
                with self._lock:
                    self._ahead.discard(each)

    def _next(self, organization_id: str) -> list[str]:
        with self._lock:
            if organization_id in self._asked:
                return []
            self._asked.add(organization_id)
            self._known.add(organization_id)
            self._coming.pop(organization_id, None)
            self._ahead.discard(organization_id)
            wanted = min(len(self._asked) - 1, MOST_AHEAD) - len(self._ahead)
            following = list(islice(self._coming, max(0, wanted)))
            for each in following:
                del self._coming[each]
            self._ahead.update(following)
        return following

    def _serve(self) -> None:
        """Read what was requested until there is no more of it."""
        while True:
            with self._lock:
                if not self._queue:
                    self._readers -= 1
                    return
                api, organization_id = self._queue.popleft()
            self._run(api, organization_id)

    def _start(self, target: Callable[[*Ts], object], *args: *Ts) -> bool:
        """Start a thread, unless this machine gives none now: whoever needs the list then reads it."""
        try:
            threading.Thread(target=target, args=args, daemon=True).start()
        except RuntimeError:
            return False
        return True

    def _run(self, api: KeyApi, organization_id: str) -> None:
        with suppress(Exception):
            self._read(api, organization_id)
