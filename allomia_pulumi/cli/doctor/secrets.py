"""Search for secrets in clear: in a stack's state, backups and history, and in its configuration file.

Nothing here knows the organization keys. It looks for the secrets that other checks came across, for outputs that
should be encrypted and are not, and for any text whose fingerprint is the one that a key recorded.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from allomia_pulumi.cli.doctor.backend import Backend
from allomia_pulumi.cli.doctor.steps import Finding, care, failed, ok, shorten
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import is_key, resource_name
from allomia_pulumi.core.record import SECRET_OUTPUTS
from allomia_pulumi.ground.redaction import FINGERPRINT_DIGITS, printable

__all__ = ["SEARCH_SECONDS", "search_secrets"]

SEARCH_SECONDS = 30.0
OWN_SECONDS = 20.0
GZIP = b"\x1f\x8b"
SHORTEST_KEY = 8
SHORTEST_SEARCHED = 8
STATE = "the state"
FIX = (
    "Take each of them for leaked: rotate the key (a changed rotationTriggers, or the tenant key at AlloMia), run "
    "`pulumi up`, then delete the backups and the history that hold it."
)


@dataclass
class _Search:
    """Search for secrets, and its findings: what and where, never the value."""

    known: Mapping[str, SecretStr] = field(repr=False)
    fingerprints: set[str] = field(default_factory=set)
    found: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        places = self.found.setdefault(printable(what), [])
        if where not in places:
            places.append(where)

    @property
    def too_short(self) -> list[str]:
        """Return what is not searched for: a text so short, like a development token `root`, stands anywhere."""
        return [printable(what) for what, secret in self.known.items() if not _is_telling(secret)]

    def search_text(self, text: str, where: str) -> None:
        """Look for the known secrets, as they are and as JSON writes them."""
        for what, secret in self.known.items():
            value = secret.get_secret_value()
            if _is_telling(secret) and (value in text or json.dumps(value)[1:-1] in text):
                self.note(what, where)

    def learn(self, value: object) -> None:
        """Collect the fingerprints that keys recorded."""
        for resource in _objects(value):
            outputs = resource.get("outputs")
            if is_key(resource) and isinstance(outputs, dict):
                recorded = outputs.get("secretFingerprint")
                self.fingerprints |= {recorded} if isinstance(recorded, str) and recorded else set()

    def search(self, value: object, where: str) -> None:
        """Look for outputs in clear, and for keys by their fingerprints."""
        for one in _objects(value):
            if is_key(one):
                for name in _clear_outputs(one):
                    self.note(f"{name} of {resource_name(one)}", where)
        for text in _texts(value):
            if len(text) >= SHORTEST_KEY and _fingerprint(text) in self.fingerprints:
                self.note("an organization key", where)


def search_secrets(subject: Subject, stack: Stack, configuration: Path) -> Finding:
    """Search the state, the stack's configuration file, and what a file backend keeps, for a bounded time."""
    backend = subject.backend
    search = _Search(dict(subject.known))
    search.learn(stack.deployment)
    search.search_text(json.dumps(stack.deployment, ensure_ascii=False), STATE)
    search.search(stack.deployment, STATE)
    files = [*filter(Path.is_file, [configuration]), *backend.files(stack)]
    end, done = time.monotonic() + OWN_SECONDS, 0
    for file in files:
        if time.monotonic() > end:
            break
        _search_file(search, file, backend)
        done += 1
    where = f"the state and {done} of {len(files)} files"
    if search.too_short:
        where += f" ({' and '.join(search.too_short)} not searched for: too short to be told from other text)"
    if search.found:
        lines = [f"{what} in {shorten(places)}" for what, places in search.found.items()]
        return failed(f"in clear: {shorten(lines)}", FIX)
    if done < len(files):
        return care(f"none in {where}; there was no time for more", "Prune old history and backups, and look again.")
    beyond = "" if backend.folder else "; backups of this backend cannot be searched from here"
    return ok(f"none in {where}{beyond}")


def _search_file(search: _Search, file: Path, backend: Backend) -> None:
    where = file.name
    if backend.folder and file.is_relative_to(backend.folder):
        where = str(file.relative_to(backend.folder.parent))
    where = printable(where)
    try:
        content = file.read_bytes()
        content = gzip.decompress(content) if content.startswith(GZIP) else content
    except (OSError, EOFError, zlib.error):
        return
    text = content.decode(errors="replace")
    search.search_text(text, where)
    try:
        value = json.loads(text)
    except ValueError:
        return
    search.learn(value)
    search.search(value, where)


def _is_telling(secret: SecretStr) -> bool:
    """Tell whether a secret is long enough that a text which has it has it from there."""
    return len(secret.get_secret_value()) >= SHORTEST_SEARCHED


def _clear_outputs(resource: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of outputs that Pulumi should have encrypted: an encrypted one is an object."""
    outputs = resource.get("outputs")
    for name in sorted(SECRET_OUTPUTS):
        value = outputs.get(name) if isinstance(outputs, dict) else None
        if isinstance(value, str) and value:
            yield name


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Return every object in a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _texts(value: object) -> Iterator[str]:
    """Return every text in a JSON value; ciphertexts and names are not looked at twice."""
    for one in _objects(value):
        for inner in one.values():
            if isinstance(inner, str):
                yield inner
            elif isinstance(inner, list):
                yield from (text for text in inner if isinstance(text, str))


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:FINGERPRINT_DIGITS]
