"""The takeover of an organization that exists: by `adopt` in the program, or by an import. Nothing is changed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allomia_pulumi.contracts.managed_organizations import ManagedOrganization, OrganizationApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, known_fields, wire_name
from allomia_pulumi.core.organization.plan import differing
from allomia_pulumi.core.organization.state import OrganizationSettings
from allomia_pulumi.core.organization.words import describe, describe_fields, may_be_ended
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.ground.redaction import printable

__all__ = ["Takeover", "as_inputs", "as_settings"]

HOW_TO_FIND = "`allomia organizations` shows the ids of those that the tenant key sees."


@dataclass(frozen=True)
class Takeover:
    """What looks at an organization that is to be taken over through one tenant's AlloMia."""

    api: OrganizationApi
    reporter: Reporter

    def look(self, organization_id: str) -> ManagedOrganization:
        """Return the organization; one that is deactivated is warned of.

        Raises:
            NotFound: The tenant key sees no such organization.
            AllomiaError: It could not be asked for.
        """
        found = self.api.read_organization(organization_id)
        if found is None:
            raise NotFound(
                f"there is no organization {printable(organization_id)} to take over, or the tenant key from "
                f"{self.api.source} does not see it; nothing was recorded",
                f"Check the id, and that the tenant key is of the right tenant. {HOW_TO_FIND}",
            )
        if may_be_ended(found):
            self.reporter.warn(f"organization {describe(found)} is deactivated at AlloMia, which documents no way back")
        return found

    def adopt(self, organization_id: str, inputs: OrganizationInputs) -> ManagedOrganization:
        """Return the organization that the program names, and say which of its fields the program has otherwise.

        Raises:
            AllomiaError: Nothing was taken over.
        """
        found, asked = self.look(organization_id), known_fields(inputs)
        other = tuple(name for name in differing(asked, found.fields) if getattr(asked, name))
        if other:
            self.reporter.warn(
                f"organization {describe(found)} is taken over as it is, and the program has other values for "
                f"{describe_fields(other)} (AlloMia: {describe_fields(other, found.fields)}): the `pulumi up` after "
                "that changes them at AlloMia. If it is another organization than the one that is meant, remove it "
                "from the state first"
            )
        return found

    def find_imported(self, pulumi_id: str) -> ManagedOrganization:
        """Return the organization that an import names.

        Raises:
            InvalidInput: The id is none.
            AllomiaError: Nothing was imported.
        """
        try:
            organization_id = input_fields.identifier(pulumi_id, "id")
        except InvalidInput:
            raise InvalidInput(
                "the id to import is not that of an organization; nothing was imported", HOW_TO_FIND
            ) from None
        return self.look(organization_id)


def as_settings(found: ManagedOrganization, settings: OrganizationSettings | None = None) -> OrganizationSettings:
    """Return settings whose fields are as AlloMia has them: what the program has otherwise is a change to come."""
    own = found.fields.model_dump()
    return settings.model_copy(update=own) if settings is not None else OrganizationSettings(**own)


def as_inputs(settings: OrganizationSettings) -> dict[str, Any]:
    """Return the inputs that describe an imported organization; each is required, so what AlloMia has not is empty."""
    return {wire_name(name): getattr(settings, name) or "" for name in FIELDS}
