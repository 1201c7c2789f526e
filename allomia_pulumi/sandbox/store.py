"""AlloMia's state: tenants, organizations, keys, call records, and the clock. Pure; every change is one step."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from allomia_pulumi.sandbox.records import (
    DASHBOARD_USER,
    SEEDED_PROFILE,
    ApiKey,
    CallRecord,
    JsonObject,
    MetadataRecord,
    MetadataSchema,
    Organization,
    Tenant,
)

__all__ = ["LONGEST_KEY_NAME", "Clock", "QuotaError", "Store"]

LONGEST_KEY_NAME = 100
KEY_BYTES = 32  # 43 characters of URL-safe base64
SEEDED_CALLS = (("Inbound", 212), ("Outbound", 95), ("Web", 41))


class QuotaError(Exception):
    """The organization holds as many keys as it may."""


class Clock:
    """The sandbox's one clock.

    Attributes:
        offset_seconds: How far it runs ahead of the machine's clock.
    """

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)


def _new_key(level: str) -> tuple[str, str]:
    """Return a new key and its hash."""
    key = f"alm_{level}_{secrets.token_urlsafe(KEY_BYTES)}"
    return key, _digest(key)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Store:
    """Everything that AlloMia would keep in its database."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tenants: dict[str, Tenant] = {}
        self.organizations: dict[str, Organization] = {}
        self.keys: dict[str, ApiKey] = {}
        self.calls: dict[str, CallRecord] = {}
        self.metadata: dict[str, MetadataRecord] = {}
        self.metadata_schemas: dict[str, MetadataSchema] = {}

    def add_tenant(self, name: str) -> tuple[Tenant, str]:
        """Make a tenant, and return it with its key, which is shown only here."""
        key, key_hash = _new_key("tenant")
        tenant = Tenant(id=str(uuid.uuid4()), name=name, key_hash=key_hash)
        self.tenants[tenant.id] = tenant
        return tenant, key

    def rotate_tenant_key(self, tenant: Tenant) -> str:
        """Give the tenant a new key and return it; the old one is dead at once."""
        key, key_hash = _new_key("tenant")
        self.tenants[tenant.id] = replace(tenant, key_hash=key_hash)
        return key

    def add_organization(
        self,
        tenant: Tenant,
        name: str,
        organization_id: str | None = None,
        *,
        profile: dict[str, str | None] | None = None,
        created_at: datetime | None = None,
        **known: Any,  # noqa: ANN401 - fields of an organization, each with its own type
    ) -> Organization:
        """Make an organization with a few call records from the days before it was made.

        `profile` has what is not as in every seeded clinic, `known` the other fields of the record.

        Raises:
            ValueError: The ID is taken.
        """
        identifier = organization_id or str(uuid.uuid4())
        if identifier in self.organizations:
            raise ValueError("an organization has this id already")
        organization = Organization(
            id=identifier,
            tenant_id=tenant.id,
            profile={**SEEDED_PROFILE, **(profile or {}), "name": name},
            created_at=created_at or self._clock.now(),
            **known,
        )
        self.organizations[identifier] = organization
        for days, (call_type, seconds) in enumerate(SEEDED_CALLS, start=1):
            started_at = organization.created_at - timedelta(days=days)
            call = CallRecord(str(uuid.uuid4()), identifier, call_type, started_at, seconds)
            self.calls[call.id] = call
        return organization

    def change_organization(
        self, organization: Organization, profile: dict[str, str | None], by: str = DASHBOARD_USER
    ) -> Organization:
        """Change fields of the profile, and return the organization as it is now."""
        changed = replace(
            organization,
            profile={**organization.profile, **profile},
            last_modified_by=by,
            updated_at=self._clock.now(),
        )
        self.organizations[organization.id] = changed
        return changed

    def deactivate_organization(self, organization: Organization, by: str = DASHBOARD_USER) -> Organization:
        """Mark an organization inactive; its first deletion keeps its moment."""
        now = self._clock.now()
        deleted_at = organization.deleted_at or now
        changed = replace(organization, is_active=False, deleted_at=deleted_at, updated_at=now, last_modified_by=by)
        self.organizations[organization.id] = changed
        return changed

    def put_metadata(
        self, organization: Organization, metadata: JsonObject, by: str = DASHBOARD_USER
    ) -> MetadataRecord:
        """Replace the metadata of an organization, or make the first record, and return the new version."""
        before = self.metadata.get(organization.id)
        record = (
            replace(before, metadata=metadata, version=before.version + 1)
            if before
            else MetadataRecord(str(uuid.uuid4()), organization.id, metadata, self._clock.now(), by)
        )
        self.metadata[organization.id] = record
        return record

    def remove_organization(self, organization: Organization) -> list[ApiKey]:
        """Remove an organization with its calls, and return its keys, which are dead from then on."""
        dead = self.keys_of(organization.id)
        for key in dead:
            self.revoke(key)
        self.calls = {k: call for k, call in self.calls.items() if call.organization_id != organization.id}
        self.metadata.pop(organization.id, None)
        del self.organizations[organization.id]
        return dead

    def keys_of(self, organization_id: str) -> list[ApiKey]:
        """Return the organization's living keys, oldest first."""
        keys = [key for key in self.keys.values() if key.organization_id == organization_id]
        return sorted(keys, key=lambda key: key.created_at)

    def mint(
        self,
        organization: Organization,
        name: str,
        *,
        limit: int,
        refusals: int = 0,
        created_by: str = DASHBOARD_USER,
        key_id: str | None = None,
        value: str | None = None,
        created_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with its value, which is shown only here.

        Raises:
            QuotaError: The organization holds `limit` keys or more.
            ValueError: Another key has the ID or the value.
        """
        if len(self.keys_of(organization.id)) >= limit:
            raise QuotaError
        value = value or _new_key("org")[0]
        if key_id in self.keys or self.identify(value):
            raise ValueError("another key has this id or this value already")
        key = ApiKey(
            id=key_id or str(uuid.uuid4()),
            organization_id=organization.id,
            name=name,
            key_hash=_digest(value),
            created_at=created_at or self._clock.now(),
            created_by=created_by,
            refusals_left=refusals,
        )
        self.keys[key.id] = key
        return key, value

    def revoke(self, key: ApiKey) -> None:
        """Remove a living key."""
        del self.keys[key.id]

    def identify(self, value: str) -> Tenant | ApiKey | None:
        """Return whose key this is, without counting it as a use."""
        key_hash = _digest(value)
        holders: list[Tenant | ApiKey] = [*self.tenants.values(), *self.keys.values()]
        return next((holder for holder in holders if holder.key_hash == key_hash), None)

    def use(self, key: ApiKey) -> bool:
        """Count a use of an organization key, and return whether it is accepted yet."""
        if key.refusals_left:
            self.keys[key.id] = replace(key, refusals_left=key.refusals_left - 1)
            return False
        self.keys[key.id] = replace(key, last_used_at=self._clock.now())
        return True
