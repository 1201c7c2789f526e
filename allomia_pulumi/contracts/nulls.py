"""The stand-in for a null on its way from a program: Pulumi's SDK drops entries without a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["NULL"]

NULL: Final[Mapping[str, bool]] = {"allomia:null": True}
"""A null inside of an object whose entries all matter."""
