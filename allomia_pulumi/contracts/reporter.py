"""Messages to people about one resource."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Reporter"]


class Reporter(Protocol):
    """How the core tells people about one resource."""

    def warn(self, message: str) -> None:
        """Say something that needs care, though the operation goes on."""
        ...

    def info(self, message: str) -> None:
        """Say something worth knowing."""
        ...

    def owe(self, message: str) -> None:
        """Say what this operation leaves unfinished, though its outputs are to be kept."""
        ...
