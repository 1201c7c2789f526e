"""The inputs of a `DashboardApiKey`: from what a program wrote to values that can be trusted, or to failures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from allomia_pulumi.core import input_fields
from allomia_pulumi.core.input_fields import Failure, Form
from allomia_pulumi.core.model import Model, Unknown
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.spelling import spell

__all__ = ["SUPPORTED", "DashboardInputs", "parse_dashboard_inputs"]

SUPPORTED: Final = ("organizationId", "vaultSecret", "rotateAfter", "overlap", "secretInState")


class DashboardInputs(Model):
    """What the program asks for, after check; the descriptions are those of the schema."""

    organization_id: str | Unknown
    """Id of the AlloMia organization that the key belongs to. A change replaces the resource."""

    vault_secret: VaultReference | Unknown
    """Where in Vault the key lies: `mount/path#field`, or an object; always the latest version."""

    rotate_after: timedelta | Unknown | None = None
    """Duration such as `90d`: a key of that age is warned of, until a new one is written to Vault."""

    overlap: timedelta | Unknown | None = None
    """Duration, shorter than `rotateAfter`: how long the old key may live on after a rotation."""

    secret_in_state: bool | Unknown = True
    """Whether Pulumi's state holds the secret; if not, dependents follow version and fingerprint."""


def parse_dashboard_inputs(news: Mapping[str, Any]) -> tuple[DashboardInputs | None, list[Failure]]:
    """Read wire inputs; return them, or every failure at once."""
    form = Form(news, SUPPORTED)
    inputs = DashboardInputs(
        organization_id=form.read("organizationId", input_fields.organization_id),
        vault_secret=form.read("vaultSecret", _place),
        rotate_after=form.read("rotateAfter", input_fields.rotate_after),
        overlap=form.read("overlap", input_fields.overlap),
        secret_in_state=form.read("secretInState", input_fields.switch("secretInState")),
    )
    if input_fields.has_long_overlap(inputs.rotate_after, inputs.overlap):
        form.fail("overlap", input_fields.describe_long_overlap())
    return (None, form.failures) if form.failures else (inputs, [])


def _place(value: object) -> VaultReference | Unknown:
    if isinstance(value, Mapping) and "takeOver" in value:
        raise InvalidInput(
            f"{spell('vaultSecret.takeOver')} has no meaning for a key that a person writes to Vault", "Leave it out."
        )
    place = input_fields.reference("vaultSecret")(value)
    if place is None:
        raise InvalidInput(f"{spell('vaultSecret')} is missing", "Say where in Vault the key lies: mount/path#field.")
    if isinstance(place, VaultReference) and place.version is not None:
        raise InvalidInput(
            f"{spell('vaultSecret')} pins a version, and a new key is a new version", "Leave the version out."
        )
    return place
