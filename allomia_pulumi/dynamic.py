"""The dynamic face: resource classes for Python programs, with nothing to install beside this package.

The work happens in the provider process (`allomia_pulumi.dynamic_provider`); a program loads none of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypedDict, cast

import pulumi

__all__ = ["OrganizationApiKey", "VaultReferenceArgs", "VaultSecretArgs"]

TYPE: Final = "pulumi-python:dynamic/allomia:OrganizationApiKey"

PROVIDER: Final = "gASVOwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMFG9yZ2FuaXphdGlvbl9hcGlfa2V5kylSLg=="
"""A pickled call of `allomia_pulumi.dynamic_provider.organization_api_key`: an importable reference, never code.

It stands in the state of every stack, so it stays the same for ever: across edits, folders and versions of Python.
"""

STACK_TYPE: Final = "pulumi:pulumi:Stack"
SECRET_OUTPUTS: Final = ("secret", "previousSecret", "triggersHash")
OUTPUTS: Final = (
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
WIRE_NAMES: Final = {"kv_version": "kvVersion", "take_over": "takeOver"}


class VaultReferenceArgs(TypedDict, total=False):
    """One field of one secret in Vault, as an object; `mount/path#field` says the same in short.

    Attributes:
        mount: The KV mount.
        path: The path inside the mount.
        field: The field of the secret.
        version: A pinned KV v2 version.
        kv_version: 1 or 2: asserts what Vault says of the mount.
    """

    mount: pulumi.Input[str]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    version: pulumi.Input[int]
    kv_version: pulumi.Input[int]


class VaultSecretArgs(TypedDict, total=False):
    """Where a key is also written to: a field of a KV v2 secret.

    Attributes:
        mount: The KV v2 mount.
        path: The path inside the mount.
        field: The field for the key; `key_id` and `organization_id` are written beside it.
        take_over: Write over a secret, or a version, that this resource did not write.
    """

    mount: pulumi.Input[str]
    path: pulumi.Input[str]
    field: pulumi.Input[str]
    take_over: pulumi.Input[bool]


@pulumi.input_type
class _Inputs:
    """The names of the inputs on the wire; with them Pulumi translates options such as `ignore_changes` too."""

    organization_id: pulumi.Input[str] = pulumi.property("organizationId")
    name: pulumi.Input[str] | None = pulumi.property("name")
    rotation_triggers: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = pulumi.property("rotationTriggers")
    rotate_after: pulumi.Input[Any] | None = pulumi.property("rotateAfter")
    overlap: pulumi.Input[Any] | None = pulumi.property("overlap")
    vault_secret: pulumi.Input[Any] | None = pulumi.property("vaultSecret")
    secret_in_state: pulumi.Input[bool] | None = pulumi.property("secretInState")
    verify: pulumi.Input[bool] | None = pulumi.property("verify")
    tenant_key_ref: pulumi.Input[Any] | None = pulumi.property("tenantKeyRef")


class OrganizationApiKey(pulumi.CustomResource):
    """An API key of one AlloMia organization: minted on create, rotated by triggers or age, revoked on delete.

    Without `overlap`, rotation is a replacement: `pulumi up` makes the new key, updates everything that uses it, and
    revokes the old key at its end. With `overlap`, rotation is an update in place: the old key lives on as
    `previous_*` for that long, and the first `up` after it revokes it.

    Args:
        resource_name: The logical name; also the key's label in AlloMia's dashboard unless `name` is given.
        opts: Pulumi's resource options.
        organization_id: The organization; a change replaces the key.
        name: The label in AlloMia's dashboard, 1 to 60 printable characters; a change rotates.
        rotation_triggers: A map of texts; a change from one non-empty map to another rotates, while first use and
            removal are only recorded.
        rotate_after: Duration such as `90d`, `12h`, ISO 8601 or a `timedelta`: the first `up` after that age rotates.
        overlap: Duration, shorter than `rotate_after`: how long the predecessor stays valid after a rotation.
        vault_secret: Where in Vault (KV v2) the key is also written to.
        secret_in_state: False keeps the secret out of Pulumi's state; needs `vault_secret`.
        verify: Prove a new key with one harmless call before anyone is given it.
        tenant_key_ref: Where this key's tenant key lies in Vault, instead of `allomia:tenantKeyRef`; a change moves
            no key.
    """

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
        vault_secret: pulumi.Input[VaultSecretArgs] | None = None,
        secret_in_state: pulumi.Input[bool] | None = None,
        verify: pulumi.Input[bool] | None = None,
        tenant_key_ref: pulumi.Input[str | VaultReferenceArgs] | None = None,
    ) -> None:
        if opts is not None and (opts.id is not None or opts.import_ is not None):
            raise ValueError("a dynamic OrganizationApiKey cannot be imported or looked up: leave out id and import_")
        self._is_secret_elsewhere = secret_in_state is False
        props = _Inputs.__new__(_Inputs)
        props.__dict__.update(dict.fromkeys(OUTPUTS))
        props.__dict__.update(
            organization_id=organization_id,
            name=name,
            rotation_triggers=rotation_triggers,
            rotate_after=_wire(rotate_after),
            overlap=_wire(overlap),
            vault_secret=_wire(vault_secret),
            secret_in_state=secret_in_state,
            verify=verify,
            tenant_key_ref=_wire(tenant_key_ref),
            __identity=_identity(resource_name, opts),
            __provider=PROVIDER,
        )
        secret_outputs = pulumi.ResourceOptions(additional_secret_outputs=list(SECRET_OUTPUTS))
        options = pulumi.ResourceOptions.merge(opts, secret_outputs)
        super().__init__(TYPE, resource_name, cast("Mapping[str, Any]", props), options)

    @property
    @pulumi.getter(name="keyId")
    def key_id(self) -> pulumi.Output[str]:
        """AlloMia's id of the current key."""
        return pulumi.get(self, "key_id")

    @property
    @pulumi.getter(name="keyName")
    def key_name(self) -> pulumi.Output[str]:
        """The key's full name in AlloMia: the label and the mark that says whose key it is."""
        return pulumi.get(self, "key_name")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str]:
        """When AlloMia made the current key, ISO 8601 in UTC."""
        return pulumi.get(self, "created_at")

    @property
    @pulumi.getter
    def secret(self) -> pulumi.Output[str]:
        """The key itself, always a Pulumi secret.

        Raises:
            AttributeError: `secret_in_state=False` keeps it out of Pulumi; it is in Vault, at `vault_secret`.
        """
        if self._is_secret_elsewhere:
            raise AttributeError(
                "secret_in_state=False keeps the secret out of Pulumi: read it where vault_secret says"
            )
        return pulumi.get(self, "secret")

    @property
    @pulumi.getter(name="secretFingerprint")
    def secret_fingerprint(self) -> pulumi.Output[str]:
        """The first 12 hex digits of the secret's SHA-256: compare without revealing."""
        return pulumi.get(self, "secret_fingerprint")

    @property
    @pulumi.getter(name="rotationReason")
    def rotation_reason(self) -> pulumi.Output[str]:
        """Why the current key was made: `created`, `trigger`, `schedule`, `renamed` or `revoked`."""
        return pulumi.get(self, "rotation_reason")

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
        """When the overlap ends: the first `pulumi up` after it revokes the predecessor."""
        return pulumi.get(self, "previous_revoke_at")

    @property
    @pulumi.getter(name="rotateAt")
    def rotate_at(self) -> pulumi.Output[str | None]:
        """When `rotate_after` falls due."""
        return pulumi.get(self, "rotate_at")

    @property
    @pulumi.getter(name="nextActionAt")
    def next_action_at(self) -> pulumi.Output[str | None]:
        """The earliest moment at which a `pulumi up` has something to do."""
        return pulumi.get(self, "next_action_at")

    @property
    @pulumi.getter(name="vaultSecretVersion")
    def vault_secret_version(self) -> pulumi.Output[int | None]:
        """The KV version that holds the current key."""
        return pulumi.get(self, "vault_secret_version")

    @property
    @pulumi.getter
    def pending(self) -> pulumi.Output[Sequence[Any]]:
        """What a half-finished update still owes; empty when all is well."""
        return pulumi.get(self, "pending")

    @property
    @pulumi.getter(name="triggersHash")
    def triggers_hash(self) -> pulumi.Output[str]:
        """A hash of the applied triggers, a Pulumi secret; empty for none."""
        return pulumi.get(self, "triggers_hash")

    @property
    @pulumi.getter
    def record(self) -> pulumi.Output[Mapping[str, Any]]:
        """What the key was made with: identity, owner and applied settings."""
        return pulumi.get(self, "record")


def _identity(
    resource_name: str, opts: pulumi.ResourceOptions | None
) -> dict[str, str] | Awaitable[dict[str, str] | None]:
    """Say which declared key this is, as the own URN would: the chain of parent types stands in the parent's URN."""
    identity = {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "parents": "", "name": resource_name}
    if opts is None or opts.parent is None:
        return identity
    return _identity_below(opts.parent, identity)


async def _identity_below(parent: pulumi.Resource, identity: dict[str, str]) -> dict[str, str] | None:
    """Wait for the parent's URN alone: as an output it would make the key depend on the parent, and so on itself."""
    urn = await parent.urn.future()
    return None if urn is None else {**identity, "parents": _type_chain(urn)}


def _type_chain(urn: str) -> str:
    """Return the chain of types of a URN; the stack itself stands in no chain."""
    chain = urn.split("::", 3)[2]
    return "" if chain == STACK_TYPE else chain


def _wire(value: Any) -> Any:  # noqa: ANN401 - any input, plain or not
    """Give an object its wire names, and a `timedelta` its wire form."""
    if isinstance(value, pulumi.Output):
        return value.apply(_wire)
    if isinstance(value, timedelta):
        return f"{value // timedelta(seconds=1)}s"
    if isinstance(value, Mapping):
        return {WIRE_NAMES.get(name, name): item for name, item in value.items()}
    return value
