"""What an operation left, for a call that repeats it: the engine's error hooks send the same call again.

A repeated call comes with the outputs from before the failure, so without this memory it would make a second key, or
find nothing to do and lose what its diff had decided.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allomia_pulumi.core.minted_key.state import KeyState

__all__ = ["Outcome", "digest"]


@dataclass(frozen=True)
class Outcome:
    """What one create or update left.

    Attributes:
        pulumi_id: The resource's id.
        asked: Digest of the inputs.
        before: Digest of the outputs that the call came with; empty for a creation.
        is_complete: Whether nothing is left to do.
    """

    pulumi_id: str
    asked: str
    before: str
    state: KeyState
    is_complete: bool

    def is_of(self, news: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
        """Tell whether a call with these inputs and outputs repeats the one that left this."""
        return (self.asked, self.before) == (digest(news), digest(outputs) if outputs else "")


def digest(properties: Mapping[str, Any]) -> str:
    """Return a digest of inputs or outputs, which may hold secrets."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True, default=str).encode()).hexdigest()
