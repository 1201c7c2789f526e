"""`OrganizationApiKey` as a program sees it: arguments and outputs, the same in every face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import pulumi

from allomia_pulumi.program.arguments import AdoptArgs, VaultReferenceArgs, VaultSecretArgs, keep_nulls, to_wire
from allomia_pulumi.program.base import ApiKeyResource

__all__ = ["OrganizationApiKey", "RotationReason"]

RotationReason: TypeAlias = Literal["created", "imported", "trigger", "schedule", "renamed", "revoked"]


@pulumi.input_type
class _Inputs:
    """The names of the inputs on the wire; with them Pulumi translates options such as `ignore_changes` too.

    What a program may get wrong inside is `Any`: Pulumi would end with an assertion, and the provider says a line.
    """

    organization_id: pulumi.Input[str] = pulumi.property("organizationId")
    name: pulumi.Input[str] | None = pulumi.property("name")
    rotation_triggers: pulumi.Input[Any] | None = pulumi.property("rotationTriggers")
    rotate_after: pulumi.Input[Any] | None = pulumi.property("rotateAfter")
    overlap: pulumi.Input[Any] | None = pulumi.property("overlap")
    vault_secret: pulumi.Input[Any] | None = pulumi.property("vaultSecret")
    secret_in_state: pulumi.Input[bool] | None = pulumi.property("secretInState")
    verify: pulumi.Input[bool] | None = pulumi.property("verify")
    tenant_key_ref: pulumi.Input[Any] | None = pulumi.property("tenantKeyRef")
    adopt: pulumi.Input[Any] | None = pulumi.property("adopt")


class OrganizationApiKey(ApiKeyResource):
    """An API key of one AlloMia organization: minted on create, rotated by triggers or age, and revoked on delete.

    Without `overlap`, rotation is a replacement: `pulumi up` makes the new key, updates everything that uses it, and
    revokes the old key at its end. With `overlap`, rotation is an update in place: the old key lives on for that long
    as the predecessor, and the first `pulumi up` after it revokes it.
    """

    _outputs = (
        "created_at",
        "key_id",
        "key_name",
        "next_action_at",
        "pending",
        "previous_key_id",
        "previous_revoke_at",
        "previous_secret",
        "record",
        "rotate_at",
        "rotation_reason",
        "secret",
        "secret_fingerprint",
        "triggers_hash",
        "vault_secret_version",
    )
    _secret_outputs = ("secret", "previousSecret", "triggersHash")
    _lists_keys = True

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        organization_id: pulumi.Input[str],
        name: pulumi.Input[str] | None = None,
        rotation_triggers: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        rotate_after: pulumi.Input[str | timedelta] | None = None,
        overlap: pulumi.Input[str | timedelta] | None = None,
        vault_secret: pulumi.Input[str | VaultSecretArgs] | None = None,
        secret_in_state: pulumi.Input[bool] | None = None,
        verify: pulumi.Input[bool] | None = None,
        tenant_key_ref: pulumi.Input[str | VaultReferenceArgs] | None = None,
        adopt: pulumi.Input[AdoptArgs] | None = None,
    ) -> None:
        """Declare an API key of one AlloMia organization, to be minted, rotated and revoked.

        Args:
            resource_name: The logical name; also the key's label in AlloMia's dashboard unless `name` is given.
            opts: Pulumi's resource options.
            organization_id: Id of the AlloMia organization that the key belongs to. A change replaces the key.
            name: Label in AlloMia's dashboard, 1 to 60 printable characters; by default the resource's name. A change
                rotates.
            rotation_triggers: A map of texts. A change from one non-empty map to another rotates; first use and
                removal are only recorded.
            rotate_after: Duration such as `90d`: the first `pulumi up` after that age rotates. Also `12h`, ISO 8601
                or a `timedelta`.
            overlap: Duration, shorter than `rotate_after`: how long the predecessor stays valid after a rotation,
                which is then an update in place. Without it, rotation is a replacement.
            vault_secret: Where in Vault the key is also written to, a field of a KV v2 secret: `mount/path#field`, or
                an object.
            secret_in_state: Whether Pulumi's state holds the secret; false needs `vault_secret`. True by default.
            verify: Prove a new key with one harmless call before anyone is given it. True by default.
            tenant_key_ref: Where the tenant key for this key lies in Vault, instead of `allomia:tenantKeyRef`:
                `mount/path#field`, or an object. A change moves no key.
            adopt: A key that exists already: it is taken over instead of making one. Only the creation looks at it.
        """
        inputs = {
            "organization_id": organization_id,
            "name": name,
            "rotation_triggers": keep_nulls(rotation_triggers),
            "rotate_after": to_wire(rotate_after),
            "overlap": to_wire(overlap),
            "vault_secret": to_wire(vault_secret),
            "secret_in_state": secret_in_state,
            "verify": verify,
            "tenant_key_ref": to_wire(tenant_key_ref),
            "adopt": to_wire(adopt),
        }
        self._declare(resource_name, opts, _Inputs, inputs)

    @property
    @pulumi.getter(name="keyId")
    def key_id(self) -> pulumi.Output[str]:
        """AlloMia's id of the current key."""
        return pulumi.get(self, "key_id")

    @property
    @pulumi.getter(name="keyName")
    def key_name(self) -> pulumi.Output[str]:
        """Full name of the current key in AlloMia: the label and the mark that says whose key it is."""
        return pulumi.get(self, "key_name")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str]:
        """When AlloMia made the current key, ISO 8601 in UTC."""
        return pulumi.get(self, "created_at")

    @property
    @pulumi.getter(name="rotationReason")
    def rotation_reason(self) -> pulumi.Output[RotationReason]:
        """How the current key came: `created`, `imported`, `trigger`, `schedule`, `renamed` or `revoked`."""
        return pulumi.get(self, "rotation_reason")

    @property
    @pulumi.getter(name="secretFingerprint")
    def secret_fingerprint(self) -> pulumi.Output[str]:
        """First 12 hex digits of the secret's SHA-256: compare without revealing.

        Empty while the secret is not known.
        """
        return pulumi.get(self, "secret_fingerprint")

    @property
    @pulumi.getter(name="nextActionAt")
    def next_action_at(self) -> pulumi.Output[str | None]:
        """The earliest moment at which a `pulumi up` has something to do, ISO 8601 in UTC; None if never by itself."""
        return pulumi.get(self, "next_action_at")

    @property
    @pulumi.getter(name="vaultSecretVersion")
    def vault_secret_version(self) -> pulumi.Output[int | None]:
        """The KV version that holds the current key."""
        return pulumi.get(self, "vault_secret_version")

    @property
    @pulumi.getter(name="previousKeyId")
    def previous_key_id(self) -> pulumi.Output[str | None]:
        """The predecessor while its overlap runs."""
        return pulumi.get(self, "previous_key_id")

    @property
    @pulumi.getter(name="previousSecret")
    def previous_secret(self) -> pulumi.Output[str | None]:
        """The predecessor's key while its overlap runs, always a Pulumi secret."""
        return pulumi.get(self, "previous_secret")

    @property
    @pulumi.getter(name="previousRevokeAt")
    def previous_revoke_at(self) -> pulumi.Output[str | None]:
        """When the overlap ends: the first `pulumi up` after it revokes the predecessor. ISO 8601 in UTC."""
        return pulumi.get(self, "previous_revoke_at")

    @property
    @pulumi.getter(name="triggersHash")
    def triggers_hash(self) -> pulumi.Output[str | None]:
        """Hash of the applied triggers, a Pulumi secret; empty for none, None if they were never recorded."""
        return pulumi.get(self, "triggers_hash")

    @property
    @pulumi.getter
    def pending(self) -> pulumi.Output[Sequence[Any]]:
        """What a half-finished update still owes: steps, key ids and reasons. Empty when all is well."""
        return pulumi.get(self, "pending")

    @property
    @pulumi.getter
    def record(self) -> pulumi.Output[Mapping[str, Any]]:
        """What the key was made with: identity, owner and the applied settings."""
        return pulumi.get(self, "record")
