"""A secret that somebody else writes: which versions it has, by one look at its metadata."""

from __future__ import annotations

from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.edges.vault.kv import V2, Reader, absent
from allomia_pulumi.edges.vault.kv2_secret import Site
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.references import VaultReference

__all__ = ["look_up"]


def look_up(reader: Reader, reference: VaultReference, clock: Clock) -> SecretVersions:
    """Tell which versions the secret of a reference has; a KV v1 mount has none, and is not asked.

    Raises:
        NotFound: There is no such secret, or it has no version.
        AccessDenied: No policy of the token shows the metadata; the hint holds the line to add.
        AllomiaError: Vault cannot be asked.
    """
    mount = reader.mounts.of(reference, "metadata", "data")
    if mount.version != V2:
        return SecretVersions(mount.version, version=None, written={})
    site = Site(reader.connection, mount.path, mount.inside(reference.location), reference.field)
    shelved = site.read_metadata("read").shelved(clock.now())
    if not shelved.version:
        raise absent(reader.connection, mount, reference).as_said_by("Vault")
    return shelved
