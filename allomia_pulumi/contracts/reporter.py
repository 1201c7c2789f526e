"""Messages to people about one resource."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Reporter"]


class Reporter(Protocol):
    """The way from the core to people who care for one resource."""

    def warn(self, message: str) -> None:
        """Say something that needs care, though the operation goes on."""
        ...

    def info(self, message: str) -> None:
        """Say something worth knowing."""
        ...

    def warn_unfinished(self, message: str) -> None:
        """Say what this operation leaves unfinished, though its outputs are to be kept."""
        ...
