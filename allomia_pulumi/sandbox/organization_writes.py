"""AlloMia's documented organization endpoints that change something."""

from __future__ import annotations

from typing import Any

from allomia_pulumi.sandbox.exchange import Done, Exchange, RefusalError
from allomia_pulumi.sandbox.records import PROFILE_FIELDS, JsonObject, MetadataSchema

__all__ = ["create_organization", "deactivate_organization", "put_metadata", "update_organization"]

TIMEZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Phoenix",
    "America/Toronto",
    "America/Vancouver",
    "America/Edmonton",
    "America/Winnipeg",
    "America/Halifax",
    "America/St_Johns",
    "Europe/London",
    "Europe/Paris",
    "Europe/Helsinki",
    "Asia/Dubai",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
)
REQUIRED_ON_UPDATE = ("name", "email")


def create_organization(exchange: Exchange) -> Done:
    """Answer `POST /api/organization`, not wrapped; `externalId` is taken and never shown.

    Raises:
        RefusalError: 400, a field is missing, is no text or is no supported value.
    """
    body = exchange.call.json_object()
    profile = {name: _required(body, name) for name in PROFILE_FIELDS}
    _check_timezone(profile["timezone"])
    external_id = _text(body["externalId"], "externalId") if "externalId" in body else None
    world, caller = exchange.world, exchange.caller.id
    organization = world.store.add_organization(
        world.store.tenants[caller],
        profile["name"],
        profile={**profile},
        created_by=caller,
        external_id=external_id,
        owner_id=None,
        last_modified_by=None,
        hidden_lists=world.settings.list_lag,
    )
    status = world.settings.create_status
    return Done("organization_created", organization.summary(), status=status, organization=organization)


def update_organization(exchange: Exchange) -> Done:
    """Answer `PUT /api/organization/{id}`, not wrapped; what becomes of omitted fields is a setting.

    Raises:
        RefusalError: 400 for a bad field, 404 for the organization.
    """
    before = exchange.organization(exchange.ids[0])
    body = exchange.call.json_object()
    profile: dict[str, str | None] = {name: _required(body, name) for name in REQUIRED_ON_UPDATE}
    for name in PROFILE_FIELDS:
        if name in body:
            profile[name] = _text(body[name], name)
        elif exchange.world.settings.omitted_fields == "cleared":
            profile[name] = None
    if "timezone" in body:
        _check_timezone(profile["timezone"])
    organization = exchange.world.store.change_organization(before, profile, exchange.caller.id)
    return Done("organization_updated", organization.summary(), organization=organization)


def deactivate_organization(exchange: Exchange) -> Done:
    """Answer `DELETE /api/organization/{id}`, a soft delete: the organization and its keys stay.

    Raises:
        RefusalError: 404, the organization.
    """
    before = exchange.organization(exchange.ids[0])
    organization = exchange.world.store.deactivate_organization(before, exchange.caller.id)
    body = {"message": "Organization successfully deleted", "organizationId": organization.id}
    return Done("organization_deactivated", body, organization=organization)


def put_metadata(exchange: Exchange) -> Done:
    """Answer `PUT /api/organization/{id}/metadata`: a new version of a record that exists.

    Raises:
        RefusalError: 400 with details, the schema refuses it; 404, the organization or its record.
    """
    organization = exchange.organization(exchange.ids[0])
    metadata = exchange.call.json_object().get("metadata")
    if not isinstance(metadata, dict):
        raise RefusalError(400, "metadata must be an object")
    store = exchange.world.store
    if organization.id not in store.metadata:
        raise RefusalError(404, "Organization metadata not found")
    complaints = store.metadata_schemas.get(organization.tenant_id, MetadataSchema()).complaints(metadata)
    if complaints:
        raise RefusalError(400, "Invalid metadata - Schema validation failed", complaints)
    record = store.put_metadata(organization, metadata, exchange.caller.id)
    return Done("metadata_updated", record.summary(), organization=organization)


def _required(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise RefusalError(400, f"{name} is required")
    return _text(value, name)


def _text(value: Any, name: str) -> str:  # noqa: ANN401 - it comes from a request body
    if not isinstance(value, str):
        raise RefusalError(400, f"{name} must be a string")
    return value


def _check_timezone(name: str | None) -> None:
    if name not in TIMEZONES:
        raise RefusalError(400, "timezone must be one of the supported timezones")
