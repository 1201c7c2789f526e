"""The records of the sandbox, in the shapes that AlloMia's documentation shows.

The shapes are those of AlloMia's public API reference; the shape of a key is assumed, because AlloMia documents no
endpoint for keys. No record holds a key in clear: only its SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

__all__ = ["ApiKey", "CallRecord", "JsonObject", "Organization", "Tenant", "timestamp"]

JsonObject: TypeAlias = dict[str, Any]

# The person who clicks in the dashboard; AlloMia's `createdBy` is a user ID.
DASHBOARD_USER = "b2c3d4e5-f6a7-8901-bcde-234567890123"


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
    """One clinic of a tenant."""

    id: str
    tenant_id: str
    name: str
    created_at: datetime

    def summary(self) -> JsonObject:
        """Return the 13 fields of the list."""
        return {
            "id": self.id,
            "name": self.name,
            "email": "front.desk@clinic.example",
            "address": "123 Main Street",
            "city": "San Francisco",
            "stateProvince": "CA",
            "postalCode": "94105",
            "country": "USA",
            "phoneNumber": "+14155551234",
            "tenantId": self.tenant_id,
            "timezone": "America/Los_Angeles",
            "createdAt": timestamp(self.created_at),
            "createdBy": DASHBOARD_USER,
        }

    def details(self) -> JsonObject:
        """Return the 19 fields of the get, which documents six more than the list."""
        return {
            **self.summary(),
            "image": None,
            "ownerId": DASHBOARD_USER,
            "isActive": True,
            "lastModifiedBy": DASHBOARD_USER,
            "updatedAt": timestamp(self.created_at),
            "deletedAt": None,
        }


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
