"""Pulumi's generated protocol, without the SDK around it: programs need that, and a provider does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec

__all__ = ["protocol_alone"]

PARENTS = ("pulumi", "pulumi.runtime")


@contextmanager
def protocol_alone() -> Iterator[None]:
    """Let `pulumi.runtime.proto` be imported inside without running the packages above it.

    They load the whole SDK, which is half of a provider's start. Afterwards they can be imported as ever, and find the
    protocol loaded. Where the SDK is loaded already, or is not where it was, everything is as ever at once.
    """
    root = find_spec(PARENTS[0])
    if PARENTS[0] in sys.modules or root is None or not root.submodule_search_locations:
        yield
        return
    folder = root.submodule_search_locations[0]
    for name, place in zip(PARENTS, (folder, f"{folder}/runtime"), strict=True):
        bare = ModuleSpec(name, None, is_package=True)
        bare.submodule_search_locations = [place]
        sys.modules[name] = module_from_spec(bare)
    try:
        yield
        _allow_deep_values()
    finally:
        for name in PARENTS:
            sys.modules.pop(name, None)


def _allow_deep_values() -> None:
    """Let values be nested as deep as an engine sends them, as the SDK does when it is loaded."""
    with suppress(ImportError):
        from google._upb._message import SetAllowOversizeProtos  # noqa: PLC0415 - not every build of protobuf has it

        SetAllowOversizeProtos(True)
