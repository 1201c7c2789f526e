"""The resources that both provider processes serve: a row for each, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    ORGANIZATION_METADATA,
)
from allomia_pulumi.errors import InvalidInput

if TYPE_CHECKING:
    from allomia_pulumi.container import Container
    from allomia_pulumi.core.handler import Resource
    from allomia_pulumi.ground.clock import Clock

    Build: TypeAlias = Callable[[Container, Clock], Resource]

__all__ = ["RESOURCES", "Registration"]


@dataclass(frozen=True)
class Registration:
    """A resource, whose capabilities are the protocols of `allomia_pulumi.core.handler` that its handler has.

    Attributes:
        kind: Its name in the package, from which its type tokens are made.
        load: Loads the class of its handler: few stacks have every kind.
        without_import: Why it cannot be imported, and what to do instead; for a handler that does not import.
    """

    kind: str
    load: Callable[[], Build]
    without_import: tuple[str, str] = ("", "")

    def refuse_import(self) -> InvalidInput:
        """Return the error of an import that the handler does not offer."""
        return InvalidInput(*self.without_import)

    def refuse_list(self) -> InvalidInput:
        """Return the error of a listing that the handler does not offer."""
        reason, hint = self.without_import
        return InvalidInput(f"a listing shows what can be imported, and {reason}", hint)


def _load_organization_keys() -> Build:
    from allomia_pulumi.core.minted_key.handler import OrganizationKeys  # noqa: PLC0415 - see `Registration.load`

    return OrganizationKeys


def _load_dashboard_keys() -> Build:
    from allomia_pulumi.core.handmade_key.handler import DashboardKeys  # noqa: PLC0415 - see `Registration.load`

    return DashboardKeys


def _load_organizations() -> Build:
    from allomia_pulumi.core.organization.handler import Organizations  # noqa: PLC0415 - see `Registration.load`

    return Organizations


def _load_metadata() -> Build:
    from allomia_pulumi.core.organization_metadata.handler import (  # noqa: PLC0415 - see `Registration.load`
        OrganizationMetadataRecords,
    )

    return OrganizationMetadataRecords


RESOURCES: Final[Mapping[str, Registration]] = {
    each.kind: each
    for each in (
        Registration(ORGANIZATION_API_KEY, _load_organization_keys),
        Registration(
            DASHBOARD_API_KEY,
            _load_dashboard_keys,
            without_import=(
                "a DashboardApiKey is not imported: it makes nothing in AlloMia",
                "Declare it with organizationId and vaultSecret, and run `pulumi up`.",
            ),
        ),
        Registration(ORGANIZATION, _load_organizations),
        Registration(
            ORGANIZATION_METADATA,
            _load_metadata,
            without_import=(
                "an OrganizationMetadata is not imported: AlloMia has no call that reads metadata",
                "Declare it with organizationId and metadata: `pulumi up` writes them, and replaces what is there.",
            ),
        ),
    )
}
