"""`DashboardApiKey` as a program sees it: arguments and outputs, the same in every face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pulumi

from allomia_pulumi.program.arguments import VaultReferenceArgs, to_wire
from allomia_pulumi.program.base import ApiKeyResource

__all__ = ["DashboardApiKey"]


@pulumi.input_type
class _Inputs:
    """The names of the inputs on the wire; with them Pulumi translates options such as `ignore_changes` too."""

    organization_id: pulumi.Input[str] = pulumi.property("organizationId")
    vault_secret: pulumi.Input[Any] = pulumi.property("vaultSecret")
    rotate_after: pulumi.Input[Any] | None = pulumi.property("rotateAfter")
    overlap: pulumi.Input[Any] | None = pulumi.property("overlap")
    secret_in_state: pulumi.Input[bool] | None = pulumi.property("secretInState")


class DashboardApiKey(ApiKeyResource):
    """An API key of one AlloMia organization that a person made in the dashboard and put into Vault.

    It needs nothing of AlloMia but what is documented, and no tenant key. To rotate it, make a new key in the
    dashboard, write it to the same place, and run `pulumi up`: the new version is noticed, proved with one harmless
    call, and handed to everything that uses it. The old version is remembered by its number until a refresh sees that
    AlloMia refuses it; after the overlap every `pulumi up` warns that it is still to be deleted.
    """

    _outputs = (
        "next_action_at",
        "pending",
        "previous_keys",
        "record",
        "rotate_at",
        "secret",
        "secret_fingerprint",
        "since",
        "vault_secret_version",
    )
    _secret_outputs = ("secret",)

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        organization_id: pulumi.Input[str],
        vault_secret: pulumi.Input[str | VaultReferenceArgs],
        rotate_after: pulumi.Input[str | timedelta] | None = None,
        overlap: pulumi.Input[str | timedelta] | None = None,
        secret_in_state: pulumi.Input[bool] | None = None,
    ) -> None:
        """Declare an API key of one AlloMia organization that a person made in the dashboard and put into Vault.

        Args:
            resource_name: The logical name.
            opts: Pulumi's resource options.
            organization_id: Id of the AlloMia organization that the key belongs to. A change replaces the resource.
            vault_secret: Where in Vault the key lies: `mount/path#field`, or an object; always the latest version.
            rotate_after: Duration such as `90d`: a key of that age is warned of, until a new one is written to Vault.
                Also `12h`, ISO 8601 or a `timedelta`.
            overlap: Duration, shorter than `rotate_after`: how long the old key may live on after a rotation.
            secret_in_state: Whether Pulumi's state holds the secret; if not, dependents follow version and
                fingerprint. True by default.
        """
        inputs = {
            "organization_id": organization_id,
            "vault_secret": to_wire(vault_secret),
            "rotate_after": to_wire(rotate_after),
            "overlap": to_wire(overlap),
            "secret_in_state": secret_in_state,
        }
        self._declare(resource_name, opts, _Inputs, inputs)

    @property
    @pulumi.getter
    def since(self) -> pulumi.Output[str]:
        """When the current key was written to Vault (KV v1: noticed there), ISO 8601 in UTC."""
        return pulumi.get(self, "since")

    @property
    @pulumi.getter(name="secretFingerprint")
    def secret_fingerprint(self) -> pulumi.Output[str]:
        """First 12 hex digits of the secret's SHA-256: compare without revealing."""
        return pulumi.get(self, "secret_fingerprint")

    @property
    @pulumi.getter(name="nextActionAt")
    def next_action_at(self) -> pulumi.Output[str | None]:
        """The earliest moment at which somebody has something to do, ISO 8601 in UTC; None if never by itself."""
        return pulumi.get(self, "next_action_at")

    @property
    @pulumi.getter(name="vaultSecretVersion")
    def vault_secret_version(self) -> pulumi.Output[int | None]:
        """The KV version that holds the current key; None for KV v1."""
        return pulumi.get(self, "vault_secret_version")

    @property
    @pulumi.getter(name="previousKeys")
    def previous_keys(self) -> pulumi.Output[Sequence[Mapping[str, Any]]]:
        """Earlier keys that no refresh has seen AlloMia refuse, by their place and KV version."""
        return pulumi.get(self, "previous_keys")

    @property
    @pulumi.getter
    def pending(self) -> pulumi.Output[Sequence[Any]]:
        """What a refresh found to be wrong: the next `pulumi up` looks again. Empty when all is well."""
        return pulumi.get(self, "pending")

    @property
    @pulumi.getter
    def record(self) -> pulumi.Output[Mapping[str, Any]]:
        """What was applied: identity and settings."""
        return pulumi.get(self, "record")
