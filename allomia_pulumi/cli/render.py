"""Rendering of keys in words and in JSON; foreign text is made safe here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from allomia_pulumi.cli.clients import Holding
from allomia_pulumi.cli.survey import Row
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey
from allomia_pulumi.core.marks import label_of, parse_mark
from allomia_pulumi.core.messages import describe_age, describe_time_since
from allomia_pulumi.core.orphans import Verdict, Whose
from allomia_pulumi.ground.redaction import printable, scrub
from allomia_pulumi.provider.urn import name_of

__all__ = [
    "Output",
    "as_document",
    "key_as_json",
    "key_in_a_line",
    "resource_name",
    "slots_used",
    "used_words",
    "whole_id",
    "whose_words",
]

LONGEST_ID = 1000
WHOSE = {
    Whose.CURRENT: "{resource}",
    Whose.PREDECESSOR: "{resource}, predecessor",
    Whose.OWED: "{resource}, to be revoked",
    Whose.REPLACED: "{resource}, waits for deletion",
    Whose.FOREIGN: "{resource}, taken over",
    Whose.UNSETTLED: "{resource}, perhaps being made",
    Whose.BY_HAND: "nobody: by hand",
}


class Output(StrEnum):
    """How a result is shown."""

    TABLE = "table"
    JSON = "json"


def slots_used(holding: Holding) -> str:
    """Say how many of the organization's slots its keys take."""
    return f"{len(holding.keys)} of {KEY_LIMIT} slots used"


def key_in_a_line(row: Row, now: datetime) -> str:
    """Describe one key in a line."""
    used = describe_time_since(row.key.last_used_at, now)
    unused = "never used" if row.key.is_use_known else "last use not known"
    parts = [
        f"id {whole_id(row.key.id)}",
        f"organization {whole_id(row.holding.organization_id)}",
        f"{describe_age(row.key, now)} old",
        f"last used {used} ago" if used else unused,
        whose_words(row.key, row.verdict),
    ]
    return f"{printable(row.key.name)} ({', '.join(parts)})"


def resource_name(verdict: Verdict) -> str:
    """Return what the stack calls the declared key, with the stack's own name before it."""
    return f"{verdict.stack} {printable(name_of(verdict.resource))}" if verdict.resource else verdict.stack


def key_as_json(row: Row, now: datetime) -> dict[str, Any]:
    """Return a key in JSON."""
    key, mark, name = row.key, parse_mark(row.key.name), scrub(row.key.name)
    return {
        "id": key.id,
        "name": name,
        "label": label_of(name),
        "createdAt": key.created_at.isoformat() if key.created_at else None,
        "lastUsedAt": key.last_used_at.isoformat() if key.last_used_at else None,
        "ageSeconds": max(0, int((now - key.created_at).total_seconds())) if key.created_at else None,
        "mark": {"stack": mark.stack, "resource": mark.resource, "nonce": mark.nonce} if mark else None,
        "whose": _verdict_as_json(row.verdict) if row.verdict else None,
    }


def as_document(document: Mapping[str, Any]) -> str:
    """Return a document as text: known secrets are replaced, and foreign characters are escaped."""
    return json.dumps(_scrubbed(document), indent=2, ensure_ascii=True)


def _scrubbed(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Scrub every text before it is escaped: an escaped secret is not known any more."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {name: _scrubbed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(item) for item in value]
    return value


def _verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.whose.value,
        "stack": verdict.stack or None,
        "urn": verdict.resource or None,
        "doubt": verdict.doubt or None,
    }


def whole_id(identifier: str) -> str:
    """Return an id fit for a terminal, and not cut: somebody copies it."""
    return printable(identifier, LONGEST_ID)


def used_words(key: ApiKey, now: datetime) -> str:
    """Say how long ago a key was used."""
    return describe_time_since(key.last_used_at, now) or ("never" if key.is_use_known else "not known")


def whose_words(key: ApiKey, verdict: Verdict | None) -> str:
    """Say whose a key is, as far as that is known."""
    mark = parse_mark(key.name)
    if verdict is None:
        return f"mark {mark.stack}/{mark.resource}" if mark else WHOSE[Whose.BY_HAND]
    if verdict.whose is Whose.OTHER and mark:
        return f"other stack {mark.stack}/{mark.resource}"
    if verdict.whose is Whose.ORPHAN:
        return f"orphan of {resource_name(verdict)}"
    return WHOSE[verdict.whose].format(resource=resource_name(verdict))
