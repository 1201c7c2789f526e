"""Mounts of KV secrets: their paths and versions, as Vault itself tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from allomia_pulumi.edges.vault.client import VaultClient
from allomia_pulumi.edges.vault.faults import Fault, shape_error
from allomia_pulumi.edges.vault.policy import policy_line
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.singleflight import SingleFlight

__all__ = ["Mount", "Mounts"]

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
    """Cache of the mounts of one Vault; each is asked for once."""

    def __init__(self, vault: VaultClient) -> None:
        self._vault = vault
        self._found: SingleFlight[str, Mount] = SingleFlight()

    def find(self, reference: VaultReference, *parts: str) -> Mount:
        """Return the mount of a reference's secret, and check the reference against it.

        Args:
            reference: What is to be read.
            parts: What of a KV v2 secret is to be read, for the policy to name after a denial: by default its `data`.

        Raises:
            AccessDenied: Vault does not tell: there is no such mount, or no policy reaches it.
            InvalidConfiguration: It is no KV mount, or the reference names another mount or version.
            AllomiaError: Vault cannot be asked.
        """
        mount = self._cached(reference.location) or self._found.get(
            reference.location, lambda: self._look_up(reference, parts or ("data",))
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
                "Correct its KV version, or leave it out.",
            )
        return mount

    def _cached(self, location: str) -> Mount | None:
        """Return a mount found before; Vault allows no mount inside another one."""
        return next((mount for mount in self._found.results() if location.startswith(f"{mount.path}/")), None)

    def _look_up(self, reference: VaultReference, parts: tuple[str, ...]) -> Mount:
        """Look the mount up at the endpoint that any token may read whose policy touches it."""
        where = quote(reference.location)
        answer = self._vault.request(
            f"looking up the mount of {reference}",
            lambda client: client.adapter.get(f"/v1/sys/internal/ui/mounts/{where}"),
            lambda fault: self._explain_denial(fault, reference, parts),
        )
        return self._parse(answer.get("data"), reference)

    def _parse(self, data: object, reference: VaultReference) -> Mount:
        path = data.get("path") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(path, str) or not path.strip("/"):
            raise shape_error(self._vault.name, f"looking up the mount of {reference}")
        path = path.strip("/")
        if data.get("type") not in KV_TYPES:
            raise InvalidConfiguration(
                f"the reference {reference} lies in a mount of {self._vault.name} that is no KV store",
                "Name a secret of a KV mount.",
            )
        if reference.location == path:
            raise InvalidConfiguration(f"the reference {reference} names a mount, and no secret in it")
        version = VERSIONS.get(_version(data.get("options")))
        if version is None or not reference.location.startswith(f"{path}/"):
            raise shape_error(self._vault.name, f"looking up the mount of {reference}")
        return Mount(path, version)

    def _explain_denial(self, fault: Fault, reference: VaultReference, parts: tuple[str, ...]) -> AllomiaError | None:
        if not fault.is_denied:
            return None
        first, _, rest = reference.location.partition("/")
        mount, path = (reference.mount, reference.path) if reference.mount else (first, rest)
        lines = " ".join(policy_line(f"{mount}/{part}/{path}") for part in parts)
        return AccessDenied(
            f"{self._vault.name} does not show the mount of {reference} (403): it does not exist, or no policy "
            "of the token reaches it",
            f"Check mount and namespace; if they are right and the mount {mount} is KV v2, add to the policy: {lines}",
        )


def _version(options: object) -> str:
    """Read a mount's options: none at all means version 1."""
    return str(options.get("version") or "1") if isinstance(options, Mapping) else "1"
