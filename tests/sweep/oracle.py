"""What is true after a strike, from the sandbox, from OpenBao and from the decrypted state: no provider is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac

from tests.sweep.play import DeclaredKey, Play
from tests.sweep.steps import Operation

TYPES = ("dynamic/allomia:OrganizationApiKey", "allomia:index:OrganizationApiKey")
PLAINTEXT = "plaintext"
MARK = r"--p1[0-9a-hjkmnp-tv-z]{27}"


@dataclass(frozen=True)
class Entry:
    """What the state has of one declared key; with a replacement under way, of both."""

    current: str | None = None
    ids: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class State:
    entries: Mapping[str, Entry]
    pending: int

    def of(self, key: DeclaredKey) -> Entry:
        return self.entries.get(key.name, Entry())


@dataclass(frozen=True)
class Standing:
    """One declared key as AlloMia, Vault and the state have it.

    Attributes:
        alive: The living keys of its organization: names by ids.
        held: The living keys whose secret is in the state or in Vault, and works.
        in_vault: The secrets that can be read in Vault, by version.
    """

    key: DeclaredKey
    entry: Entry
    alive: Mapping[str, str]
    held: frozenset[str]
    in_vault: Mapping[int, str] = field(repr=False)

    @property
    def unknown(self) -> dict[str, str]:
        """Return the living keys that no state knows."""
        return {key_id: name for key_id, name in self.alive.items() if key_id not in self.entry.ids}

    @property
    def lost(self) -> dict[str, str]:
        """Return the living keys whose secret nobody has."""
        return {key_id: name for key_id, name in self.alive.items() if key_id not in self.held}


def read_state(play: Play) -> State:
    exported = play.workspace.run("stack", "export", "--show-secrets").check()
    deployment = json.loads(exported.stdout)["deployment"]
    entries: dict[str, Entry] = {}
    for resource in deployment.get("resources", []):
        outputs = resource.get("outputs", {})
        if resource["type"].endswith(TYPES) and "keyId" in outputs:
            name = resource["urn"].rpartition("::")[2]
            entries[name] = _merge(entries.get(name, Entry()), outputs, is_going=bool(resource.get("delete")))
    return State(entries, len(deployment.get("pending_operations") or []))


def look(play: Play, state: State) -> list[Standing]:
    """Return every declared key as it stands."""
    client = play.scene.openbao.client()
    return [_stand(play, key, state.of(key), _read_vault(client, key)) for key in play.keys]


def wrongs(standing: Standing, before: State, seen: State, named: Iterable[str]) -> list[str]:
    """Return which promises are broken after the recovery, `named` being what the console said.

    `seen` is the state as the strike left it.
    """
    key, entry, texts = standing.key, standing.entry, list(named)
    wrong = []
    for key_id, name in standing.unknown.items():
        if not is_named(key_id, name, texts):
            wrong.append(f"G1: key {key_id} is alive, in no state, and not named")
        if not re.fullmatch(re.escape(key.name) + MARK, name):
            wrong.append(f"G1: key {key_id} has no mark in its name")
    for key_id, name in standing.lost.items():
        if key_id not in standing.unknown and not is_named(key_id, name, texts):
            wrong.append(f"G2: the secret of key {key_id} is lost, and the key was not named")
    for then, what in ((seen.of(key), "strike"), (entry, "recovery")):
        gone = before.of(key).ids - then.ids
        wrong += [f"G4: the {what} dropped living key {each}" for each in gone & standing.alive.keys()]
    return wrong + (_wrong_end(standing) if key.operation is Operation.DESTROY else _wrong_key(standing))


def is_named(key_id: str, name: str, texts: Iterable[str]) -> bool:
    return any(key_id in text or name in text for text in texts)


def _wrong_key(standing: Standing) -> list[str]:
    """Tell what is wrong with a key that is declared."""
    key, entry = standing.key, standing.entry
    if entry.current is None:
        return ["G4: the declared key is not in the state"]
    wrong = []
    if entry.current not in standing.held:
        wrong.append(f"G4: declared key {entry.current} does not work")
    if key.with_vault and (not standing.in_vault or standing.in_vault[max(standing.in_vault)] != entry.secrets[0]):
        wrong.append("Vault's latest version is not the declared key")
    return wrong


def _wrong_end(standing: Standing) -> list[str]:
    """Tell what is wrong with a key that is destroyed."""
    wrong = ["G7: the destroyed key is in the state"] if standing.entry.ids else []
    if standing.in_vault:
        wrong.append("a destroyed key's copy is in Vault")
    return wrong


def _merge(entry: Entry, outputs: Mapping[str, Any], *, is_going: bool) -> Entry:
    pending = [owed.get("keyId") for owed in _plain(outputs.get("pending")) or []]
    ids = filter(None, [outputs["keyId"], outputs.get("previousKeyId"), *pending])
    secrets = tuple(filter(None, (_plain(outputs.get(name)) for name in ("secret", "previousSecret"))))
    return Entry(
        current=entry.current if is_going else outputs["keyId"],
        ids=entry.ids | frozenset(ids),
        # The current key's own secret stands first.
        secrets=entry.secrets + secrets if is_going else secrets + entry.secrets,
    )


def _plain(value: Any) -> Any:
    return json.loads(value[PLAINTEXT]) if isinstance(value, Mapping) and PLAINTEXT in value else value


def _stand(play: Play, key: DeclaredKey, entry: Entry, in_vault: Mapping[int, str]) -> Standing:
    sandbox = play.scene.sandbox
    before = sandbox.last_event()
    for secret in {*entry.secrets, *in_vault.values()}:
        sandbox.key_status(key.organization, secret)
    # The sandbox alone knows which key a secret is: it logs that with every call that it accepts.
    held = {event.key_id for event in sandbox.events(before) if event.type == "verified" and event.key_id}
    return Standing(key, entry, play.alive(key), frozenset(held), in_vault)


def _read_vault(client: hvac.Client, key: DeclaredKey) -> dict[int, str]:
    """Return what a reader can read, by version."""
    kv, path = client.secrets.kv.v2, f"sweep/{key.name}"
    try:
        versions = kv.read_secret_metadata(path, mount_point="secret")["data"]["versions"]
    except hvac.exceptions.InvalidPath:
        return {}
    readable = [int(number) for number, each in versions.items() if not each["destroyed"] and not each["deletion_time"]]
    read = {
        number: kv.read_secret_version(path, number, mount_point="secret", raise_on_deleted_version=True)
        for number in readable
    }
    return {number: answer["data"]["data"]["api_key"] for number, answer in read.items()}
