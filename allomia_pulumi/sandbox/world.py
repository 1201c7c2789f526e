"""The state that a reset clears, as one object that the sandbox replaces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from allomia_pulumi.sandbox.events import EventLog
from allomia_pulumi.sandbox.faults import FaultList
from allomia_pulumi.sandbox.store import Clock, Store

__all__ = ["Pause", "Sandbox", "Settings", "World"]

Pause: TypeAlias = Callable[[float], Awaitable[None]]


class Settings(BaseModel):
    """Settings of this AlloMia where the documentation is silent, or a test wants it otherwise.

    Attributes:
        latency_ms: Wait before every request under `/api`.
        key_endpoints: Whether the assumed key endpoints exist; the real service documents none.
        quota_status: The status code of a key too many, which nobody knows.
        clock_offset_seconds: How far the sandbox's clock runs ahead of the machine's.
        verify_lag: How many uses of a key minted from now on are answered 401 at first.
        key_limit: How many keys an organization may hold.
        omitted_fields: Whether an update keeps or clears the optional fields that it leaves out.
        list_deactivated: Whether the list of organizations still has the deactivated ones.
        deactivated_status: The status code of every answer about a deactivated organization; None serves it on.
        list_lag: How many lists leave out an organization that is created from now on.
        create_status: The status code of a successful creation of an organization.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    latency_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    key_endpoints: bool = True
    quota_status: Annotated[int, Field(ge=400, le=599)] = 409
    clock_offset_seconds: Annotated[float, Field(ge=-1e9, le=1e9)] = 0.0
    verify_lag: Annotated[int, Field(ge=0)] = 0
    key_limit: Annotated[int, Field(ge=0)] = 5
    omitted_fields: Literal["kept", "cleared"] = "kept"
    list_deactivated: bool = True
    deactivated_status: Annotated[int | None, Field(ge=400, le=599)] = None
    list_lag: Annotated[int, Field(ge=0)] = 0
    create_status: Literal[200, 201] = 201


class World:
    """AlloMia's state, the log, the faults and the settings."""

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.store = Store(self.clock)
        self.events = EventLog()
        self.faults = FaultList()
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Put the settings into effect."""
        self.settings = settings
        self.clock.offset_seconds = settings.clock_offset_seconds


class Sandbox:
    """The current world, and how the sandbox waits.

    A reset puts a new world in place: a request that is still being delayed ends in the world where it began, so that
    it cannot leave its trace in the next test.

    Args:
        settings: How every world begins.

    Attributes:
        pause: Wait for that many seconds; cut short when the server ends.
        closing: Set when the server ends.
    """

    def __init__(self, pause: Pause | None = None, settings: Settings | None = None) -> None:
        self._initial = settings or Settings()
        self.world = World(self._initial)
        self.closing = asyncio.Event()
        self.pause: Pause = pause or self._wait

    def reset(self) -> None:
        """Reset everything."""
        self.world = World(self._initial)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()
