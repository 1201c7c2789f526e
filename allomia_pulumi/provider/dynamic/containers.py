"""Containers of a process of the dynamic face, one for each stack configuration, closed at the process's end."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable

from allomia_pulumi.container import Container
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.ground.singleflight import SingleFlight

__all__ = ["open_container"]

_containers: SingleFlight[tuple[tuple[str, str], ...], Container] = SingleFlight()


def open_container(get: Callable[[str], str | None], warn: Callable[[str], object]) -> Container:
    """Return the container of a stack's configuration: one login and one read, however many resources it serves.

    Args:
        get: Returns a value of the stack configuration by its name without the namespace.
        warn: Takes what the settings allow and is dangerous, once.
    """
    stack = tuple((name, value) for name in CONFIGURATION if (value := get(name)))

    def connect() -> Container:
        container = Container(dict(stack), os.environ, SystemClock())
        atexit.register(container.close)
        if container.warning:
            warn(container.warning)
        return container

    return _containers.get(stack, connect)
