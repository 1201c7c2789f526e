"""What `pulumi import` is told beside its outcome: which Python class declares what is in the state now."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from google.protobuf import struct_pb2

from allomia_pulumi.contracts.tokens import ORGANIZATION, ORGANIZATION_API_KEY
from allomia_pulumi.provider.urn import kind_in

__all__ = ["IMPORT_HINTS", "ImportWatch"]

AS_PRINTED: Final = (
    "in Python, declare what is imported as Pulumi prints it, or by allomia_pulumi.native, which is the same"
)
IMPORT_HINTS: Final[Mapping[str, str]] = {
    ORGANIZATION_API_KEY: f"{AS_PRINTED}: with allomia_pulumi.{ORGANIZATION_API_KEY}, `pulumi up` would make a second "
    "key and revoke the imported one",
    ORGANIZATION: f"{AS_PRINTED}: with allomia_pulumi.{ORGANIZATION}, `pulumi up` would take the organization for one "
    "that is still to be made",
}


class ImportWatch:
    """The imports at the command line that one process has seen.

    Neither the wrong class nor its provider can see that something was imported, so the import itself has to say it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._told: set[str] = set()

    def note_read(self, urn: str) -> None:
        """Note that a resource was read by its id alone: imported, or only looked up."""
        with self._lock:
            self._read.add(urn)

    def take_hint(self, urn: str, olds: struct_pb2.Struct, news: struct_pb2.Struct) -> str | None:
        """Return what to say at the first check of a kind's import at the command line: of inputs that were just read.

        Later, and for a check that follows no such import, there is nothing to say.
        """
        with self._lock:
            kind = kind_in(urn)
            if kind in self._told or urn not in self._read or olds != news:
                return None
            self._told.add(kind)
            return IMPORT_HINTS.get(kind)
