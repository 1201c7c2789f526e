"""The proof that a Vault ignores namespaces: then it would read and write where somebody else is at home."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex

import hvac

from allomia_pulumi.edges.vault.faults import Fault, to_error
from allomia_pulumi.edges.vault.retry import ANY_FAULT, retry_faults
from allomia_pulumi.errors import InvalidConfiguration, Unreachable
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable

__all__ = ["refuse_ignored"]

ROOT = {"", "root"}
"""The namespaces that a Vault without namespaces has, too."""

HINT = (
    "Unset the namespace if the root namespace is meant, or use a Vault that has namespaces: OpenBao from 2.3 on, or "
    "Vault Enterprise."
)


def refuse_ignored(namespace: str, client: hvac.Client, clock: Clock, name: str, source: str) -> None:
    """Ask Vault for the mounts of a namespace that does not exist, and refuse a Vault that lists them.

    Vault's community edition and older OpenBao do not look at the header that names a namespace, and answer from the
    root namespace; a Vault with namespaces knows none of that name. Any other answer proves nothing, and is left to
    the request that comes next.

    Args:
        namespace: The one that is configured.
        client: An hvac client without a token, which is changed.
        clock: Where repeats take their time from.
        name: What Vault is called in messages.
        source: Where the namespace is configured.

    Raises:
        InvalidConfiguration: Vault ignores namespaces; nothing was read or written.
        Unreachable: There was no answer.
    """
    inside = namespace.strip("/")
    if inside in ROOT:
        return
    # Inside the configured one, so that a proxy which lets requests into that namespace only lets this one pass.
    client.adapter.namespace = f"{inside}/{token_hex(8)}"
    try:
        answer = retry_faults(lambda: client.adapter.get("/v1/sys/internal/ui/mounts"), clock, ANY_FAULT)
    except Fault as fault:
        if fault.make_error is Unreachable:
            raise to_error(fault, name, f"asking whether it has the namespace {printable(namespace)}") from None
        return
    if _lists_mounts(answer.get("data")):
        raise InvalidConfiguration(
            f"{name} ignores the namespace {printable(namespace)} ({source}): it would read and write in its root "
            "namespace instead, so nothing was read or written",
            HINT,
        ).as_said_by("Vault")


def _lists_mounts(data: object) -> bool:
    return isinstance(data, Mapping) and all(isinstance(data.get(kind), Mapping) for kind in ("auth", "secret"))
