"""The state of an `Organization`: its outputs, and the record that Pulumi keeps in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationFields
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import Recorded
from allomia_pulumi.core.organization.inputs import FIELDS
from allomia_pulumi.core.record import STATE_VERSION, State, read_state
from allomia_pulumi.ground.identifiers import Identifier, Lineage
from allomia_pulumi.ground.moments import RecordedMoment, format_moment
from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "AcceptedFields",
    "OrganizationRecord",
    "OrganizationSettings",
    "OrganizationState",
    "read_organization_outputs",
    "shown_fields",
]


PLAIN_SETTINGS: Final = frozenset({"tenantKeyRef", "deactivateOnDestroy"})
"""What the record has in clear: no value of these is a program's secret."""


class AcceptedFields(Recorded, OrganizationFields):
    """The fields as AlloMia accepted them."""


class OrganizationSettings(Recorded, OrganizationFields):
    """The applied inputs: what delete and read know, since they see outputs only."""

    external_id: str | None = None
    tenant_key_ref: str | Mapping[str, Any] | None = None
    deactivate_on_destroy: bool = False

    @property
    def reference(self) -> VaultReference | None:
        """Return the organization's own reference to the tenant key, if the program gave one."""
        if not self.tenant_key_ref:
            return None
        return parse_reference(self.tenant_key_ref, f"the recorded {spell('tenantKeyRef')}")


class OrganizationRecord(Recorded):
    """The applied settings, and facts of the organization; kept in the outputs, so that no operation needs inputs.

    What an older version of this package did not record is absent, which is never a difference.
    """

    state_version: int = STATE_VERSION
    organization_id: Identifier
    identity: Identity
    settings: OrganizationSettings

    accepted: AcceptedFields
    """The fields as AlloMia had them when they were last written or taken over: what differs later, AlloMia changed."""

    tenant_id: Identifier | None = None
    """The tenant that it belongs to, if AlloMia said so."""

    lineage: Lineage | None = None
    """Which record of the organization this is: one that was taken over again has another one."""

    api_url: str | None = None
    """The AlloMia that has it, normalised."""


class OrganizationState(State):
    """The outputs of an organization; the descriptions are those of the schema."""

    name: str | None = None
    """Its name, as AlloMia has it."""

    email: str | None = None
    """Its e-mail address, as AlloMia has it."""

    address: str | None = None
    """Its street address, as AlloMia has it."""

    city: str | None = None
    """The city of its address, as AlloMia has it."""

    state_province: str | None = None
    """The state or province of its address, as AlloMia has it."""

    postal_code: str | None = None
    """The postal or ZIP code of its address, as AlloMia has it."""

    country: str | None = None
    """The country of its address, as AlloMia has it."""

    phone_number: str | None = None
    """Its phone number, as AlloMia has it."""

    timezone: str | None = None
    """Its time zone by its IANA name, as AlloMia has it."""

    tenant_id: str | None = None
    """AlloMia's id of the tenant that it belongs to."""

    created_at: RecordedMoment | None = None
    """When it was made, ISO 8601 in UTC."""

    created_by: str | None = None
    """AlloMia's id of the user that made it."""

    is_active: bool | None = None
    """Whether it is active; false when it was deactivated outside of Pulumi, as far as a refresh has seen."""

    applied: Mapping[str, Any] | None = None
    """The fields as the program and AlloMia had them at the last write, a Pulumi secret, as some of the program's may
    be."""

    record: OrganizationRecord
    """What was applied: identity and settings."""

    @property
    def fields(self) -> OrganizationFields:
        """Return its nine fields, as AlloMia had them when it was last asked."""
        return OrganizationFields(**{name: getattr(self, name) for name in FIELDS})

    def seen(self, organization: ManagedOrganization, *, is_active: bool | None = None) -> OrganizationState:
        """Return the state with what AlloMia says now; what it leaves out, or `is_active` does, stays as it was."""
        tenant_id = _scrubbed(organization.tenant_id) or self.tenant_id
        return self.model_copy(
            update={
                **shown_fields(organization).model_dump(),
                "tenant_id": tenant_id,
                "created_at": format_moment(organization.created_at) if organization.created_at else self.created_at,
                "created_by": _scrubbed(organization.created_by) or self.created_by,
                "is_active": self.is_active if is_active is None else is_active,
                "record": self.record.model_copy(update={"tenant_id": self.record.tenant_id or tenant_id}),
            }
        )

    def with_record(self, **changes: object) -> OrganizationState:
        """Return the state whose record is changed."""
        return self.model_copy(update={"record": self.record.model_copy(update=changes)})

    def accepted(self, fields: OrganizationFields) -> OrganizationState:
        """Return the state whose record has the fields that AlloMia accepted last."""
        return self.with_record(accepted=AcceptedFields(**fields.model_dump(), **self.record.accepted.unread))

    def to_outputs(self) -> dict[str, Any]:
        """Return the wire form: what the record has of fields is an output of its own, which the face marks as secret.

        The engine keeps an input's secrecy for an output of the same name only.
        """
        outputs = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        record = outputs["record"]
        settings = {name: value for name, value in record["settings"].items() if name not in PLAIN_SETTINGS}
        plain = {name: value for name, value in record["settings"].items() if name in PLAIN_SETTINGS}
        outputs["applied"] = {**(self.applied or {}), "settings": settings, "accepted": record.pop("accepted")}
        return {**outputs, "record": {**record, "settings": plain}}


def read_organization_outputs(outputs: Mapping[str, Any]) -> OrganizationState:
    """Read the outputs that the engine kept, as `read_state` does."""
    return read_state(OrganizationState, _joined(outputs), "organization")


def shown_fields(organization: ManagedOrganization) -> OrganizationFields:
    """Return the fields of an organization as outputs may show them: without known secrets."""
    return OrganizationFields(**{name: _scrubbed(value) for name, value in organization.fields.model_dump().items()})


def _joined(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs whose record has again what `to_outputs` made an output of its own."""
    others = {name: value for name, value in outputs.items() if name != "applied"}
    record, applied = outputs.get("record"), outputs.get("applied")
    if not isinstance(record, Mapping) or not isinstance(applied, Mapping):
        return others
    parts = record.get("settings"), applied.get("settings")
    settings = {name: value for part in parts if isinstance(part, Mapping) for name, value in part.items()}
    rest = {name: value for name, value in applied.items() if name not in {"settings", "accepted"}}
    record = {**record, "settings": settings, "accepted": applied.get("accepted")}
    return {**others, "applied": rest or None, "record": record}


def _scrubbed(text: str | None) -> str | None:
    return None if text is None else scrub(text)
