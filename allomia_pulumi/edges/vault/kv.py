"""One field of one secret, from KV v1 or v2."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from allomia_pulumi.edges.vault.client import Connection
from allomia_pulumi.edges.vault.faults import Fault
from allomia_pulumi.edges.vault.mounts import Mount, Mounts, policy_line
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.config import VaultSettings
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference

__all__ = ["V2", "Reader", "absent", "is_absence"]

FORBIDDEN = 403
MISSING = 404
V2 = 2
KEY_PATTERN = re.compile(r"[\x21-\x7e]+")
MOMENT_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
API_SEGMENTS = {"data", "metadata"}
KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object", type(None): "null"}


class Reader:
    """Read fields through one connection, which the first request logs in.

    Attributes:
        connection: The way to this Vault, for whoever writes to it too.
        mounts: What is known of its mounts.
    """

    def __init__(
        self, settings: VaultSettings, environ: Mapping[str, str], clock: Clock, sources: Mapping[str, str]
    ) -> None:
        self.connection = Connection(settings, environ, clock, sources)
        self.mounts = Mounts(self.connection)

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Find the mount of a reference, then read the field that it names.

        Raises:
            NotFound: The secret, its version or its field does not exist, or was deleted.
            AccessDenied: No policy of the token allows it; the hint holds the line to add.
            InvalidConfiguration: The field holds no key, or the mount has no versions to pin.
            AllomiaError: Vault cannot be asked.
        """
        outcome = _read_field(self.connection, self.mounts.of(reference), reference)
        # Raised here, where no variable holds what was read: some crash reports show the variables of each frame.
        if isinstance(outcome, AllomiaError):
            raise outcome.as_said_by("Vault")
        return outcome

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def _read_field(connection: Connection, mount: Mount, reference: VaultReference) -> SecretStr | AllomiaError:
    path = mount.inside(reference.location)
    read = _read_v2 if mount.version == V2 else _read_v1
    data = read(connection, mount, path, reference)
    if not isinstance(data, Mapping):
        return UnexpectedAnswer(
            f"{connection.name} sent an answer of an unknown shape while reading {reference}",
            "Check the address; something else than Vault may answer there.",
        )
    return _key(data, reference)


def _read_v1(connection: Connection, mount: Mount, path: str, reference: VaultReference) -> object:
    if reference.version is not None:
        raise InvalidConfiguration(
            f"the reference {reference} pins a version, and the mount {mount.path} is KV v1, which has none",
            "Remove the version.",
        )

    def known(fault: Fault) -> AllomiaError | None:
        if fault.status == FORBIDDEN:
            return _denied(connection, reference, f"{mount.path}/{path}")
        return absent(connection, mount, reference) if is_absence(fault) else None

    answer = connection.ask(
        f"reading {reference}",
        lambda client: client.secrets.kv.v1.read_secret(path, mount_point=mount.path),
        known,
    )
    return answer.get("data")


def _read_v2(connection: Connection, mount: Mount, path: str, reference: VaultReference) -> object:
    def known(fault: Fault) -> AllomiaError | None:
        if fault.status == FORBIDDEN:
            return _denied(connection, reference, f"{mount.path}/data/{path}")
        if fault.status == MISSING and fault.version:
            return _deleted(fault.version, mount, path, reference)
        if is_absence(fault):
            return _no_version(connection, mount, path, reference) or absent(connection, mount, reference)
        return None

    answer = connection.ask(
        f"reading {reference}",
        # With False, hvac trips over a 404 without data, and still raises for a destroyed version.
        lambda client: client.secrets.kv.v2.read_secret_version(
            path, reference.version, mount.path, raise_on_deleted_version=True
        ),
        known,
    )
    data = answer.get("data")
    return data.get("data") if isinstance(data, Mapping) else None


def _key(data: Mapping[str, Any], reference: VaultReference) -> SecretStr | AllomiaError:
    """Take the field's text; one closing line break is an editor's, anything else unprintable is a mistake."""
    if reference.field not in data:
        return NotFound(
            f"the secret of {reference} has no field {reference.field}", "Check the field's name; case counts."
        )
    value = data[reference.field]
    if not isinstance(value, str):
        kind = KINDS.get(type(value), "something else")
        return InvalidConfiguration(
            f"the field of {reference} holds {kind}, not a string", "Store the key as a string."
        )
    text = value.removesuffix("\n").removesuffix("\r") if value.endswith("\n") else value
    if not text:
        return InvalidConfiguration(f"the field of {reference} is empty", "Put the key into it.")
    if not KEY_PATTERN.fullmatch(text):
        return InvalidConfiguration(
            f"the field of {reference} has white space, a control character or a character outside ASCII in it, "
            "so it cannot be a key",
            "Store the key alone.",
        )
    return guard(text)


def is_absence(fault: Fault) -> bool:
    """Tell the 404 of a secret from that of a namespace or of a mount that is gone."""
    return fault.status == MISSING and not fault.said


def absent(connection: Connection, mount: Mount, reference: VaultReference) -> NotFound:
    """Say that there is no secret for a reference, and the likeliest reason."""
    first = mount.inside(reference.location).partition("/")[0]
    hint = "Check the path and the namespace, or put the key there."
    if mount.version == V2 and first in API_SEGMENTS:
        hint = f"Leave {first}/ out of the reference: it belongs to Vault's API, not to the path."
    return NotFound(f"{connection.name} has no secret for {reference}", hint)


def _denied(connection: Connection, reference: VaultReference, api_path: str) -> AccessDenied:
    return AccessDenied(
        f"{connection.name} does not let the token read {reference} (403)",
        f"Add to its policy: {policy_line(api_path)}",
    )


def _deleted(version: Mapping[str, Any], mount: Mount, path: str, reference: VaultReference) -> NotFound:
    number = version.get("version")
    which, option = (f"version {number}", [f"-versions={number}"]) if isinstance(number, int) else ("the version", [])
    elsewhere = "write a new version, or point the reference to another one."
    if version.get("destroyed") is True:
        return NotFound(f"{which} of the secret of {reference} was destroyed", elsewhere.capitalize())
    moment = MOMENT_PATTERN.match(str(version.get("deletion_time", "")))
    when = f" at {moment.group()}Z" if moment else ""
    arguments = shlex.join([f"-mount={mount.path}", *option, path])
    return NotFound(
        f"{which} of the secret of {reference} was deleted{when}",
        f"Bring it back (vault kv undelete {arguments}), {elsewhere}",
    )


def _no_version(connection: Connection, mount: Mount, path: str, reference: VaultReference) -> NotFound | None:
    """Say why a pinned version is not there, if the token may read the metadata; None for other absences."""
    if reference.version is None:
        return None
    metadata = connection.glance(lambda client: client.secrets.kv.v2.read_secret_metadata(path, mount.path))
    data = metadata.get("data") if metadata else None
    current = data.get("current_version") if isinstance(data, Mapping) else None
    if not isinstance(current, int):
        return NotFound(
            f"{connection.name} has nothing for {reference}: no such secret, or no such version (any more)",
            "Check the path and the pinned version.",
        )
    if not current:
        return None
    if reference.version > current:
        return NotFound(
            f"the secret of {reference} has no such version yet; the latest is {current}", "Correct its version."
        )
    return NotFound(
        f"the version that {reference} pins was pruned; the latest is {current}",
        "Pin a later one, or raise the secret's max_versions before it is written to again.",
    )
