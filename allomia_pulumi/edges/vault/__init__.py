"""The Vault edge: secrets read from Vault or OpenBao by reference, keys delivered there, and the only user of hvac."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import Delivery, StoredSecret, VaultLocation
from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import VaultSettings

if TYPE_CHECKING:
    from allomia_pulumi.edges.vault.delivery import KvWriter
    from allomia_pulumi.edges.vault.diagnostics import Diagnostics
    from allomia_pulumi.edges.vault.kv import KvReader

__all__ = ["Vault"]


class Vault:
    """Facade of one Vault, shared by all threads: one login, one request for each mount, and no cache of values.

    Nothing is done before the first request: hvac is slow to import, and many runs need no Vault.

    Args:
        settings: How to reach it and how to log in.
        environ: The environment that settings name variables of.
        clock: Where retries take their time from.
        sources: Where settings come from, by names like `vault.address`, for messages.
    """

    def __init__(
        self,
        settings: VaultSettings,
        environ: Mapping[str, str],
        clock: Clock,
        sources: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._sources = sources
        self._lock = threading.Lock()
        self._reader: KvReader | None = None
        self._writer: KvWriter | None = None

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Read one field of one secret.

        Raises:
            InvalidConfiguration: Address, auth or reference are not usable, or the field holds no key.
            CredentialRejected: Vault refuses the login or the token.
            AccessDenied: Vault does not let the token read this.
            NotFound: There is no such secret, version or field.
            TemporaryError: Vault is not reachable, sealed, or asks for patience.
            UnexpectedAnswer: Something else than Vault answers.
        """
        return self._open()[0].read_secret(reference)

    def read_versions(self, reference: VaultReference) -> SecretVersions:
        """Return which versions a secret has, from its metadata; the value does not travel.

        A version that the reference pins makes no difference. In KV v1, which keeps no metadata, the mount is all that
        is asked for.

        Raises:
            NotFound: There is no such secret, or it has no version.
            AccessDenied: No policy of the token shows the metadata; the hint holds the line to add.
            AllomiaError: Vault cannot be asked, as in `read_secret`.
        """
        reader, _ = self._open()
        from allomia_pulumi.edges.vault.versions import read_versions  # noqa: PLC0415 - imports hvac, loaded by now

        return read_versions(reader, reference, self._clock)

    def inspect_secret(self, place: VaultLocation) -> StoredSecret:
        """Return what stands at a place, from its metadata; the value does not travel.

        Raises:
            InvalidConfiguration: The place is not in a KV v2 mount, or not in the one that it names.
            AccessDenied: No policy of the token shows the metadata; the hint holds the line to add.
            AllomiaError: Vault cannot be asked, as in `read_secret`.
        """
        return self._open()[1].inspect(place)

    def preflight_delivery(self, place: VaultLocation) -> StoredSecret:
        """Check that a key can be delivered to a place, and return what stands there; nothing is written.

        Raises:
            InvalidConfiguration: The place is not in a KV v2 mount, not in the one that it names, or its field is one
                that this package fills.
            AccessDenied: The token may not write there; the hint holds the lines to add.
            AllomiaError: Vault cannot be asked, as in `read_secret`.
        """
        return self._open()[1].preflight(place)

    def deliver_secret(self, place: VaultLocation, delivery: Delivery) -> int:
        """Write a key to a place as the version after `delivery.expected`, and return that version.

        The secret's custom metadata say first that it is ours; other people's entries in them stay. After a failure
        they are put back, best effort.

        Raises:
            SecretConflict: Another version stands there than the expected one; nothing of it was overwritten.
            OutcomeUnknown: No answer tells whether the key stands there; the custom metadata still say that it may.
            AllomiaError: The key was not written: as in `preflight_delivery`.
        """
        return self._open()[1].deliver(place, delivery)

    def fetch_secret(self, place: VaultLocation, version: int) -> SecretStr:
        """Read the key that one version of a place holds.

        Raises:
            AllomiaError: As in `read_secret`.
        """
        return self._open()[1].fetch(place, version)

    def withdraw_secret(
        self, place: VaultLocation, versions: Collection[int], *, key_id: str, has_made_place: bool = False
    ) -> None:
        """Destroy versions; safe to repeat, and done when there is no such secret.

        If the secret's marks are those of the key, they go too. What others have there stays: other versions, custom
        metadata and settings. Only with `has_made_place`, and when nothing of others is there, the secret goes whole.

        Raises:
            AccessDenied: The token may not; the hint holds the line to add.
            AllomiaError: Vault cannot be asked, as in `read_secret`.
        """
        self._open()[1].withdraw(place, versions, key_id, has_made_place=has_made_place)

    def remark_secret(self, place: VaultLocation, key_id: str, mark: str) -> bool:
        """Replace the mark of the secret that holds a key, in its custom metadata only.

        Returns:
            Whether the secret is ours and holds that key; if not, nothing was written.

        Raises:
            AccessDenied: The token may not; the hint holds the line to add.
            AllomiaError: Vault cannot be asked, as in `read_secret`.
        """
        return self._open()[1].remark(place, key_id, mark)

    def diagnostics(self) -> Diagnostics:
        """Return the diagnostics of Vault itself, the login and its policy; nothing is asked yet.

        Raises:
            InvalidConfiguration: There is no address, or no usable file of certificates.
        """
        reader, _ = self._open()
        from allomia_pulumi.edges.vault.diagnostics import Diagnostics  # noqa: PLC0415 - imports hvac, loaded by now

        return Diagnostics(reader.vault, reader.mounts)

    def close(self) -> None:
        """Revoke the token that a login gave us, best effort, and close the connections; a later call opens anew."""
        with self._lock:
            reader, self._reader, self._writer = self._reader, None, None
        if reader is not None:
            reader.close()

    def _open(self) -> tuple[KvReader, KvWriter]:
        """Load hvac and open the connection, once: threads that import modules with circles at once get halves."""
        with self._lock:
            if self._reader is not None and self._writer is not None:
                return self._reader, self._writer
            with loading():
                from allomia_pulumi.edges.vault.delivery import KvWriter  # noqa: PLC0415 - imports hvac
                from allomia_pulumi.edges.vault.kv import KvReader  # noqa: PLC0415 - the same

                self._reader = KvReader(self._settings, self._environ, self._clock, self._sources)
                self._writer = KvWriter(self._reader, self._clock)
            return self._reader, self._writer
