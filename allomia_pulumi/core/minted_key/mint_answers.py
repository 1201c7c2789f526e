"""The check of the answer to a mint, before anything else is done with it.

A proxy may mix answers up, and a service may be wrong: what is handed over is a key that this attempt asked for, and
nothing else. An answer that may hold a secret where none belongs is not a variable of any frame that raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import MintAnswer
from allomia_pulumi.core.marks import Mark, parse_mark
from allomia_pulumi.ground.moments import format_moment

__all__ = ["CheckedKey", "Doubt", "check_answer"]

MOST_SKEW: Final = timedelta(days=1)


@dataclass(frozen=True)
class CheckedKey:
    """A new key whose answer was checked."""

    id: str
    name: str
    secret: SecretStr
    created_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True)
class Doubt:
    """A doubt that an answer is true; nothing in it holds a secret in clear.

    Attributes:
        why: What is wrong, as the end of a sentence.
        key_id: The id that was answered; None if it may not be shown.
        shows: Tells whether a text contains the answered key or the tenant key.
    """

    why: str
    key_id: str | None
    shows: Callable[[str], bool]


def check_answer(
    api: KeyApi,
    answer: MintAnswer,
    organization_id: str,
    mark: Mark,
    claim: Callable[[str], bool],
    warn: Callable[[str], None],
) -> CheckedKey | Doubt:
    """Return the key, or why the answer cannot be the one to this attempt.

    Args:
        api: What knows the tenant key.
        answer: What AlloMia said.
        organization_id: Where the key was to be made.
        mark: The mark of this attempt.
        claim: Takes an id for a new key; False if it is known already.
        warn: Hears of a moment of making that cannot be.
    """
    shows = _detector(api, answer.secret)
    try:
        doubt = _doubt(api, answer, organization_id, mark, claim, shows)
    except Exception:  # noqa: BLE001 - a key was made: a fault of ours may not lose it
        doubt = Doubt("it could not be checked", None, shows)
    return doubt or CheckedKey(answer.id, answer.name, answer.secret, _made_at(answer, warn), answer.answered_at)


def _doubt(
    api: KeyApi,
    answer: MintAnswer,
    organization_id: str,
    mark: Mark,
    claim: Callable[[str], bool],
    shows: Callable[[str], bool],
) -> Doubt | None:
    key_id = None if shows(answer.id) else answer.id
    if api.shows_tenant_key(answer.secret.get_secret_value()):
        return Doubt("the key in it is the tenant key", key_id, shows)
    if key_id is None:
        return Doubt("its id contains a key", None, shows)
    if shows(answer.name):
        return Doubt("its name contains a key", key_id, shows)
    if parse_mark(answer.name) != mark:
        return Doubt(f"it is about key {key_id}, under a name without its mark", key_id, shows)
    if answer.organization_id not in {None, organization_id}:
        return Doubt(f"key {key_id} is said to be another organization's", key_id, shows)
    if not claim(key_id):
        return Doubt(f"key {key_id} existed before", key_id, shows)
    return None


def _detector(api: KeyApi, key: SecretStr) -> Callable[[str], bool]:
    """Return what tells whether a text contains the key or the tenant key."""

    def shows(text: str) -> bool:
        return key.get_secret_value() in text or api.shows_tenant_key(text)

    return shows


def _made_at(answer: MintAnswer, warn: Callable[[str], None]) -> datetime:
    """Return when the key was made: by AlloMia's own clock, if the answer contradicts it by more than a day."""
    moment = answer.answered_at
    if moment is None or abs(answer.created_at - moment) <= MOST_SKEW:
        return answer.created_at
    warn(
        f"AlloMia says that key {answer.id} was made {format_moment(answer.created_at)}, and its own clock says "
        f"{format_moment(moment)}: that is taken, since rotation counts from it"
    )
    return moment
