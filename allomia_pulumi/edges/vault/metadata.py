"""The metadata of secrets: the marks that this package writes, and what they tell; pure, and free of hvac."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from allomia_pulumi.contracts.vault_delivery import KEY_ID, Delivery, StoredSecret
from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.ground.moments import VaultMoment

__all__ = [
    "NO_METADATA",
    "Metadata",
    "marks_of",
    "only_marks",
    "with_mark",
    "without_marks",
]

MANAGER = "allomia-pulumi"

MANAGED_BY = "managed-by"
MARK = "mark"
VERSION = "version"

MARKS = frozenset({MANAGED_BY, MARK, KEY_ID, VERSION})
NEVER = "0s"


class _Version(BaseModel):
    """One version of a secret; `deletion_time` may lie ahead, where the mount or the secret lets versions expire."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    created_time: VaultMoment
    deletion_time: VaultMoment | Literal[""]
    destroyed: StrictBool

    def is_live(self, now: datetime) -> bool:
        """Tell whether it can be read at that moment."""
        return not self.destroyed and (not self.deletion_time or self.deletion_time > now)


class Metadata(BaseModel):
    """The metadata of one secret, as KV v2 answers them."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    current_version: Annotated[int, Field(ge=0, strict=True)]
    custom_metadata: dict[str, str] | None = None
    versions: dict[int, _Version]
    max_versions: object = None
    cas_required: object = None
    metadata_cas_required: object = None
    delete_version_after: object = None

    @property
    def custom(self) -> dict[str, str]:
        """Return the custom metadata, empty when there are none."""
        return self.custom_metadata or {}

    @property
    def key_id(self) -> str | None:
        """Return the id of the key that stands or is about to stand here, if the secret is ours."""
        return self.custom.get(KEY_ID) if self.custom.get(MANAGED_BY) == MANAGER else None

    @property
    def intact(self) -> set[int]:
        """Return the versions whose data still exist, if only to be undeleted."""
        return {number for number, one in self.versions.items() if not one.destroyed}

    @property
    def tells_current(self) -> bool:
        """Tell whether the current version is listed; one that is not may be intact."""
        return self.current_version == 0 or self.current_version in self.versions

    @property
    def has_foreign_parts(self) -> bool:
        """Tell whether somebody else gave the secret settings or custom metadata; this package writes marks only."""
        settings = (self.max_versions, self.cas_required, self.metadata_cas_required)
        keeps = self.delete_version_after in (None, "", NEVER)
        return any(settings) or not keeps or bool(without_marks(self.custom))

    def to_versions(self, now: datetime) -> SecretVersions:
        """Return which versions there are at that moment."""
        live = sorted(number for number, one in self.versions.items() if one.is_live(now))
        written = {number: self.versions[number].created_time for number in live}
        stored = self.to_stored(now)
        key_id = stored.key_id if stored.written == self.current_version else None
        return SecretVersions(kv_version=2, version=self.current_version, written=written, key_id=key_id)

    def to_stored(self, now: datetime) -> StoredSecret:
        """Return what stands here at that moment."""
        is_ours = self.custom.get(MANAGED_BY) == MANAGER
        marks = self.custom if is_ours else {}
        written = marks.get(VERSION, "")
        current = self.versions.get(self.current_version)
        return StoredSecret(
            version=self.current_version,
            mark=marks.get(MARK),
            key_id=self.key_id,
            written=int(written) if written.isascii() and written.isdigit() else None,
            is_ours=is_ours,
            is_live=current is not None and current.is_live(now),
            exists=self is not NO_METADATA,
            is_free=self._is_free,
        )

    @property
    def _is_free(self) -> bool:
        if self.intact or not self.tells_current:
            return False
        # Marks of ours without a version are what an interrupted first delivery leaves.
        return not only_marks(self.custom) or (self.current_version == 0 and self.key_id is not None)


NO_METADATA = Metadata(current_version=0, versions={})
"""The metadata of a secret that does not exist."""


def with_mark(custom: dict[str, str], mark: str) -> dict[str, str]:
    """Return the custom metadata of a secret of ours with another mark."""
    return {**custom, MARK: mark}


def marks_of(delivery: Delivery) -> dict[str, str]:
    """Return the custom metadata that make a secret ours."""
    return {
        MANAGED_BY: MANAGER,
        MARK: delivery.mark,
        KEY_ID: delivery.key_id,
        VERSION: str(delivery.expected + 1),
    }


def only_marks(custom: dict[str, str]) -> dict[str, str]:
    """Return the marks among custom metadata."""
    return {name: value for name, value in custom.items() if name in MARKS}


def without_marks(custom: dict[str, str]) -> dict[str, str]:
    """Return the custom metadata of other people."""
    return {name: value for name, value in custom.items() if name not in MARKS}
