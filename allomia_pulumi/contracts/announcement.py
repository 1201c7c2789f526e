"""The announcement of a program: the internal input that names the organizations it declares keys for."""

from __future__ import annotations

from typing import Final

__all__ = ["ANNOUNCEMENT"]

ANNOUNCEMENT: Final = "__organizations"
"""Check takes it away, so it is no change, and a state has its name alone: among the dependencies of properties."""
