"""One secret of a KV v2 mount, by the requests about it that carry no value: metadata, permissions, removal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import hvac
from pydantic import ValidationError

from allomia_pulumi.contracts.vault_delivery import WRITTEN_FIELDS, VaultLocation
from allomia_pulumi.edges.vault.client import Call, Connection
from allomia_pulumi.edges.vault.faults import Fault
from allomia_pulumi.edges.vault.kv import V2, is_absence
from allomia_pulumi.edges.vault.metadata import NOTHING, Metadata, only_marks, without_marks
from allomia_pulumi.edges.vault.mounts import Mounts, policy_line
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration, UnexpectedAnswer
from allomia_pulumi.ground.references import parse_reference

__all__ = ["DATA_CAPABILITIES", "METADATA_CAPABILITIES", "Site", "lacking", "locate"]

FORBIDDEN = 403

# Which of create and update Vault asks for depends on what stands there at that moment.
DATA_CAPABILITIES = ("create", "update")
METADATA_CAPABILITIES = ("create", "update", "read")
ANYTHING = "root"


@dataclass(frozen=True)
class Site:
    """A place whose mount Vault has confirmed.

    Attributes:
        connection: The way to its Vault.
        mount: The path of its mount, without the closing slash.
        path: The path of the secret inside the mount.
        field: The field of the secret.
    """

    connection: Connection = dataclasses.field(repr=False)
    mount: str
    path: str
    field: str

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"

    @property
    def data(self) -> str:
        """Return the API path of the data."""
        return f"{self.mount}/data/{self.path}"

    @property
    def metadata(self) -> str:
        """Return the API path of the metadata."""
        return f"{self.mount}/metadata/{self.path}"

    def read_metadata(self, *capabilities: str) -> Metadata:
        """Read the metadata; those of a secret that does not exist are empty.

        Args:
            capabilities: What a policy should grant on them, to name after a denial; by default what a delivery needs.
        """
        found = self._find(capabilities or METADATA_CAPABILITIES)
        # Raised here, where no variable holds an answer: some crash reports show the variables of each frame.
        if isinstance(found, AllomiaError):
            raise found
        return found

    def write_custom(self, custom: Mapping[str, str]) -> None:
        """Replace the custom metadata, and nothing else of the metadata."""
        self.connection.ask(
            f"marking {self}",
            self._posting(custom),
            self.denied("mark", self.metadata, *METADATA_CAPABILITIES),
        )

    def put_back(self, before: Metadata, key_id: str) -> None:
        """Give the marks of a key way to those that stood there before, unless others do by now; best effort."""
        with suppress(AllomiaError):
            answer = self.connection.glance(self._getting)
            found = _parsed(answer) if answer else None
            if found is not None and found.key_id == key_id:
                self.connection.glance(self._posting(without_marks(found.custom) | only_marks(before.custom)))

    def require_permission(self) -> None:
        """Make sure that the token may deliver here.

        Raises:
            AccessDenied: It may not, or may not ask; the hint holds the lines to add to its policy.
        """
        missing = self._missing()
        if missing is None:
            raise self._strange("asking what the token may do with")
        lacking = [f"{' and '.join(names)} on {path}" for path, names in missing.items() if names]
        if lacking:
            lines = [policy_line(path, *self._needed[path]) for path, names in missing.items() if names]
            raise AccessDenied(
                f"{self.connection.name} does not let the token deliver to {self}: it lacks {', and '.join(lacking)}",
                f"Add to its policy: {' '.join(lines)}",
            )

    def destroy(self, versions: list[int]) -> None:
        """Destroy these versions, beyond undeleting."""
        self.connection.ask(
            f"destroying versions of {self}",
            lambda client: client.secrets.kv.v2.destroy_secret_versions(self.path, versions, self.mount),
            self.denied("destroy versions of", f"{self.mount}/destroy/{self.path}", "update"),
        )

    def delete(self) -> None:
        """Delete the metadata, and with them every version."""
        self.connection.ask(
            f"deleting {self}",
            lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(self.path, self.mount),
            self.denied("delete", self.metadata, *METADATA_CAPABILITIES, "delete"),
        )

    def denied(self, what: str, path: str, *capabilities: str) -> Callable[[Fault], AllomiaError | None]:
        """Return what words a policy's denial, with the line to add."""

        def word(fault: Fault) -> AllomiaError | None:
            if fault.status != FORBIDDEN:
                return None
            return AccessDenied(
                f"{self.connection.name} does not let the token {what} {self} (403)",
                f"Add to its policy: {policy_line(path, *capabilities)}",
            )

        return word

    @property
    def _needed(self) -> dict[str, tuple[str, ...]]:
        return {self.data: DATA_CAPABILITIES, self.metadata: METADATA_CAPABILITIES}

    def _missing(self) -> dict[str, list[str]] | None:
        """Return by API path which of the needed capabilities the token lacks, or None after a strange answer."""
        answer = self.connection.ask(
            f"asking what the token may do with {self}",
            lambda client: client.sys.get_capabilities(list(self._needed)),
            self.denied("learn what it may do with", "sys/capabilities-self", "update"),
        )
        granted = answer.get("data")
        if not isinstance(granted, Mapping):
            return None
        return {path: lacking(granted.get(path), capabilities) for path, capabilities in self._needed.items()}

    def _find(self, capabilities: tuple[str, ...]) -> Metadata | AllomiaError:
        answer = self.connection.send(self._getting)
        if not isinstance(answer, Fault):
            return _parsed(answer) or self._strange("reading the metadata of")
        if is_absence(answer):
            return NOTHING
        denied = self.denied("read the metadata of", self.metadata, *capabilities)
        return denied(answer) or self.connection.error(answer, f"reading the metadata of {self}")

    def _getting(self, client: hvac.Client) -> dict[str, Any]:
        answer: dict[str, Any] = client.secrets.kv.v2.read_secret_metadata(self.path, mount_point=self.mount)
        return answer

    def _posting(self, custom: Mapping[str, str]) -> Call:
        # hvac's own update_metadata always sends delete_version_after too, and so resets it.
        url = f"/v1/{quote(self.metadata)}"
        return lambda client: client.adapter.post(url, json={"custom_metadata": dict(custom)})

    def _strange(self, doing: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self.connection.name} sent an answer of an unknown shape while {doing} {self}",
            "Check the address; something else than Vault may answer there.",
        )


def locate(place: VaultLocation, connection: Connection, mounts: Mounts) -> Site:
    """Find a place's mount, asking Vault once for each mount, and hold the place to it.

    Raises:
        InvalidConfiguration: The mount is no KV v2, Vault sees it elsewhere, or the field is one that we fill.
        InvalidInput: A path leaves its mount, or a name has a character that none may have.
        AccessDenied: There is no such mount, or no policy reaches it.
        AllomiaError: Vault cannot be asked.
    """
    if place.field in WRITTEN_FIELDS:
        raise InvalidConfiguration(
            f"the field of vaultSecret is {place.field}, which is written beside the key", "Give the key another field."
        )
    site = Site(connection, place.mount, place.path, place.field)
    reference = parse_reference({"path": str(site), "field": place.field}, "vaultSecret")
    try:
        mount = mounts.of(reference)
    except AccessDenied as denied:
        lines = (policy_line(site.data, *DATA_CAPABILITIES), policy_line(site.metadata, *METADATA_CAPABILITIES))
        hint = f"Check mount and namespace; if they are right, add to the policy: {' '.join(lines)}"
        raise AccessDenied(denied.message, hint) from None
    if mount.version != V2:
        raise InvalidConfiguration(
            f"the mount {mount.path} of vaultSecret is KV v{mount.version}, and keys are delivered to KV v2 only: "
            "without versions nobody could tell whose write a secret is",
            "Name a KV v2 mount, or upgrade this one (vault kv enable-versioning).",
        )
    if mount.path != place.mount:
        raise InvalidConfiguration(
            f"vaultSecret says that the mount of {site} is {place.mount}, and Vault says {mount.path}",
            "Correct its mount and path.",
        )
    return site


def _parsed(answer: Mapping[str, Any]) -> Metadata | None:
    """Read an answer's metadata, or None when it has another shape."""
    try:
        return Metadata.model_validate(answer.get("data"))
    except ValidationError:
        return None


def lacking(granted: object, needed: tuple[str, ...]) -> list[str]:
    """Return which of the needed capabilities an answer about a path does not grant."""
    has = granted if isinstance(granted, list) else []
    return [] if ANYTHING in has else [name for name in needed if name not in has]
