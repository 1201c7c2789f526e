"""The mark: how a key on AlloMia's side says which declared key it belongs to.

AlloMia keeps a name and nothing else, so the name carries `<label>--p1<stack:6><resource:6><nonce:8><check:1>`, in
lower-case Crockford base32. This is a wire format: names that exist in AlloMia must stay readable for ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import Final

from pydantic import BaseModel, ConfigDict

from allomia_pulumi.keys.models import Identity

__all__ = ["LONGEST_LABEL", "Mark", "clean_label", "label_of", "make_mark", "parse_mark"]

LONGEST_LABEL: Final = 60
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
SEPARATOR: Final = "--"
VERSION: Final = "p1"
STACK_LENGTH: Final = 6
RESOURCE_LENGTH: Final = 6
NONCE_LENGTH: Final = 8
FALLBACK_LABEL: Final = "key"

_PATTERN = re.compile(
    rf"{SEPARATOR}{VERSION}"
    rf"(?P<stack>[{ALPHABET}]{{{STACK_LENGTH}}})(?P<resource>[{ALPHABET}]{{{RESOURCE_LENGTH}}})"
    rf"(?P<nonce>[{ALPHABET}]{{{NONCE_LENGTH}}})(?P<check>[{ALPHABET}])\Z"
)


class Mark(BaseModel):
    """The machine-readable end of a key's name.

    Attributes:
        stack: Hash of owner, project and stack.
        resource: Hash of the rest of the identity.
        nonce: Fresh for every attempt to mint.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    resource: str
    nonce: str

    def __str__(self) -> str:
        body = f"{VERSION}{self.stack}{self.resource}{self.nonce}"
        return f"{body}{_digest(body, 1)}"

    def name(self, label: str) -> str:
        """Return the full key name for a label."""
        return f"{label}{SEPARATOR}{self}"

    def is_same_resource(self, other: Mark) -> bool:
        """Tell whether both marks belong to one declared key, whatever the attempt."""
        return (self.stack, self.resource) == (other.stack, other.resource)


def make_mark(identity: Identity, owner: str) -> Mark:
    """Make a mark with a fresh nonce."""
    return Mark(
        stack=_digest(json.dumps([owner, identity.project, identity.stack]), STACK_LENGTH),
        resource=_digest(json.dumps([identity.parents, identity.name]), RESOURCE_LENGTH),
        nonce="".join(secrets.choice(ALPHABET) for _ in range(NONCE_LENGTH)),
    )


def parse_mark(name: str) -> Mark | None:
    """Read the mark from the end of a key's name, or None: then the key was made by hand."""
    found = _PATTERN.search(name)
    if found is None:
        return None
    mark = Mark(stack=found["stack"], resource=found["resource"], nonce=found["nonce"])
    return mark if str(mark).endswith(found["check"]) else None


def label_of(name: str) -> str:
    """Return a key's name without the mark, if it has one."""
    mark = parse_mark(name)
    return name.removesuffix(mark.name("")) if mark else name


def clean_label(logical_name: str) -> str:
    """Make a default label from a resource's logical name: printable, and cut to the longest that fits."""
    clean = "".join(character for character in logical_name if character.isprintable())
    return clean.strip()[:LONGEST_LABEL].rstrip() or FALLBACK_LABEL


def _digest(text: str, length: int) -> str:
    """Return the first `length` base32 characters of the text's SHA-256."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    bits = hashlib.sha256().digest_size * 8
    return "".join(ALPHABET[(number >> (bits - 5 * (index + 1))) & 31] for index in range(length))
