"""The handler of `OrganizationMetadata`: external information about an organization, written and never read.

AlloMia documents one call for metadata, a PUT of the whole object. So no drift is claimed, a refresh asks nothing, and
a removal leaves what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allomia_pulumi.contracts.managed_organizations import MetadataRecord
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import OrganizationTenants
from allomia_pulumi.core.conversation import Conversation
from allomia_pulumi.core.handler import Call, Checked, Preview
from allomia_pulumi.core.input_fields import require_checked, require_known
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.organization_metadata.inputs import MetadataInputs, parse_metadata_inputs
from allomia_pulumi.core.organization_metadata.state import (
    MetadataFacts,
    MetadataSettings,
    MetadataState,
    hash_metadata,
    read_metadata_outputs,
)
from allomia_pulumi.core.organization_metadata.write import write_metadata
from allomia_pulumi.core.record import record_settings
from allomia_pulumi.errors import SetupError
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable

__all__ = ["OrganizationMetadataRecords"]


@dataclass(frozen=True)
class MetadataChange:
    """The answer to diff."""

    has_changes: bool = False
    replaces: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


class OrganizationMetadataRecords:
    """The declared metadata of all organizations of one process.

    Args:
        tenants: Where AlloMia's clients come from.
        clock: Where time comes from.
    """

    def __init__(self, tenants: OrganizationTenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._conversation: Conversation[bool] = Conversation()

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Checked:
        """Validate inputs, and warn before the first write of what it replaces; AlloMia is not asked."""
        if call.old_identity:
            self._conversation.forget_reads({call.old_identity})
        inputs, failures = parse_metadata_inputs(news)
        checked = Checked(dict(news), tuple(failures))
        if inputs is None:
            return checked
        if not isinstance(inputs.tenant_key_ref, Unknown):
            try:
                self._tenants.require(inputs.tenant_key_ref)
            except SetupError as problem:
                return checked.failing("tenantKeyRef", str(problem))
        if not olds and not isinstance(inputs.organization_id, Unknown):
            call.reporter.warn(
                f"the first write of these metadata replaces whatever organization {printable(inputs.organization_id)} "
                "has there: AlloMia shows nobody what that is"
            )
        return checked

    def diff(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> MetadataChange:
        """Compare what the program asks for with what was written last; AlloMia is not asked."""
        state = read_metadata_outputs(outputs)
        if self._conversation.take_read(_own(call.pulumi_id, state)):
            return MetadataChange()
        inputs = require_checked(parse_metadata_inputs(news))
        applied = state.record.settings
        if not isinstance(inputs.organization_id, Unknown) and inputs.organization_id != applied.organization_id:
            return MetadataChange(has_changes=True, replaces=("organizationId",))
        record = _record(inputs, call, state.record)
        return MetadataChange(has_changes=_is_other(inputs, state) or record != state.record)

    def create(self, news: Mapping[str, Any], call: Call) -> tuple[str, MetadataState]:
        """Write the metadata, and return them with their Pulumi id, which is the organization's.

        Raises:
            AllomiaError: They were not written, as far as is known.
        """
        inputs = require_known(parse_metadata_inputs(news))
        record = _record(inputs, call, None)
        answer = self._write(inputs, record)
        return record.settings.organization_id, MetadataState.first(answer, _known(inputs), record)

    def preview(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Preview:  # noqa: ARG002 - the protocol's
        """Tell what an update will leave: a write makes another version."""
        inputs, state = require_checked(parse_metadata_inputs(news)), read_metadata_outputs(outputs)
        unknown = {"record", *(["version", "metadataHash"] if _is_other(inputs, state) else [])}
        names = {str(field.alias) for field in MetadataState.model_fields.values()} - unknown
        known = state.to_outputs()
        return Preview({name: known.get(name) for name in names}, frozenset(unknown))

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> MetadataState:  # noqa: ARG002 - the protocol's
        """Return what was written last: AlloMia has no call that reads metadata, so no drift is claimed."""
        state = read_metadata_outputs(outputs)
        self._conversation.record_read(_own(pulumi_id, state), (state.record.identity,))
        return state

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> MetadataState:
        """Write the metadata if they changed, and record the settings.

        Raises:
            AllomiaError: They were not written, as far as is known.
        """
        inputs, state = require_known(parse_metadata_inputs(news)), read_metadata_outputs(outputs)
        record = _record(inputs, call, state.record)
        if _is_other(inputs, state):
            state = state.written(self._write(inputs, record), _known(inputs))
        return state.with_record(record)

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """Leave the record where it is, since AlloMia has no call that deletes one, and say so."""
        organization_id = read_metadata_outputs(outputs).record.settings.organization_id
        reporter.warn(
            f"the metadata of organization {printable(organization_id)} stay at AlloMia as they were written last: it "
            "documents no call that deletes them"
        )

    def _write(self, inputs: MetadataInputs, record: MetadataFacts) -> MetadataRecord:
        reference = None if isinstance(inputs.tenant_key_ref, Unknown) else inputs.tenant_key_ref
        api = self._tenants.organizations(reference)
        return write_metadata(api, self._clock, record.settings.organization_id, _known(inputs))


def _own(pulumi_id: str, state: MetadataState) -> str:
    """Return what this process remembers a resource by: two of one organization share their Pulumi id."""
    return f"{pulumi_id}\n{state.record.identity.model_dump_json()}"


def _record(inputs: MetadataInputs, call: Call, before: MetadataFacts | None) -> MetadataFacts:
    settings = record_settings(MetadataSettings, inputs, before.settings if before else None)
    if before is None:
        return MetadataFacts(identity=call.identity, settings=settings)
    return before.model_copy(update={"identity": call.identity, "settings": settings})


def _is_other(inputs: MetadataInputs, state: MetadataState) -> bool:
    """Tell whether the program asks for other metadata than were written; what a preview cannot know may be."""
    return isinstance(inputs.metadata, Unknown) or hash_metadata(inputs.metadata) != state.metadata_hash


def _known(inputs: MetadataInputs) -> Mapping[str, Any]:
    """Return the metadata of inputs that are all known."""
    return {} if isinstance(inputs.metadata, Unknown) else inputs.metadata
