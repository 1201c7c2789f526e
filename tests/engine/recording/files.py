"""The files of a recording: a program, the state that it led to, and the world around that state."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "recorded"
PASSPHRASE = "the passphrase of every recorded state"


@dataclass(frozen=True)
class Key:
    """A living key of the recorded AlloMia; its value is in the state, or follows from its id."""

    id: str
    name: str
    created_at: str


@dataclass(frozen=True)
class Organization:
    """An organization of the recorded AlloMia.

    Attributes:
        fields: What AlloMia had of it by names on the wire, `${tenant}` for its tenant; empty for one made by hand.
        metadata: Its metadata, if it had a record of them.
    """

    id: str
    keys: Sequence[Key]
    fields: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class VaultSecret:
    """A secret of the recorded Vault: the fields of each version, `${key ID}` in place of a key, and its metadata."""

    versions: Sequence[Mapping[str, str]]
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class World:
    """What lay around a state when it was written.

    Attributes:
        moment: When that was, ISO 8601 in UTC.
        config: The stack's configuration without what differs from run to run.
        organizations: By the names under which the program declares keys for them.
        vault: Secrets by their paths in the mount `secret`.
    """

    moment: str
    config: Mapping[str, Any]
    organizations: Mapping[str, Organization]
    vault: Mapping[str, VaultSecret]


@dataclass(frozen=True)
class Recording:
    """The folder of one recorded state, `VERSION/FACE/KIND`."""

    folder: Path

    @property
    def version(self) -> str:
        return self.folder.parents[1].name

    @property
    def face(self) -> str:
        return self.folder.parent.name

    @property
    def program(self) -> str:
        return (self.folder / "__main__.py").read_text()

    @property
    def state(self) -> str:
        """Return what `pulumi stack export` wrote, with placeholders for what differs from run to run."""
        return (self.folder / "state.json").read_text()

    def world(self) -> World:
        known = json.loads((self.folder / "world.json").read_text())
        organizations = {
            name: Organization(**{**each, "keys": [Key(**key) for key in each["keys"]]})
            for name, each in known["organizations"].items()
        }
        vault = {path: VaultSecret(**each) for path, each in known["vault"].items()}
        return World(known["moment"], known["config"], organizations, vault)

    def write(self, program: str, state: Mapping[str, Any], world: World) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "__main__.py").write_text(program)
        (self.folder / "state.json").write_text(f"{json.dumps(state, indent=2)}\n")
        (self.folder / "world.json").write_text(f"{json.dumps(asdict(world), indent=2)}\n")


def recordings(kind: str) -> list[Recording]:
    """Return every recording of one kind."""
    return [Recording(folder) for folder in sorted(FOLDER.glob(f"*/*/{kind}"))]


def value_of(key_id: str) -> str:
    """Return the value of a key that no state holds: the same in every run, and stored nowhere."""
    digest = hashlib.sha256(f"a key of a recorded world: {key_id}".encode()).digest()
    return f"alm_org_{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def seconds(moment: datetime) -> str:
    """Return a moment as the outputs have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
