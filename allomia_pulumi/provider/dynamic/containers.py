"""Containers of a process of the dynamic face, one for each stack configuration, closed at the process's end."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable

from allomia_pulumi.container import Container
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.ground.singleflight import SingleFlight

__all__ = ["open_container"]

_containers: SingleFlight[tuple[tuple[str, str], ...], Container] = SingleFlight()


def open_container(
    get: Callable[[str], str | None], warn: Callable[[str], object], doubts: Iterable[str] = ()
) -> Container:
    """Return the container of a stack's configuration: one login and one read, however many resources it serves.

    Args:
        get: Returns a value of the stack configuration by its name without the namespace.
        warn: Takes what the settings allow and is dangerous, once.
        doubts: What else there is to say of the configuration, once.
    """
    stack = tuple((name, value) for name in CONFIGURATION if (value := get(name)))

    def connect() -> Container:
        container = Container(dict(stack), os.environ, SystemClock())
        atexit.register(container.close)
        for each in filter(None, (container.warning, *doubts)):
            warn(each)
        return container

    return _containers.get(stack, connect)
