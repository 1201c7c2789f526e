"""The plan for an organization: pure functions of what the program asks, what the record has, and what AlloMia has.

An organization is never replaced. AlloMia does not say whether a PUT keeps the fields that it omits, so each carries
all: what the program changed has its value, and everything else is as AlloMia has it at that moment.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, known_fields, wire_name
from allomia_pulumi.core.organization.state import OrganizationSettings, OrganizationState
from allomia_pulumi.core.record import record_settings

__all__ = ["Merge", "OrganizationPlan", "differing", "drift_of", "found_by", "make_plan", "merge", "settle_accepted"]

REQUIRED_ON_UPDATE = frozenset({"name", "email"})
"""What AlloMia requires of every PUT."""


@dataclass(frozen=True)
class OrganizationPlan:
    """The answer to diff: an update, or nothing.

    Attributes:
        fields: The fields that the program changed since they were applied.
        settings: What the record says after the update; what a preview does not know stays as it was.
        has_unrecorded: There is something to record, beside the fields.
        is_uncertain: A field is not known in this preview, and may change.
        needs_look: The update asks AlloMia: fields, the tenant key or the address changed.
        found: The outputs that the read before this diff changed, by their names on the wire.
    """

    settings: OrganizationSettings
    fields: tuple[str, ...] = ()
    has_unrecorded: bool = False
    is_uncertain: bool = False
    needs_look: bool = False
    found: tuple[str, ...] = ()

    @property
    def replaces(self) -> tuple[str, ...]:
        """Return what makes a replacement necessary: nothing ever does."""
        return ()

    @property
    def has_changes(self) -> bool:
        """Tell whether the engine has something to do."""
        return bool(self.fields) or self.has_unrecorded or self.is_uncertain or bool(self.found)

    @property
    def causes(self) -> tuple[str, ...]:
        """Name what differs, by names on the wire: what a refresh has found, or the fields that are written.

        After an adoption a field differs though no input changed.
        """
        return self.found or tuple(map(wire_name, self.fields))


@dataclass(frozen=True)
class Merge:
    """The fields of one PUT, and what has to be said of them.

    Attributes:
        fields: What is sent; None for what AlloMia has not and the program did not change.
        kept: Fields that only AlloMia changed, and that stay so.
        overridden: Fields that both changed, and that get the program's value.
        recalled: Fields that AlloMia's answer does not show, and that are sent as they were last known.
        is_needed: AlloMia has something else by now.
    """

    fields: OrganizationFields
    kept: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    recalled: tuple[str, ...] = ()
    is_needed: bool = False


def make_plan(
    inputs: OrganizationInputs, state: OrganizationState, identity: Identity, service: Service
) -> OrganizationPlan:
    """Compare what the program asks for with what was applied."""
    record = state.record
    settings = record_settings(OrganizationSettings, inputs, record.settings)
    fields = differing(settings, record.settings)
    is_moved = record.api_url not in {None, service.api_url}
    is_other_tenant_key = settings.tenant_key_ref != record.settings.tenant_key_ref
    has_others = settings.model_dump(exclude=set(FIELDS)) != record.settings.model_dump(exclude=set(FIELDS))
    return OrganizationPlan(
        settings=settings,
        fields=fields,
        has_unrecorded=has_others or is_moved or identity != record.identity,
        is_uncertain=any(isinstance(getattr(inputs, name), Unknown) for name in FIELDS),
        needs_look=bool(fields) or is_moved or is_other_tenant_key,
    )


def merge(
    inputs: OrganizationInputs,
    state: OrganizationState,
    now: OrganizationFields,
    unshown: Collection[str] = frozenset(),
) -> Merge:
    """Merge three ways: what was applied and accepted, what the program asks for, and what AlloMia has now.

    A field that AlloMia's answer does not show may have a value there, which a PUT without it might clear.
    """
    asked, applied, accepted = known_fields(inputs), state.record.settings, state.record.accepted
    changed = differing(asked, applied)
    outside = differing(now, accepted)
    merged = {name: _value(asked if name in changed else now, name) for name in FIELDS}
    recalled = tuple(name for name in FIELDS if name in unshown and name not in changed)
    merged |= {name: _value(accepted, name) or _value(asked, name) for name in recalled}
    for name in REQUIRED_ON_UPDATE:
        merged[name] = merged[name] or _value(asked, name)
    fields = OrganizationFields(**merged)
    # What AlloMia changed to what the program says is no difference.
    others = [name for name in outside if name in differing(asked, now)]
    return Merge(
        fields=fields,
        kept=tuple(name for name in others if name not in changed and merged[name] == _value(now, name)),
        overridden=tuple(name for name in others if name in changed),
        recalled=tuple(name for name in recalled if merged[name]),
        is_needed=any(name not in recalled for name in differing(fields, now)),
    )


def settle_accepted(before: OrganizationFields, after: OrganizationFields, kept: tuple[str, ...]) -> OrganizationFields:
    """Return what AlloMia is known to have accepted after an update: what it changed itself stays a difference."""
    return after.model_copy(update={name: getattr(before, name) for name in kept})


def drift_of(state: OrganizationState) -> tuple[str, ...]:
    """Return the fields that AlloMia had otherwise when it was last read than when they were last written.

    What it has as the program says is none of them, whatever an answer to a write has shown.
    """
    others = differing(state.fields, state.record.settings)
    return tuple(name for name in differing(state.fields, state.record.accepted) if name in others)


def found_by(before: OrganizationState, after: OrganizationState) -> tuple[str, ...]:
    """Return the outputs that a read changed, by their names on the wire: what a refresh shows."""
    old, new = before.to_outputs(), after.to_outputs()
    return tuple(
        sorted(name for name in (old.keys() | new.keys()) - {"record", "applied"} if old.get(name) != new.get(name))
    )


def differing(some: OrganizationFields, others: OrganizationFields) -> tuple[str, ...]:
    """Return the fields that differ; an empty text and none are the same."""
    return tuple(name for name in FIELDS if _value(some, name) != _value(others, name))


def _value(fields: OrganizationFields, name: str) -> str | None:
    return getattr(fields, name) or None
