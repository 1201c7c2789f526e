"""The state of an `OrganizationMetadata`: its outputs, and the record that Pulumi keeps in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.managed_organizations import MetadataRecord
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import Recorded
from allomia_pulumi.core.record import STATE_VERSION, State, read_state
from allomia_pulumi.ground.identifiers import Identifier
from allomia_pulumi.ground.moments import RecordedMoment, format_moment
from allomia_pulumi.ground.redaction import scrub

__all__ = ["MetadataFacts", "MetadataSettings", "MetadataState", "hash_metadata", "read_metadata_outputs"]


class MetadataSettings(Recorded):
    """The applied inputs without the metadata themselves."""

    organization_id: Identifier
    tenant_key_ref: str | Mapping[str, Any] | None = None


class MetadataFacts(Recorded):
    """The record: the applied settings and identity, kept in the outputs, so that no operation needs inputs."""

    state_version: int = STATE_VERSION
    identity: Identity
    settings: MetadataSettings


class MetadataState(State):
    """The outputs of an organization's metadata; the descriptions are those of the schema."""

    metadata_id: str
    """AlloMia's id of the metadata record."""

    version: int
    """The version of the record that the last write made; each write makes one."""

    created_at: RecordedMoment | None = None
    """When AlloMia says that the record was made, ISO 8601 in UTC."""

    created_by: str | None = None
    """AlloMia's id of the user that made it."""

    metadata_hash: str
    """Hash of the metadata that were written last, a Pulumi secret: AlloMia shows them to nobody."""

    record: MetadataFacts
    """What was applied: identity and settings."""

    def written(self, answer: MetadataRecord, metadata: Mapping[str, Any]) -> MetadataState:
        """Return the state after a write."""
        return self.model_copy(update=_answered(answer, metadata))

    def with_record(self, record: MetadataFacts) -> MetadataState:
        """Return the state with another record."""
        return self.model_copy(update={"record": record})

    @classmethod
    def first(cls, answer: MetadataRecord, metadata: Mapping[str, Any], record: MetadataFacts) -> MetadataState:
        """Return the state after the first write."""
        return cls(**_answered(answer, metadata), record=record)

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form; the face marks the hash before it leaves the process."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def hash_metadata(metadata: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the metadata's canonical JSON."""
    canonical = json.dumps(metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_metadata_outputs(outputs: Mapping[str, Any]) -> MetadataState:
    """Read the outputs that the engine kept, as `read_state` does."""
    return read_state(MetadataState, outputs, "organization's metadata")


def _answered(answer: MetadataRecord, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "metadata_id": scrub(answer.id),
        "version": answer.version,
        "created_at": format_moment(answer.created_at) if answer.created_at else None,
        "created_by": scrub(answer.created_by) if answer.created_by else None,
        "metadata_hash": hash_metadata(metadata),
    }
