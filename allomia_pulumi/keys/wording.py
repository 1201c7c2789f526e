"""How keys, ages and commands are called in messages, made safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from allomia_pulumi.keys.ports import ApiKey
from allomia_pulumi.redaction import printable

__all__ = ["describe_age", "describe_keys", "look_command", "revoke_command"]


def describe_keys(keys: Iterable[ApiKey], now: datetime) -> str:
    """List keys in one line with what tells them apart: id, name and age."""
    return "; ".join(f"{printable(key.id)} “{printable(key.name)}”, {describe_age(key, now)} old" for key in keys)


def describe_age(key: ApiKey, now: datetime) -> str:
    """Return the age in its largest unit."""
    if key.created_at is None:
        return "unknown time"
    age = max(now - key.created_at, timedelta())
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if age >= unit:
            return f"{age // unit} {name}"
    return f"{age // timedelta(seconds=1)} s"


def look_command(organization_id: str) -> str:
    """Return the command that shows an organization's keys."""
    return f"`allomia keys --organization {organization_id}`"


def revoke_command(organization_id: str, key_id: str) -> str:
    """Return the command that revokes one key."""
    return f"`allomia revoke {organization_id} {key_id}`"
