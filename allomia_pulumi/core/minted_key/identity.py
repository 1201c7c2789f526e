"""The identity of a minted key today, and where it was made, beside what its record says of both.

Identity and owner follow the resource: after a rename, a move or a changed owner the first update records today's, and
keeps the former ones to recognise keys by. What an older version of this package did not record is no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.minted_key.state import KeyState, Record
from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.redaction import printable

__all__ = [
    "Today",
    "follow",
    "has_followed",
    "is_elsewhere",
    "made_elsewhere",
    "recorded_address",
    "today_of",
]

LONGEST = 300


@dataclass(frozen=True)
class Today:
    """The origin of a declared key in this run, and the AlloMia that this run asks."""

    origin: Origin
    service: Service


def today_of(record: Record, identity: Identity, owner: str, service: Service) -> Today:
    """Return who a recorded key is today; an owner that is not set keeps the recorded one."""
    return Today(Origin(identity=identity, owner=owner or record.owner), service)


def follow(record: Record, today: Today) -> Record:
    """Return the record with today's identity, owner and service; what it was known as before is kept."""
    others = (each for each in record.origins if each != today.origin)
    return record.model_copy(
        update={
            "identity": today.origin.identity,
            "owner": today.origin.owner,
            "former": tuple(dict.fromkeys(others)),
            "api_url": today.service.api_url,
            "keys_path": today.service.keys_path,
        }
    )


def has_followed(record: Record, today: Today) -> bool:
    """Tell whether the record says who the key is today; a service that was never recorded is no difference."""
    return record.origin == today.origin and not is_elsewhere(record, today.service)


def is_elsewhere(record: Record, service: Service) -> bool:
    """Tell whether a key was made at another AlloMia than the one that is asked."""
    recorded = (record.api_url, record.keys_path)
    asked = (service.api_url, service.keys_path)
    return any(known is not None and known != now for known, now in zip(recorded, asked, strict=True))


def recorded_address(record: Record) -> str:
    """Return the address at which a key was made, fit for a terminal: an edited state may hold anything there."""
    return printable(str(record.api_url), LONGEST)


def made_elsewhere(state: KeyState, service: Service, what: str) -> InvalidConfiguration:
    """Return the error that names both services; `what` says what did not happen."""
    made_at = f"{recorded_address(state.record)} ({printable(str(state.record.keys_path), LONGEST)})"
    asked = f"{service.api_url} ({service.keys_path})"
    return InvalidConfiguration(
        f"key {state.key_id} was made at {made_at}, and this run asks {asked}, whose answers prove nothing about it; "
        f"{what}",
        "Set allomia:apiUrl and allomia:keysPath back. If it is the same AlloMia at another address, run `pulumi up` "
        "first: it finds the key there and records the address. If the old one is gone for good, find the resource "
        "with `pulumi stack --show-urns` and remove it with `pulumi state delete URN`.",
    )
