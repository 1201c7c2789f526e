"""How keys look on a terminal and in JSON; foreign text is made safe here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from allomia_pulumi.keys.marks import Mark, parse_mark
from allomia_pulumi.keys.models import KEY_LIMIT
from allomia_pulumi.keys.ports import ApiKey
from allomia_pulumi.keys.wording import describe_age
from allomia_pulumi.redaction import printable

__all__ = ["keys_document", "keys_table", "one_key"]

DOCUMENT_VERSION = 1


def keys_table(keys: Sequence[ApiKey], now: datetime) -> Table:
    """Lay the keys out for people."""
    table = Table(
        caption=f"{len(keys)} of {KEY_LIMIT} slots used",
        caption_justify="left",
        caption_style="",
        box=None,
        pad_edge=False,
    )
    table.add_column("NAME", overflow="fold")
    table.add_column("ID", no_wrap=True)
    table.add_column("AGE", no_wrap=True)
    table.add_column("MARK OF", no_wrap=True)
    for key in keys:
        table.add_row(escape(printable(key.name)), escape(printable(key.id)), describe_age(key, now), _mark(key))
    return table


def keys_document(organization_id: str, keys: Sequence[ApiKey], now: datetime) -> str:
    """Lay the keys out for programs; the shape grows, and its version changes when it breaks."""
    document = {
        "version": DOCUMENT_VERSION,
        "organizationId": organization_id,
        "slots": {"used": len(keys), "limit": KEY_LIMIT},
        "keys": [_as_json(key, now) for key in keys],
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def one_key(key: ApiKey, now: datetime) -> str:
    """Describe one key in a line."""
    return f"{printable(key.name)} (id {printable(key.id)}, {describe_age(key, now)} old, mark of {_mark(key)})"


def _mark(key: ApiKey) -> str:
    """Say whose key it is: the hashes of stack and resource, or nobody's."""
    mark = parse_mark(key.name)
    return f"{mark.stack}/{mark.resource}" if mark else "nobody: by hand"


def _as_json(key: ApiKey, now: datetime) -> dict[str, Any]:
    mark: Mark | None = parse_mark(key.name)
    return {
        "id": key.id,
        "name": key.name,
        "createdAt": key.created_at.isoformat() if key.created_at else None,
        "lastUsedAt": key.last_used_at.isoformat() if key.last_used_at else None,
        "ageSeconds": int((now - key.created_at).total_seconds()) if key.created_at else None,
        "mark": {"stack": mark.stack, "resource": mark.resource, "nonce": mark.nonce} if mark else None,
    }
