"""`OrganizationMetadata` as a program sees it: arguments and outputs, the same in every face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from allomia_pulumi.contracts.nulls import NULL
from allomia_pulumi.program.arguments import VaultReferenceArgs, to_wire
from allomia_pulumi.program.base import DeclaredResource

__all__ = ["OrganizationMetadata"]


@pulumi.input_type
class _Inputs:
    """The names of the inputs on the wire; with them Pulumi translates options such as `ignore_changes` too.

    What a program may get wrong inside is `Any`: Pulumi would end with an assertion, and the provider says a line.
    """

    organization_id: pulumi.Input[str] = pulumi.property("organizationId")
    metadata: pulumi.Input[Any] = pulumi.property("metadata")
    tenant_key_ref: pulumi.Input[Any] | None = pulumi.property("tenantKeyRef")


class OrganizationMetadata(DeclaredResource):
    """The metadata of an AlloMia organization, such as a clinic's specialties: written as a whole, and never read.

    AlloMia documents one call for metadata, which replaces them: the first write replaces what nobody can see, a change
    made elsewhere is not noticed, and a removal leaves what was written last. AlloMia makes an organization's first
    metadata record itself, and validates against your tenant's own schema.
    """

    _outputs = ("created_at", "created_by", "metadata_hash", "metadata_id", "record", "version")
    _secret_outputs = ("metadataHash",)

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        organization_id: pulumi.Input[str],
        metadata: pulumi.Input[Mapping[str, Any]],
        tenant_key_ref: pulumi.Input[str | VaultReferenceArgs] | None = None,
    ) -> None:
        """Declare the metadata of an AlloMia organization, to be written as a whole.

        Args:
            resource_name: The logical name.
            opts: Pulumi's resource options.
            organization_id: Id of the AlloMia organization that the metadata are about. A change replaces the
                resource: the metadata are written to the other organization, and those of the former one stay.
            metadata: The whole object: texts, numbers, truth values, lists, objects and `None`, which AlloMia gets as
                null. Its keys travel unaltered.
            tenant_key_ref: Where the tenant key for these metadata lies in Vault, instead of
                `allomia:tenantKeyRef`: `mount/path#field`, or an object. A change writes nothing.
        """
        inputs = {
            "organization_id": organization_id,
            "metadata": None if metadata is None else _keep_nulls(metadata),
            "tenant_key_ref": to_wire(tenant_key_ref),
        }
        self._declare(resource_name, opts, _Inputs, inputs)

    @property
    @pulumi.getter(name="metadataId")
    def metadata_id(self) -> pulumi.Output[str]:
        """AlloMia's id of the metadata record."""
        return pulumi.get(self, "metadata_id")

    @property
    @pulumi.getter
    def version(self) -> pulumi.Output[int]:
        """The version of the record that the last write made; each write makes one."""
        return pulumi.get(self, "version")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str | None]:
        """When AlloMia says that the record was made, ISO 8601 in UTC; None where AlloMia says nothing."""
        return pulumi.get(self, "created_at")

    @property
    @pulumi.getter(name="createdBy")
    def created_by(self) -> pulumi.Output[str | None]:
        """AlloMia's id of the user that made it; None where AlloMia says nothing."""
        return pulumi.get(self, "created_by")

    @property
    @pulumi.getter(name="metadataHash")
    def metadata_hash(self) -> pulumi.Output[str]:
        """Hash of the metadata that were written last, a Pulumi secret: AlloMia shows them to nobody."""
        return pulumi.get(self, "metadata_hash")

    @property
    @pulumi.getter
    def record(self) -> pulumi.Output[Mapping[str, Any]]:
        """What was applied: identity and settings."""
        return pulumi.get(self, "record")


def _keep_nulls(value: Any) -> Any:  # noqa: ANN401 - metadata are of any shape
    """Let every entry without a value travel as the stand-in of a null."""
    if isinstance(value, pulumi.Output):
        return value.apply(_keep_nulls)
    if isinstance(value, Mapping):
        return {name: _keep_nulls(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_keep_nulls(item) for item in value]
    return dict(NULL) if value is None else value
