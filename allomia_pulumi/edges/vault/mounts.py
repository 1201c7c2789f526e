"""Where a KV mount ends and which version it has, as Vault itself tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from allomia_pulumi.edges.vault.client import Connection
from allomia_pulumi.edges.vault.faults import Fault
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration, UnexpectedAnswer
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.singleflight import Flights

__all__ = ["Mount", "Mounts", "policy_line"]

FORBIDDEN = 403
KV_TYPES = {"kv", "generic"}
VERSIONS = {"1": 1, "2": 2}


@dataclass(frozen=True)
class Mount:
    """A KV mount: its path without the closing slash, and its version."""

    path: str
    version: int

    def inside(self, location: str) -> str:
        """Return the rest of a location that begins with this mount."""
        return location.removeprefix(f"{self.path}/")


class Mounts:
    """Find the mount of a reference; each mount is asked for once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: Flights[str, Mount] = Flights()

    def of(self, reference: VaultReference, *parts: str) -> Mount:
        """Return the mount that holds a reference's secret, and hold the reference to it.

        Args:
            reference: What is to be read.
            parts: What of a KV v2 secret is to be read, for the policy to name after a denial: by default its `data`.

        Raises:
            AccessDenied: Vault does not tell: there is no such mount, or no policy reaches it.
            InvalidConfiguration: It is no KV mount, or the reference names another mount or version.
            AllomiaError: Vault cannot be asked.
        """
        mount = self._known(reference.location) or self._found.get(
            reference.location, lambda: self._ask(reference, parts or ("data",))
        )
        if reference.mount not in {None, mount.path}:
            raise InvalidConfiguration(
                f"the reference {reference} says that the mount is {reference.mount}, and Vault says {mount.path}",
                "Correct its mount, or leave it out.",
            )
        if reference.kv_version not in {None, mount.version}:
            raise InvalidConfiguration(
                f"the reference {reference} says KV version {reference.kv_version}, and Vault says that the mount "
                f"{mount.path} has KV version {mount.version}",
                "Correct its kvVersion, or leave it out.",
            )
        return mount

    def _known(self, location: str) -> Mount | None:
        """Return a mount found before; Vault allows no mount inside another one."""
        return next((mount for mount in self._found.landed() if location.startswith(f"{mount.path}/")), None)

    def _ask(self, reference: VaultReference, parts: tuple[str, ...]) -> Mount:
        """Ask the endpoint that any token may read whose policy touches the mount."""
        where = quote(reference.location)
        answer = self._connection.ask(
            f"looking up the mount of {reference}",
            lambda client: client.adapter.get(f"/v1/sys/internal/ui/mounts/{where}"),
            lambda fault: self._denied(fault, reference, parts),
        )
        return self._parse(answer.get("data"), reference)

    def _parse(self, data: object, reference: VaultReference) -> Mount:
        path = data.get("path") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(path, str) or not path.strip("/"):
            raise self._strange(reference)
        path = path.strip("/")
        if data.get("type") not in KV_TYPES:
            raise InvalidConfiguration(
                f"the reference {reference} lies in a mount of {self._connection.name} that is no KV store",
                "Name a secret of a KV mount.",
            )
        if reference.location == path:
            raise InvalidConfiguration(f"the reference {reference} names a mount, and no secret in it")
        version = VERSIONS.get(_version(data.get("options")))
        if version is None or not reference.location.startswith(f"{path}/"):
            raise self._strange(reference)
        return Mount(path, version)

    def _strange(self, reference: VaultReference) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self._connection.name} sent an answer of an unknown shape while looking up the mount of {reference}",
            "Check the address; something else than Vault may answer there.",
        )

    def _denied(self, fault: Fault, reference: VaultReference, parts: tuple[str, ...]) -> AllomiaError | None:
        if fault.status != FORBIDDEN:
            return None
        first, _, rest = reference.location.partition("/")
        mount, path = (reference.mount, reference.path) if reference.mount else (first, rest)
        lines = " ".join(policy_line(f"{mount}/{part}/{path}") for part in parts)
        return AccessDenied(
            f"{self._connection.name} does not show the mount of {reference} (403): it does not exist, or no policy "
            "of the token reaches it",
            f"Check mount and namespace; if they are right and the mount {mount} is KV v2, add to the policy: {lines}",
        )


def policy_line(path: str, *capabilities: str) -> str:
    """Return the line of HCL that grants capabilities on an API path, `read` by default."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'path "{escaped}" {{ capabilities = {json.dumps(capabilities or ("read",))} }}'


def _version(options: object) -> str:
    """Read a mount's options: none at all means version 1."""
    return str(options.get("version") or "1") if isinstance(options, Mapping) else "1"
