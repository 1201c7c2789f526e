"""An engine's log without an engine."""

from __future__ import annotations

from allomia_pulumi.provider.engine import EngineLog


class QuietLog(EngineLog):
    """Keep what `--debug` would show."""

    def __init__(self) -> None:
        super().__init__(None)
        self.said: list[str] = []

    def debug(self, message: str, urn: str = "") -> None:  # noqa: ARG002
        self.said.append(message)
