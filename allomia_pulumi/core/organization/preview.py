"""The preview of an update: what the program changed, and everything else as it was when AlloMia was last asked."""

from __future__ import annotations

from allomia_pulumi.core.handler import Preview
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, wire_name
from allomia_pulumi.core.organization.plan import OrganizationPlan
from allomia_pulumi.core.organization.state import OrganizationState

__all__ = ["preview_update"]


def preview_update(inputs: OrganizationInputs, state: OrganizationState, plan: OrganizationPlan) -> Preview:
    """Return what is known of the outputs after the update."""
    asked = {name: getattr(plan.settings, name) for name in plan.fields}
    known = state.model_copy(update=asked).to_outputs()
    unknown = {wire_name(name) for name in FIELDS if isinstance(getattr(inputs, name), Unknown)}
    names = {str(field.alias) for field in OrganizationState.model_fields.values()}
    if plan.has_changes:
        unknown |= {"record", "applied"}
    return Preview({name: known.get(name) for name in names - unknown}, frozenset(unknown))
