"""Responses of the protocol, from what the core answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from allomia_pulumi.core.handler import Change, Outputs
from allomia_pulumi.core.input_fields import LINEAGE, Failure
from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.provider.engine import EngineLog, ResourceReporter
from allomia_pulumi.provider.plugin.codec import encode
from allomia_pulumi.provider.plugin.failures import Unfinished

__all__ = ["OperationReporter", "changed_inputs", "to_diff", "to_failures", "to_finished", "to_properties"]

SETTINGS_CHANGED: Final = "settings"
"""Shown when an update records something that is no changed input, such as the resource's new name."""


class OperationReporter(ResourceReporter):
    """Reporter of one operation; it keeps what the operation leaves unfinished."""

    def __init__(self, log: EngineLog, urn: str) -> None:
        super().__init__(log, urn)
        self.left: list[str] = []

    def warn_unfinished(self, message: str) -> None:
        """Keep what is owed: it fails the operation, which keeps its outputs all the same."""
        self.left.append(scrub(message))


def changed_inputs(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs that differ, and how."""
    kinds = {}
    for name in sorted(olds.keys() | news.keys()):
        old, new = olds.get(name), news.get(name)
        if old != new and name != LINEAGE:
            kinds[name] = "ADD" if old is None else "DELETE" if new is None else "UPDATE"
    return kinds


def to_diff(
    has_changes: bool, change: Change | None = None, inputs: Mapping[str, str] | None = None
) -> provider_pb2.DiffResponse:
    """Return a diff by paths: the changed inputs, and what is due though no input changed."""
    if not has_changes:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
    replaces = list(change.replaces) if change else []
    # A path into what is no property would be shown with an empty object by `--diff`, and its first part is not.
    causes = [cause.partition(".")[0] for cause in change.causes] if change else []
    kinds = {**dict.fromkeys(causes or replaces, "UPDATE"), **(inputs or {})} or {SETTINGS_CHANGED: "UPDATE"}
    suffix = "_REPLACE" if replaces else ""
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Value(f"{kind}{suffix}"), inputDiff=path in (inputs or {})
        )
        for path, kind in kinds.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME, replaces=replaces, detailedDiff=detailed, hasDetailedDiff=True
    )


def to_finished(pulumi_id: str, outputs: Outputs, reporter: OperationReporter) -> struct_pb2.Struct:
    """Return the outputs, or fail with them if something is still owed."""
    properties = to_properties(outputs)
    if reporter.left:
        raise Unfinished(pulumi_id, properties, reporter.left)
    return properties


def to_properties(outputs: Outputs) -> struct_pb2.Struct:
    """Return outputs for the wire, the secret ones marked."""
    return encode(outputs.to_outputs(), secret=outputs.secret_outputs)


def to_failures(failures: Iterable[Failure]) -> list[provider_pb2.CheckFailure]:
    """Return what is wrong with inputs."""
    # The property stays empty: the engine would show its value; the reason names the input itself.
    return [provider_pb2.CheckFailure(reason=scrub(failure.reason)) for failure in failures]
