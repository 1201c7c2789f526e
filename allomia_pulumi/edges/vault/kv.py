"""Read one field of one secret, from KV v1 or v2."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from allomia_pulumi.edges.vault.client import VaultClient
from allomia_pulumi.edges.vault.faults import Fault, shape_error
from allomia_pulumi.edges.vault.mounts import Mount, Mounts
from allomia_pulumi.edges.vault.policy import policy_denial
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration, NotFound
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import VaultReference, api_path_hint
from allomia_pulumi.ground.settings import VaultSettings

__all__ = ["V2", "KvReader", "is_absence", "missing_secret"]

V2 = 2
KEY_PATTERN = re.compile(r"[\x21-\x7e]+")
MOMENT_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object", type(None): "null"}


class KvReader:
    """Reader of secrets, through one client that logs in at its first request.

    Attributes:
        vault: The client, for whoever writes to this Vault too.
        mounts: Its mounts, as far as they are known.
    """

    def __init__(
        self, settings: VaultSettings, environ: Mapping[str, str], clock: Clock, sources: Mapping[str, str]
    ) -> None:
        self.vault = VaultClient(settings, environ, clock, sources)
        self.mounts = Mounts(self.vault)

    def read_secret(self, reference: VaultReference) -> SecretStr:
        """Find the mount of a reference, then read the field that it names.

        Raises:
            NotFound: The secret, its version or its field does not exist, or was deleted.
            AccessDenied: No policy of the token allows it; the hint holds the line to add.
            InvalidConfiguration: The field holds no key, or the mount has no versions to pin.
            AllomiaError: Vault cannot be asked.
        """
        outcome = _read_field(self.vault, self.mounts.find(reference), reference)
        # Raised here, where no variable holds what was read: some crash reports show the variables of each frame.
        if isinstance(outcome, AllomiaError):
            raise outcome.as_said_by("Vault")
        return outcome

    def close(self) -> None:
        """Close the client."""
        self.vault.close()


def _read_field(vault: VaultClient, mount: Mount, reference: VaultReference) -> SecretStr | AllomiaError:
    path = mount.inside(reference.location)
    read = _read_v2 if mount.version == V2 else _read_v1
    data = read(vault, mount, path, reference)
    if not isinstance(data, Mapping):
        return shape_error(vault.name, f"reading {reference}")
    return _parse_key(data, reference)


def _read_v1(vault: VaultClient, mount: Mount, path: str, reference: VaultReference) -> object:
    if reference.version is not None:
        raise InvalidConfiguration(
            f"the reference {reference} pins a version, and the mount {mount.path} is KV v1, which has none",
            "Remove the version.",
        )

    def explain(fault: Fault) -> AllomiaError | None:
        if fault.is_denied:
            return policy_denial(vault.name, f"read {reference}", f"{mount.path}/{path}")
        return missing_secret(vault, mount, reference) if is_absence(fault) else None

    answer = vault.request(
        f"reading {reference}",
        lambda client: client.secrets.kv.v1.read_secret(path, mount_point=mount.path),
        explain,
    )
    return answer.get("data")


def _read_v2(vault: VaultClient, mount: Mount, path: str, reference: VaultReference) -> object:
    def explain(fault: Fault) -> AllomiaError | None:
        if fault.is_denied:
            denial = policy_denial(vault.name, f"read {reference}", f"{mount.path}/data/{path}")
            return denial.with_hint(api_path_hint(path))
        if fault.is_missing and fault.version:
            return _deleted_version(fault.version, mount, path, reference)
        if is_absence(fault):
            return _missing_version(vault, mount, path, reference) or missing_secret(vault, mount, reference)
        return None

    answer = vault.request(
        f"reading {reference}",
        # With False, hvac trips over a 404 without data, and still raises for a destroyed version.
        lambda client: client.secrets.kv.v2.read_secret_version(
            path, reference.version, mount.path, raise_on_deleted_version=True
        ),
        explain,
    )
    data = answer.get("data")
    return data.get("data") if isinstance(data, Mapping) else None


def _parse_key(data: Mapping[str, Any], reference: VaultReference) -> SecretStr | AllomiaError:
    """Parse the field as a key; one closing line break is an editor's, anything else unprintable is a mistake."""
    if reference.field not in data:
        return NotFound(
            f"the secret of {reference} has no field {reference.field}",
            "Check the field's name; case counts.",
            is_proved=True,
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
    """Tell whether a fault is the 404 of a secret, and not of a namespace or of a mount that is gone."""
    return fault.is_missing and not fault.error_text


def missing_secret(vault: VaultClient, mount: Mount, reference: VaultReference) -> NotFound:
    """Return the error for a secret that does not exist, with the likeliest reason."""
    copied = api_path_hint(mount.inside(reference.location)) if mount.version == V2 else ""
    hint = copied or "Check the path and the namespace, or put the key there."
    return NotFound(f"{vault.name} has no secret for {reference}", hint)


def _deleted_version(version: Mapping[str, Any], mount: Mount, path: str, reference: VaultReference) -> NotFound:
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


def _missing_version(vault: VaultClient, mount: Mount, path: str, reference: VaultReference) -> NotFound | None:
    """Return the error for a pinned version that is not there, if the token may read the metadata; else None."""
    if reference.version is None:
        return None
    metadata = vault.try_once(lambda client: client.secrets.kv.v2.read_secret_metadata(path, mount.path))
    data = metadata.get("data") if metadata else None
    current = data.get("current_version") if isinstance(data, Mapping) else None
    if not isinstance(current, int):
        return NotFound(
            f"{vault.name} has nothing for {reference}: no such secret, or no such version (any more)",
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
