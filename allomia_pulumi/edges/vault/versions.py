"""Read which versions a secret has that somebody else writes, from its metadata."""

from __future__ import annotations

from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.edges.vault.kv import V2, KvReader, missing_secret
from allomia_pulumi.edges.vault.kv2_secret import Kv2Secret
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.references import VaultReference

__all__ = ["read_versions"]


def read_versions(reader: KvReader, reference: VaultReference, clock: Clock) -> SecretVersions:
    """Return which versions the secret of a reference has; a KV v1 mount has none, and is not asked.

    Raises:
        NotFound: There is no such secret, or it has no version.
        AccessDenied: No policy of the token shows the metadata; the hint holds the line to add.
        AllomiaError: Vault cannot be asked.
    """
    mount = reader.mounts.find(reference, "metadata", "data")
    if mount.version != V2:
        return SecretVersions(mount.version, version=None, written={})
    target = Kv2Secret(reader.vault, mount.path, mount.inside(reference.location), reference.field)
    shelved = target.read_metadata("read").to_versions(clock.now())
    if not shelved.version:
        raise missing_secret(reader.vault, mount, reference).as_said_by("Vault")
    return shelved
