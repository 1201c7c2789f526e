"""Policies of Vault: the capabilities that this package needs, and the lines of HCL that grant them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from allomia_pulumi.errors import AccessDenied

__all__ = ["DATA_CAPABILITIES", "METADATA_CAPABILITIES", "missing_capabilities", "policy_denial", "policy_line"]

# Which of create and update Vault asks for depends on what stands there at that moment.
DATA_CAPABILITIES: Final = ("create", "update")
METADATA_CAPABILITIES: Final = ("create", "update", "read")
ANYTHING: Final = "root"


def policy_line(path: str, *capabilities: str) -> str:
    """Return the line of HCL that grants capabilities on an API path, `read` by default."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'path "{escaped}" {{ capabilities = {json.dumps(capabilities or ("read",))} }}'


def policy_denial(name: str, what: str, path: str, *capabilities: str) -> AccessDenied:
    """Return the error for a 403 of a policy, with the line to add.

    Args:
        name: What Vault is called in messages.
        what: What the token may not do.
        path: The API path that was asked for.
        capabilities: What a policy has to grant on it, `read` by default.
    """
    return AccessDenied(
        f"{name} does not let the token {what} (403)", f"Add to its policy: {policy_line(path, *capabilities)}"
    )


def missing_capabilities(granted: object, needed: Sequence[str]) -> tuple[str, ...]:
    """Return which of the needed capabilities an answer about a path does not grant."""
    has = granted if isinstance(granted, list) else []
    return () if ANYTHING in has else tuple(name for name in needed if name not in has)
