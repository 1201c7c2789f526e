"""The limit of an operation: what it would take if nothing but the engine and AlloMia's answers took any time."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Final

__all__ = ["LIMIT", "engine_operations_at_once", "waiting_seconds"]

LIMIT: Final = "limit"
# What the engine runs at once for each core, unless `--parallel` says otherwise.
OPERATIONS_PER_CORE: Final = 4
# The engine deletes what was replaced when everything else is done, and a provider revokes last.
LAST: Final = "revoked"
MS_PER_SECOND: Final = 1000


def engine_operations_at_once() -> int:
    """Return how many operations the engine runs at once on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return OPERATIONS_PER_CORE * cores


def waiting_seconds(calls: Mapping[str, int], latency_ms: int, at_once: int) -> float:
    """Return how long the calls of one operation keep a provider waiting that wastes none of the engine's parallelism.

    Two phases follow one another: what makes and looks at keys, and what revokes them. In each, no order of the calls
    is faster than all of them spread over the engine's operations (a call cannot be split, so the last ones may not
    fill them), and none is faster than the calls about one key, of which there is one of each kind and each needs the
    answer to the one before: list, mint, proof. Vault answers at once here, and counts as nothing.

    With the floor of the same round this is the limit. It is a yardstick and no law: a provider that waits while the
    engine works on other keys may beat it by as much as the two overlap.

    Args:
        calls: By what they did.
        latency_ms: How long AlloMia takes for an answer.
        at_once: Operations that the engine runs at once.
    """
    revoked = {kind: count for kind, count in calls.items() if kind == LAST}
    others = {kind: count for kind, count in calls.items() if kind != LAST}
    answers = sum(_answers_in_a_row(phase, at_once) for phase in (others, revoked))
    return answers * latency_ms / MS_PER_SECOND


def _answers_in_a_row(phase: Mapping[str, int], at_once: int) -> int:
    kinds = sum(count > 0 for count in phase.values())
    return max(kinds, math.ceil(sum(phase.values()) / at_once))
