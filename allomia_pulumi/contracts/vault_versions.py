"""A secret in Vault that a person writes: its versions, and the value of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from allomia_pulumi.ground.references import VaultReference

__all__ = ["SecretReader", "SecretVersions"]


@dataclass(frozen=True)
class SecretVersions:
    """The versions of a secret that somebody else writes, as its metadata alone tell them, never the value.

    Attributes:
        kv_version: 1 or 2. KV v1 has no metadata, so nothing else is known of a secret there, not even that it exists.
        version: The current version, 0 when there is none; None in KV v1.
        written: The moment, in UTC, at which each version was made that is neither deleted nor destroyed.
        key_id: Which key the current version is; None unless this package wrote it.
    """

    kv_version: int
    version: int | None
    written: Mapping[int, datetime]
    key_id: str | None = None

    @property
    def is_live(self) -> bool:
        """Tell whether the current version is neither deleted nor destroyed; in KV v1 nobody can say no."""
        return self.version is None or self.version in self.written


class SecretReader(Protocol):
    """Vault, as keys that a person writes there need it."""

    def read_versions(self, reference: VaultReference) -> SecretVersions:
        """Tell by one metadata read which versions a secret has.

        Raises:
            NotFound: There is no such secret.
        """
        ...

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Read one field, of the version that the reference pins or of the latest."""
        ...
