"""Messages: keys, ages and commands in words, made safe for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from allomia_pulumi.contracts.api_keys import ApiKey
from allomia_pulumi.errors import AllomiaError, SetupError, UnexpectedAnswer, Unreachable
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import IMPORT_REFERENCE_VARIABLE, IMPORT_SECRET_VARIABLE
from allomia_pulumi.ground.spelling import spell

__all__ = [
    "DELETE_OLD_BY_HAND",
    "IMPORT_WITH_SECRET",
    "MAKE_BY_HAND",
    "describe_age",
    "describe_keys",
    "describe_length",
    "describe_time_since",
    "explain",
    "explaining_configuration",
    "look_command",
    "orphans_command",
    "revoke_command",
    "unusable_keys",
    "unusable_organizations",
]


DELETE_OLD_BY_HAND = (
    "when nobody uses it any more, and unless an OrganizationApiKey adopted it, delete it in AlloMia's dashboard "
    "(Settings > API Keys, the trash icon)"
)
MAKE_BY_HAND = "make a new key in AlloMia's dashboard (Settings > API Keys > Add Key)"
STORED_CONFIGURATION = (
    "Refresh and destroy may run on the configuration stored at the last `pulumi up`; `--run-program` uses today's."
)
IMPORT_WITH_SECRET = (
    f"To import it with its secret, set {IMPORT_REFERENCE_VARIABLE} to its place in Vault (mount/path#field) or "
    f"{IMPORT_SECRET_VARIABLE} to the key itself, take the resource out of the state with `pulumi state delete URN`, "
    "and import it again."
)


@contextmanager
def explaining_configuration(reference: VaultReference | None) -> Iterator[None]:
    """Add that a read or delete may run on old configuration to errors that another configuration could mend."""
    try:
        yield
    except (SetupError, Unreachable, UnexpectedAnswer) as problem:
        raise problem.with_hint(_recorded_reference() if reference else STORED_CONFIGURATION) from None


def _recorded_reference() -> str:
    return (
        f"This resource has a {spell('tenantKeyRef')} of its own, and refresh and destroy use the recorded one: if it "
        "has moved, run `pulumi up` once (without --refresh), which records today's."
    )


def explain(problem: Exception) -> str:
    """Say what went wrong; of a fault of ours only its type, since its text may hold anything."""
    if isinstance(problem, AllomiaError):
        return str(problem)
    return f"this package itself broke ({type(problem).__name__}). Please report it with this line"


def describe_keys(keys: Iterable[ApiKey], now: datetime) -> str:
    """List keys in one line with what tells them apart: id, name and age."""
    return "; ".join(f"{printable(key.id)} “{printable(key.name)}”, {describe_age(key, now)} old" for key in keys)


def describe_age(key: ApiKey, now: datetime) -> str:
    """Return the age in its largest unit."""
    return describe_time_since(key.created_at, now) or "unknown time"


def describe_time_since(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit; empty if it is not known."""
    return "" if moment is None else describe_length(max(now - moment, timedelta()))


def describe_length(length: timedelta) -> str:
    """Return a length of time in its largest unit."""
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if length >= unit:
            return f"{length // unit} {name}"
    return f"{length // timedelta(seconds=1)} s"


def look_command(organization_id: str, options: str = "") -> str:
    """Return the command that shows an organization's keys; `options` are quoted already."""
    return _command(f"keys --organization {shlex.quote(organization_id)}", options)


def orphans_command(folder: str = ".") -> str:
    """Return the command that shows the keys which a stack made and does not know."""
    return _command(f"orphans --stack {shlex.quote(printable(folder))}")


def revoke_command(organization_id: str, key_id: str, options: str = "") -> str:
    """Return the command that revokes one key; `options` are quoted already."""
    ids = f"{shlex.quote(organization_id)} {shlex.quote(key_id)}"
    # An id that no request can name may begin with a dash, and would be an option.
    is_odd = "-" in (organization_id[:1], key_id[:1])
    return _command("revoke", options, "--", ids) if is_odd else _command("revoke", ids, options)


def _command(*parts: str) -> str:
    return f"`allomia {' '.join(filter(None, parts))}`"


def unusable_keys(count: int) -> str:
    """Say how many keys in AlloMia's lists have an id that no request can name."""
    several = "keys with ids" if count > 1 else "key with an id"
    return f"AlloMia lists {count} {several} that no request can name"


def unusable_organizations(count: int) -> str:
    """Say how many organizations in AlloMia's list have an id that no request can name."""
    several = "organizations with ids" if count > 1 else "organization with an id"
    return f"AlloMia lists {count} {several} that no request can name"
