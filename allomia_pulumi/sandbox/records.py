"""The records of the sandbox, in the shapes that AlloMia's documentation shows.

The shapes are those of AlloMia's public API reference; the shape of a key is assumed, because AlloMia documents no
endpoint for keys. No record holds a key in clear: only its SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

__all__ = [
    "PROFILE_FIELDS",
    "ApiKey",
    "CallRecord",
    "JsonObject",
    "MetadataRecord",
    "MetadataSchema",
    "Organization",
    "Tenant",
    "timestamp",
]

JsonObject: TypeAlias = dict[str, Any]

# The person who clicks in the dashboard; AlloMia's `createdBy` is a user ID.
DASHBOARD_USER = "b2c3d4e5-f6a7-8901-bcde-234567890123"
# The profile of a clinic that a scene says nothing of but its name.
SEEDED_PROFILE = {
    "email": "front.desk@clinic.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "stateProvince": "CA",
    "postalCode": "94105",
    "country": "USA",
    "phoneNumber": "+14155551234",
    "timezone": "America/Los_Angeles",
}
PROFILE_FIELDS = ("name", *SEEDED_PROFILE)


def timestamp(moment: datetime, timespec: str = "seconds") -> str:
    """Return the moment as AlloMia writes it, such as `2025-06-01T14:23:45Z`."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of AlloMia, with the hash of its only tenant key."""

    id: str
    name: str
    key_hash: str


@dataclass(frozen=True, slots=True)
class Organization:
    """One clinic of a tenant.

    Attributes:
        profile: The nine fields that create and update take, by their names on the wire.
        created_by: A tenant's ID, or the dashboard user for one made by hand.
        external_id: Taken at creation, and shown by no documented endpoint.
        hidden_lists: How many lists still leave it out, as if it had not spread yet.
    """

    id: str
    tenant_id: str
    profile: Mapping[str, str | None]
    created_at: datetime
    created_by: str | None = DASHBOARD_USER
    external_id: str | None = None
    owner_id: str | None = DASHBOARD_USER
    is_active: bool = True
    last_modified_by: str | None = DASHBOARD_USER
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    hidden_lists: int = 0

    @property
    def name(self) -> str:
        """The name of the clinic."""
        return self.profile["name"] or ""

    def summary(self) -> JsonObject:
        """Return the 13 fields of the list, the create and the update."""
        profile = {name: self.profile[name] for name in PROFILE_FIELDS}
        timezone = profile.pop("timezone")
        return {
            "id": self.id,
            **profile,
            "tenantId": self.tenant_id,
            "timezone": timezone,
            "createdAt": timestamp(self.created_at),
            "createdBy": self.created_by,
        }

    def details(self) -> JsonObject:
        """Return the 19 fields of the get, which documents six more than the list."""
        return {
            **self.summary(),
            "image": None,
            "ownerId": self.owner_id,
            "isActive": self.is_active,
            "lastModifiedBy": self.last_modified_by,
            "updatedAt": timestamp(self.updated_at or self.created_at),
            "deletedAt": timestamp(self.deleted_at) if self.deleted_at else None,
        }


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """The metadata of one organization, of which AlloMia shows the newest version only in the answer to a PUT."""

    id: str
    organization_id: str
    metadata: JsonObject
    created_at: datetime
    created_by: str
    version: int = 1

    def summary(self) -> JsonObject:
        """Return the six documented fields."""
        return {
            "id": self.id,
            "organizationId": self.organization_id,
            "version": self.version,
            "metadata": self.metadata,
            "createdAt": timestamp(self.created_at),
            "createdBy": self.created_by,
        }


@dataclass(frozen=True, slots=True)
class MetadataSchema:
    """What a tenant's metadata has to look like; the language of AlloMia's own schemas is not documented.

    Attributes:
        properties: The JSON type that each field must have.
        required: The fields that must be there.
        additional: Whether other fields may be there.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: bool = True

    def complaints(self, metadata: JsonObject) -> list[str]:
        """Return what is wrong with an object, a sentence each."""
        missing = [f"{name} is required" for name in self.required if name not in metadata]
        unknown = [f"{name} is not allowed" for name in metadata if not self.additional and name not in self.properties]
        wrong = [
            f"{name} must be of type {self.properties[name]}"
            for name, value in metadata.items()
            if name in self.properties and _json_type(value) != self.properties[name]
        ]
        return missing + unknown + wrong


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of an organization.

    Attributes:
        key_hash: Hex SHA-256 of the key.
        created_by: A tenant's ID, or the dashboard user for a key made by hand.
        refusals_left: How many uses are still answered 401, as if the key had not spread yet.
    """

    id: str
    organization_id: str
    name: str
    key_hash: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None = None
    refusals_left: int = 0

    def summary(self) -> JsonObject:
        """Return the assumed shape, without the key itself."""
        return {
            "id": self.id,
            "name": self.name,
            "organizationId": self.organization_id,
            "createdAt": timestamp(self.created_at),
            "createdBy": self.created_by,
            "lastUsedAt": timestamp(self.last_used_at) if self.last_used_at else None,
        }


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One phone call of an organization: patient data that no verification may transfer."""

    id: str
    organization_id: str
    call_type: str
    started_at: datetime
    seconds: int

    def summary(self) -> JsonObject:
        """Return the fields of the call list; the duration is documented as a string."""
        ended_at = timestamp(self.started_at + timedelta(seconds=self.seconds))
        return {
            "id": self.id,
            "organizationId": self.organization_id,
            "callType": self.call_type,
            "agentId": "d4e5f6a7-b8c9-0123-defa-456789012345",
            "agentName": "Front Desk",
            "teamId": None,
            "teamName": None,
            "phoneNumber": "+14155551234",
            "callStartedAt": timestamp(self.started_at),
            "callEndedAt": ended_at,
            "callDurationSeconds": str(self.seconds),
            "userPhoneNumber": "+14155559876",
            "createdAt": ended_at,
        }

    def details(self) -> JsonObject:
        """Return the fields of the get, which adds what was said."""
        files = f"https://files.sandbox.invalid/{self.id}"
        return {
            **self.summary(),
            "callEndedReason": "customer-ended-call",
            "userName": "Sample Patient",
            "userPrimaryIntent": "book_appointment",
            "userSentiment": "neutral",
            "callSummary": "A made-up patient books a made-up appointment.",
            "transcriptUrl": f"{files}.txt",
            "recordingUrl": f"{files}.wav",
        }


def _json_type(value: object) -> str:
    """Return the name that JSON has for the type of a value."""
    names = ((bool, "boolean"), (str, "string"), (int | float, "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")
