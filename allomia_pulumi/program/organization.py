"""`Organization` as a program sees it: arguments and outputs, the same in every face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from allomia_pulumi.contracts.timezones import TimezoneName
from allomia_pulumi.program.arguments import VaultReferenceArgs, to_wire
from allomia_pulumi.program.base import DeclaredResource

__all__ = ["Organization"]


@pulumi.input_type
class _Inputs:
    """The names of the inputs on the wire; with them Pulumi translates options such as `ignore_changes` too.

    What a program may get wrong inside is `Any`: Pulumi would end with an assertion, and the provider says a line.
    """

    name: pulumi.Input[str] = pulumi.property("name")
    email: pulumi.Input[str] = pulumi.property("email")
    address: pulumi.Input[str] = pulumi.property("address")
    city: pulumi.Input[str] = pulumi.property("city")
    state_province: pulumi.Input[str] = pulumi.property("stateProvince")
    postal_code: pulumi.Input[str] = pulumi.property("postalCode")
    country: pulumi.Input[str] = pulumi.property("country")
    phone_number: pulumi.Input[str] = pulumi.property("phoneNumber")
    timezone: pulumi.Input[str] = pulumi.property("timezone")
    external_id: pulumi.Input[str] | None = pulumi.property("externalId")
    tenant_key_ref: pulumi.Input[Any] | None = pulumi.property("tenantKeyRef")
    deactivate_on_destroy: pulumi.Input[bool] | None = pulumi.property("deactivateOnDestroy")
    adopt: pulumi.Input[str] | None = pulumi.property("adopt")
    duplicate_of: pulumi.Input[Any] | None = pulumi.property("duplicateOf")


class Organization(DeclaredResource):
    """An organization of AlloMia's, such as a clinic: created, kept as declared, and deactivated only if asked.

    Its `id` is AlloMia's id, what `organization_id` of a key takes. Nothing replaces an organization: a change is an
    update in place, and fields that only AlloMia changed keep AlloMia's value. A removal leaves the organization as it
    is and only forgets it, unless `deactivate_on_destroy` was applied before.
    """

    _outputs = (
        "address",
        "applied",
        "city",
        "country",
        "created_at",
        "created_by",
        "email",
        "is_active",
        "name",
        "phone_number",
        "postal_code",
        "record",
        "state_province",
        "tenant_id",
        "timezone",
    )
    _secret_outputs = ("applied",)

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        name: pulumi.Input[str],
        email: pulumi.Input[str],
        address: pulumi.Input[str],
        city: pulumi.Input[str],
        state_province: pulumi.Input[str],
        postal_code: pulumi.Input[str],
        country: pulumi.Input[str],
        phone_number: pulumi.Input[str],
        timezone: TimezoneName | pulumi.Input[str],
        external_id: pulumi.Input[str] | None = None,
        tenant_key_ref: pulumi.Input[str | VaultReferenceArgs] | None = None,
        deactivate_on_destroy: pulumi.Input[bool] | None = None,
        adopt: pulumi.Input[str] | None = None,
        duplicate_of: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
    ) -> None:
        """Declare an organization of AlloMia's, to be created and kept as declared.

        Args:
            resource_name: The logical name.
            opts: Pulumi's resource options.
            name: Its name, as AlloMia shows it.
            email: Its e-mail address.
            address: Its street address.
            city: The city of its address.
            state_province: The state or province of its address, such as `CA`.
            postal_code: The postal or ZIP code of its address.
            country: The country of its address, such as `USA`.
            phone_number: Its phone number, such as `+14155551234`.
            timezone: Its time zone by its IANA name, or a `Timezone`. AlloMia documents 21, from `America/New_York`
                to `Pacific/Auckland`; another one warns, and AlloMia decides.
            external_id: Your own identifier of it. AlloMia takes it at the creation and shows it nowhere, so a change
                is only recorded.
            tenant_key_ref: Where the tenant key for this organization lies in Vault, instead of
                `allomia:tenantKeyRef`: `mount/path#field`, or an object. A change moves nothing.
            deactivate_on_destroy: Whether a removal deactivates the organization, for which AlloMia documents no way
                back. Only a value that an earlier `pulumi up` applied counts. False by default: it is forgotten.
            adopt: AlloMia's id of an organization that exists already: it is taken over instead of making one. Only
                the creation looks at it.
            duplicate_of: AlloMia's ids of organizations with the same name and e-mail address that are meant to stay
                beside this one. Only the creation looks at it.
        """
        inputs = {
            "name": name,
            "email": email,
            "address": address,
            "city": city,
            "state_province": state_province,
            "postal_code": postal_code,
            "country": country,
            "phone_number": phone_number,
            "timezone": timezone,
            "external_id": external_id,
            "tenant_key_ref": to_wire(tenant_key_ref),
            "deactivate_on_destroy": deactivate_on_destroy,
            "adopt": adopt,
            "duplicate_of": duplicate_of,
        }
        self._declare(resource_name, opts, _Inputs, inputs)

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str | None]:
        """Its name, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "name")

    @property
    @pulumi.getter
    def email(self) -> pulumi.Output[str | None]:
        """Its e-mail address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "email")

    @property
    @pulumi.getter
    def address(self) -> pulumi.Output[str | None]:
        """Its street address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "address")

    @property
    @pulumi.getter
    def city(self) -> pulumi.Output[str | None]:
        """The city of its address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "city")

    @property
    @pulumi.getter(name="stateProvince")
    def state_province(self) -> pulumi.Output[str | None]:
        """The state or province of its address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "state_province")

    @property
    @pulumi.getter(name="postalCode")
    def postal_code(self) -> pulumi.Output[str | None]:
        """The postal or ZIP code of its address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "postal_code")

    @property
    @pulumi.getter
    def country(self) -> pulumi.Output[str | None]:
        """The country of its address, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "country")

    @property
    @pulumi.getter(name="phoneNumber")
    def phone_number(self) -> pulumi.Output[str | None]:
        """Its phone number, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "phone_number")

    @property
    @pulumi.getter
    def timezone(self) -> pulumi.Output[str | None]:
        """Its time zone by its IANA name, as AlloMia has it; None where AlloMia says nothing."""
        return pulumi.get(self, "timezone")

    @property
    @pulumi.getter(name="tenantId")
    def tenant_id(self) -> pulumi.Output[str | None]:
        """AlloMia's id of the tenant that it belongs to; None where AlloMia says nothing."""
        return pulumi.get(self, "tenant_id")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str | None]:
        """When it was made, ISO 8601 in UTC; None where AlloMia says nothing."""
        return pulumi.get(self, "created_at")

    @property
    @pulumi.getter(name="createdBy")
    def created_by(self) -> pulumi.Output[str | None]:
        """AlloMia's id of the user that made it; None where AlloMia says nothing."""
        return pulumi.get(self, "created_by")

    @property
    @pulumi.getter(name="isActive")
    def is_active(self) -> pulumi.Output[bool | None]:
        """Whether it is active; false once a refresh has seen that it was deactivated outside of Pulumi."""
        return pulumi.get(self, "is_active")

    @property
    @pulumi.getter
    def applied(self) -> pulumi.Output[Mapping[str, Any]]:
        """The fields as the program and AlloMia had them at the last write, a Pulumi secret."""
        return pulumi.get(self, "applied")

    @property
    @pulumi.getter
    def record(self) -> pulumi.Output[Mapping[str, Any]]:
        """What was applied: identity, settings, and where AlloMia was reached."""
        return pulumi.get(self, "record")
