"""What `pulumi import` is told beside its outcome: which Python class declares the key that is in the state now."""

from __future__ import annotations

import threading
from typing import Final

from google.protobuf import struct_pb2

from allomia_pulumi.contracts.tokens import ORGANIZATION_API_KEY

__all__ = ["IMPORT_HINT", "ImportWatch"]

IMPORT_HINT: Final = (
    "in Python, declare what is imported as Pulumi prints it, or by allomia_pulumi.native, which is the same: "
    f"with allomia_pulumi.{ORGANIZATION_API_KEY}, `pulumi up` would make a second key and revoke the imported one"
)


class ImportWatch:
    """The imports at the command line that one process has seen.

    Neither the wrong class nor its provider can see that a key was imported, so the import itself has to say it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._is_told = False

    def note_read(self, urn: str) -> None:
        """Note that a key was read by its id alone: imported, or only looked up."""
        with self._lock:
            self._read.add(urn)

    def is_hint_due(self, urn: str, olds: struct_pb2.Struct, news: struct_pb2.Struct) -> bool:
        """Tell whether this is the first check of an import at the command line: of the inputs that were just read."""
        with self._lock:
            if self._is_told or urn not in self._read or olds != news:
                return False
            self._is_told = True
            return True
