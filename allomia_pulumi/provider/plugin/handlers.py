"""Handlers of one process: each is built at its first use, on the one configuration that the process takes."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from allomia_pulumi.container import Container
from allomia_pulumi.core.handler import Resource
from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.singleflight import SingleFlight
from allomia_pulumi.provider.plugin.settings import SettingSources
from allomia_pulumi.provider.registry import RESOURCES, Registration

__all__ = ["Handlers", "registration_of"]


class Handlers:
    """The handlers of all kinds; any number of threads.

    Args:
        environ: The process environment, which is the whole configuration until another one comes.
        clock: Where time comes from.
        cancellation: Tells whether the run is being stopped.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock, cancellation: Cancellation) -> None:
        self._clock = clock
        self._cancellation = cancellation
        self._configuring = threading.Lock()
        self._configured: SettingSources | None = None
        self._containers: list[Container] = []
        self._connect({}, environ)

    @property
    def container(self) -> Container:
        """Return the clients of today's configuration."""
        return self._container

    def configure(self, sources: SettingSources) -> bool:
        """Take a configuration; tell whether it is the first one.

        Raises:
            InvalidConfiguration: There is one already, and with other values.
        """
        with self._configuring:
            if self._configured is None:
                self._connect(*sources)
                self._configured = sources
                return True
            if sources != self._configured:
                # The port is open to every user of this machine, and a new address would be sent the tenant key.
                raise InvalidConfiguration(
                    "this provider is configured already, and with other values, so nothing was changed",
                    "Run again; other values need another explicit provider, or a process of its own.",
                )
        return False

    def forget_configuration(self) -> None:
        """Let the next configuration be a first one: another engine brings its own."""
        with self._configuring:
            self._configured = None

    def of(self, kind: str) -> Resource:
        """Return the handler of a kind.

        Raises:
            InvalidInput: There is no such kind.
        """
        return self._handlers.get(kind, lambda: self._build(kind))

    def close(self) -> None:
        """Close the connections to AlloMia and Vault."""
        for container in self._containers:
            container.close()

    def _connect(
        self, stack: Mapping[str, str], environ: Mapping[str, str], arguments: Mapping[str, str] | None = None
    ) -> None:
        self._container = Container(stack, environ, self._clock, arguments, self._cancellation)
        self._containers.append(self._container)
        self._handlers: SingleFlight[str, Resource] = SingleFlight()

    def _build(self, kind: str) -> Resource:
        registration = registration_of(kind)
        with loading():
            build = registration.load()
        return build(self._container, self._clock)


def registration_of(kind: str) -> Registration:
    """Return the row of a kind.

    Raises:
        InvalidInput: There is no such kind.
    """
    if kind not in RESOURCES:
        raise InvalidInput(f"{printable(kind)} is no resource of this version", "Upgrade, or correct its name.")
    return RESOURCES[kind]
