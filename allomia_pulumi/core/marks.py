"""The mark: how a key on AlloMia's side says which declared key it belongs to.

AlloMia keeps a name and nothing else, so the name carries
`<label>--p1<stack:6><resource:6><lineage:6><nonce:8><check:1>`, in lower-case Crockford base32. This is a wire format:
names that exist in AlloMia must stay readable for ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict

from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.ground.identifiers import BASE32, LINEAGE_LENGTH

__all__ = [
    "LONGEST_LABEL",
    "Mark",
    "clean_label",
    "draw_lineage",
    "label_of",
    "make_mark",
    "own_marks",
    "parse_mark",
    "resource_mark",
    "stack_mark",
]

LONGEST_LABEL: Final = 60
SEPARATOR: Final = "--"
VERSION: Final = "p1"
STACK_LENGTH: Final = 6
RESOURCE_LENGTH: Final = 6
NONCE_LENGTH: Final = 8
FALLBACK_LABEL: Final = "key"

_PATTERN = re.compile(
    rf"{SEPARATOR}{VERSION}"
    rf"(?P<stack>[{BASE32}]{{{STACK_LENGTH}}})(?P<resource>[{BASE32}]{{{RESOURCE_LENGTH}}})"
    rf"(?P<lineage>[{BASE32}]{{{LINEAGE_LENGTH}}})(?P<nonce>[{BASE32}]{{{NONCE_LENGTH}}})(?P<check>[{BASE32}])\Z"
)


class Mark(BaseModel):
    """The machine-readable end of a key's name.

    Attributes:
        stack: Hash of owner, project and stack.
        resource: Hash of the rest of the identity.
        lineage: Which life of the resource: drawn when it is created, kept by its record.
        nonce: Fresh for every attempt to mint.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    resource: str
    lineage: str
    nonce: str

    def __str__(self) -> str:
        body = f"{VERSION}{self.stack}{self.resource}{self.lineage}{self.nonce}"
        return f"{body}{_digest(body, 1)}"

    def name(self, label: str) -> str:
        """Return the full key name for a label."""
        return f"{label}{SEPARATOR}{self}"

    @property
    def declared(self) -> str:
        """Return the part that tells which declared key it is, whatever its life and the attempt."""
        return f"{self.stack}{self.resource}"


def make_mark(identity: Identity, owner: str, lineage: str) -> Mark:
    """Make a mark with a fresh nonce."""
    return Mark(
        stack=stack_mark(identity.project, identity.stack, owner),
        resource=_digest(json.dumps([identity.parents, identity.name]), RESOURCE_LENGTH),
        lineage=lineage,
        nonce=_draw(NONCE_LENGTH),
    )


def resource_mark(identity: Identity, owner: str) -> str:
    """Return the part of the mark that is the same for every key of a declared key: also what Vault's metadata say."""
    return make_mark(identity, owner, "").declared


def stack_mark(project: str, stack: str, owner: str) -> str:
    """Return the part of the mark that is the same for every key of a stack."""
    return _digest(json.dumps([owner, project, stack]), STACK_LENGTH)


def own_marks(origins: Iterable[Origin]) -> frozenset[str]:
    """Return the resource marks of everything that a declared key is or was known as."""
    return frozenset(resource_mark(each.identity, each.owner) for each in origins)


def draw_lineage(seed: bytes = b"") -> str:
    """Draw the lineage of a new resource; the same seed, which a saved plan keeps, draws the same one."""
    return _digest(seed.hex(), LINEAGE_LENGTH) if seed else _draw(LINEAGE_LENGTH)


def parse_mark(name: str) -> Mark | None:
    """Read the mark from the end of a key's name, or None: then the key was made by hand."""
    found = _PATTERN.search(name)
    if found is None:
        return None
    mark = Mark(stack=found["stack"], resource=found["resource"], lineage=found["lineage"], nonce=found["nonce"])
    return mark if str(mark).endswith(found["check"]) else None


def label_of(name: str) -> str:
    """Return a key's name without the mark, if it has one."""
    mark = parse_mark(name)
    return name.removesuffix(mark.name("")) if mark else name


def clean_label(logical_name: str) -> str:
    """Make a default label from a resource's logical name: printable, and cut to the longest that fits."""
    clean = "".join(character for character in logical_name if character.isprintable())
    return clean.strip()[:LONGEST_LABEL].rstrip() or FALLBACK_LABEL


def _draw(length: int) -> str:
    return "".join(secrets.choice(BASE32) for _ in range(length))


def _digest(text: str, length: int) -> str:
    """Return the first `length` base32 characters of the text's SHA-256."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    bits = hashlib.sha256().digest_size * 8
    return "".join(BASE32[(number >> (bits - 5 * (index + 1))) & 31] for index in range(length))
