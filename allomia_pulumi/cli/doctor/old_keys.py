"""Check of old keys made by hand: whether AlloMia still accepts those whose time is over."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from allomia_pulumi.cli.doctor.steps import Finding, care, ok, shorten
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.state import DeclaredKey
from allomia_pulumi.contracts.tokens import DASHBOARD_API_KEY
from allomia_pulumi.core.handmade_key.state import OldKey
from allomia_pulumi.core.handmade_key.watch import Look, Standing, look_at, look_is_a_use
from allomia_pulumi.core.messages import DELETE_OLD_BY_HAND
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import printable

__all__ = ["OLD_KEY_SECONDS", "check_old_keys"]

LOOKS_AT_ONCE = 8
OLD_KEY_SECONDS = 30.0
REFRESH = "Run `pulumi refresh`, which records what it sees."


def check_old_keys(subject: Subject) -> Finding:
    """Use each old key once whose time is over; those that an `OrganizationApiKey` holds are nobody's to delete."""
    now = format_moment(datetime.now(UTC))
    overdue = list(_overdue(subject, now))
    if not overdue:
        waiting = sum(len(key.old_keys) for key in subject.keys)
        return ok(f"none whose time is over; known: {waiting}")
    store, prover = subject.container.store(), subject.container.prover()
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        looks = list(pool.map(lambda one: look_at(one[1], one[0].organization_id, store, prover), overdue))
    found = list(zip(overdue, looks, strict=True))
    if alive := [_called(*one) for one, look in found if look.standing is Standing.ACCEPTED]:
        fix = f"{DELETE_OLD_BY_HAND[0].upper()}{DELETE_OLD_BY_HAND[1:]}. {look_is_a_use(now)}."
        return care(f"AlloMia still accepts {shorten(alive)}", fix)
    if unseen := [_unseen(*one, look) for one, look in found if look.standing is not Standing.REFUSED]:
        return care(f"not known of {shorten(unseen)}", REFRESH)
    return ok(f"AlloMia refuses {len(found)}: `pulumi refresh` forgets them")


def _overdue(subject: Subject, now: str) -> Iterator[tuple[DeclaredKey, OldKey]]:
    held = {key.fingerprint for key in subject.minted_keys}
    for key in subject.keys:
        if key.kind == DASHBOARD_API_KEY:
            yield from ((key, old) for old in key.old_keys if old.delete_at <= now and old.fingerprint not in held)


def _called(key: DeclaredKey, old: OldKey) -> str:
    return printable(f"an old key of {key.name} ({old.describe()})")


def _unseen(key: DeclaredKey, old: OldKey, look: Look) -> str:
    return f"{_called(key, old)}: {printable(look.why)}"
