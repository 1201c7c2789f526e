"""The Vault edge: secrets read by reference from Vault or OpenBao, and the only user of hvac."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import SecretStr

from allomia_pulumi.clock import Clock
from allomia_pulumi.config import VaultSettings
from allomia_pulumi.references import VaultReference

if TYPE_CHECKING:
    from allomia_pulumi.vault.kv import Reader

__all__ = ["Vault"]


class Vault:
    """One Vault, shared by all threads: one login and one look at each mount; values are not remembered.

    Nothing is done before the first read: hvac is slow to import, and many runs need no Vault.

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
        self._reader: Reader | None = None

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
        return self._open().read_secret(reference)

    def close(self) -> None:
        """Revoke the token that a login gave us, best effort, and close the connections; a later read opens anew."""
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _open(self) -> Reader:
        from allomia_pulumi.vault.kv import Reader  # noqa: PLC0415 - imports hvac

        with self._lock:
            if self._reader is None:
                self._reader = Reader(self._settings, self._environ, self._clock, self._sources)
            return self._reader
