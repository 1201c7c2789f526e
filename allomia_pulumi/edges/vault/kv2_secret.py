"""One secret of a KV v2 mount, and the requests about it that carry no value: metadata, permissions, removal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import hvac

from allomia_pulumi.contracts.vault_delivery import WRITTEN_FIELDS, VaultLocation
from allomia_pulumi.edges.vault.answers import parse_answer
from allomia_pulumi.edges.vault.client import Call, VaultClient
from allomia_pulumi.edges.vault.faults import Fault, shape_error
from allomia_pulumi.edges.vault.kv import V2, is_absence
from allomia_pulumi.edges.vault.metadata import NO_METADATA, Metadata, only_marks, without_marks
from allomia_pulumi.edges.vault.mounts import Mounts
from allomia_pulumi.edges.vault.policy import (
    DATA_CAPABILITIES,
    METADATA_CAPABILITIES,
    missing_capabilities,
    policy_denial,
    policy_line,
)
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = ["Kv2Secret", "locate_secret"]


@dataclass(frozen=True)
class Kv2Secret:
    """One secret of a KV v2 mount that Vault has confirmed.

    Attributes:
        vault: The client of its Vault.
        mount: The path of its mount, without the closing slash.
        path: The path of the secret inside the mount.
        field: The field of the secret.
    """

    vault: VaultClient = dataclasses.field(repr=False)
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
        found = self._try_read_metadata(capabilities or METADATA_CAPABILITIES)
        # Raised here, where no variable holds an answer: some crash reports show the variables of each frame.
        if isinstance(found, AllomiaError):
            raise found
        return found

    def write_custom(self, custom: Mapping[str, str]) -> None:
        """Replace the custom metadata, and nothing else of the metadata."""
        self.vault.request(
            f"marking {self}",
            self._post_custom(custom),
            self.explain_denial("mark", self.metadata, *METADATA_CAPABILITIES),
        )

    def restore_marks(self, before: Metadata, key_id: str) -> None:
        """Replace the marks of a key by those that stood there before, unless others do by now; best effort."""
        with suppress(AllomiaError):
            answer = self.vault.try_once(self._get_metadata)
            found = parse_answer(Metadata, answer.get("data")) if answer else None
            if found is not None and found.key_id == key_id:
                self.vault.try_once(self._post_custom(without_marks(found.custom) | only_marks(before.custom)))

    def require_permission(self) -> None:
        """Check that the token may deliver here.

        Raises:
            AccessDenied: It may not, or may not ask; the hint holds the lines to add to its policy.
        """
        missing = self._missing()
        if missing is None:
            raise shape_error(self.vault.name, f"asking what the token may do with {self}")
        lacking = [f"{' and '.join(names)} on {path}" for path, names in missing.items() if names]
        if lacking:
            lines = [policy_line(path, *self._needed[path]) for path, names in missing.items() if names]
            raise AccessDenied(
                f"{self.vault.name} does not let the token deliver to {self}: it lacks {', and '.join(lacking)}",
                f"Add to its policy: {' '.join(lines)}",
            )

    def destroy(self, versions: list[int]) -> None:
        """Destroy these versions, beyond undeleting."""
        self.vault.request(
            f"destroying versions of {self}",
            lambda client: client.secrets.kv.v2.destroy_secret_versions(self.path, versions, self.mount),
            self.explain_denial("destroy versions of", f"{self.mount}/destroy/{self.path}", "update"),
        )

    def delete(self) -> None:
        """Delete the metadata, and with them every version."""
        self.vault.request(
            f"deleting {self}",
            lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(self.path, self.mount),
            self.explain_denial("delete", self.metadata, *METADATA_CAPABILITIES, "delete"),
        )

    def explain_denial(self, what: str, path: str, *capabilities: str) -> Callable[[Fault], AllomiaError | None]:
        """Return what explains a policy's denial of something, with the line to add."""

        def explain(fault: Fault) -> AllomiaError | None:
            if not fault.is_denied:
                return None
            return policy_denial(self.vault.name, f"{what} {self}", path, *capabilities)

        return explain

    @property
    def _needed(self) -> dict[str, tuple[str, ...]]:
        return {self.data: DATA_CAPABILITIES, self.metadata: METADATA_CAPABILITIES}

    def _missing(self) -> dict[str, tuple[str, ...]] | None:
        """Return by API path which of the needed capabilities the token lacks, or None after a strange answer."""
        answer = self.vault.request(
            f"asking what the token may do with {self}",
            lambda client: client.sys.get_capabilities(list(self._needed)),
            self.explain_denial("learn what it may do with", "sys/capabilities-self", "update"),
        )
        granted = answer.get("data")
        if not isinstance(granted, Mapping):
            return None
        return {
            path: missing_capabilities(granted.get(path), capabilities) for path, capabilities in self._needed.items()
        }

    def _try_read_metadata(self, capabilities: tuple[str, ...]) -> Metadata | AllomiaError:
        answer = self.vault.send(self._get_metadata)
        if not isinstance(answer, Fault):
            return parse_answer(Metadata, answer.get("data")) or shape_error(
                self.vault.name, f"reading the metadata of {self}"
            )
        if is_absence(answer):
            return NO_METADATA
        explain = self.explain_denial("read the metadata of", self.metadata, *capabilities)
        return explain(answer) or self.vault.to_error(answer, f"reading the metadata of {self}")

    def _get_metadata(self, client: hvac.Client) -> dict[str, Any]:
        answer: dict[str, Any] = client.secrets.kv.v2.read_secret_metadata(self.path, mount_point=self.mount)
        return answer

    def _post_custom(self, custom: Mapping[str, str]) -> Call:
        # hvac's own update_metadata always sends delete_version_after too, and so resets it.
        url = f"/v1/{quote(self.metadata)}"
        return lambda client: client.adapter.post(url, json={"custom_metadata": dict(custom)})


def locate_secret(place: VaultLocation, vault: VaultClient, mounts: Mounts) -> Kv2Secret:
    """Find the secret of a place, and check the place against its mount, which Vault is asked for once.

    Raises:
        InvalidConfiguration: The mount is no KV v2, Vault sees it elsewhere, or the field is one that we fill.
        InvalidInput: A path leaves its mount, or a name has a character that none may have.
        AccessDenied: There is no such mount, or no policy reaches it.
        AllomiaError: Vault cannot be asked.
    """
    if place.field in WRITTEN_FIELDS:
        raise InvalidConfiguration(
            f"the field of {spell('vaultSecret')} is {place.field}, which is written beside the key",
            "Give the key another field.",
        )
    reference = parse_reference({"path": place.location, "field": place.field}, spell("vaultSecret"))
    try:
        mount = mounts.find(reference)
    except AccessDenied as denied:
        # Of a place in short the mount is not known yet, and most mounts have no slash.
        first, _, rest = place.location.partition("/")
        parts = (place.mount, place.path) if place.mount else (first, rest)
        target = Kv2Secret(vault, *parts, place.field)
        lines = (policy_line(target.data, *DATA_CAPABILITIES), policy_line(target.metadata, *METADATA_CAPABILITIES))
        hint = f"Check mount and namespace; if they are right, add to the policy: {' '.join(lines)}"
        raise AccessDenied(denied.message, hint) from None
    if mount.version != V2:
        raise InvalidConfiguration(
            f"the mount {mount.path} of {spell('vaultSecret')} is KV v{mount.version}, and keys are delivered to KV v2 "
            "only: without versions nobody could tell whose write a secret is",
            "Name a KV v2 mount, or upgrade this one (vault kv enable-versioning).",
        )
    if place.mount not in {None, mount.path}:
        raise InvalidConfiguration(
            f"{spell('vaultSecret')} says that the mount of {place.location} is {place.mount}, and Vault says "
            f"{mount.path}",
            "Correct its mount and path.",
        )
    return Kv2Secret(vault, mount.path, mount.inside(place.location), place.field)
