"""A key is written to Vault KV v2: never over what somebody else wrote, never twice, never to an end that is guessed.

The data are written under check-and-set, so of several writers one wins and a repeat changes nothing. When no answer
tells whether a write was done, the secret's metadata tell it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import hvac
from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import KEY_ID, ORGANIZATION_ID, Delivery, StoredSecret, VaultLocation
from allomia_pulumi.edges.vault.faults import ADDRESS_HINT, Fault, Repeat
from allomia_pulumi.edges.vault.kv import Reader
from allomia_pulumi.edges.vault.kv2_secret import DATA_CAPABILITIES, Site, locate
from allomia_pulumi.edges.vault.metadata import marks_of, remarked, without_marks
from allomia_pulumi.edges.vault.retry import NOTHING_DONE
from allomia_pulumi.errors import AllomiaError, OutcomeUnknown, SecretConflict, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import parse_reference

__all__ = ["Writer"]

BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404
SERVER_ERROR = 500
CHECK_AND_SET_FAILED = "check-and-set parameter did not match"
WRITES = 2


class Writer:
    """Deliver keys through the connection that reads them."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    def inspect(self, place: VaultLocation) -> StoredSecret:
        """Tell what stands at a place, by one look at its metadata."""
        return self._locate(place).read_metadata().stored(self._clock.now())

    def preflight(self, place: VaultLocation) -> StoredSecret:
        """Make sure that a delivery can succeed, and tell what stands there; nothing is written."""
        site = self._locate(place)
        site.require_permission()
        return site.read_metadata().stored(self._clock.now())

    def deliver(self, place: VaultLocation, delivery: Delivery) -> int:
        """Write a key as the version after the expected one, and return that version."""
        site = self._locate(place)
        # Read anew: between the preflight and this lies a mint, and somebody may have written meanwhile.
        before = site.read_metadata()
        if before.current_version != delivery.expected:
            raise _conflict(site, delivery)
        try:
            # The marks go first. A kill between the two writes then leaves a secret that the next run recognises as
            # ours; after the other order, it would take our own key for somebody else's secret.
            site.write_custom(without_marks(before.custom) | marks_of(delivery))
            _write(site, delivery)
        except OutcomeUnknown:
            # The key may stand there, so its marks stay.
            raise
        except AllomiaError:
            site.put_back(before, delivery.key_id)
            raise
        return delivery.expected + 1

    def fetch(self, place: VaultLocation, version: int) -> SecretStr:
        """Read the key of one version."""
        site = self._locate(place)
        pinned = {"mount": site.mount, "path": site.path, "field": place.field, "version": version}
        return self._reader.read_secret(parse_reference(pinned, "vaultSecret"))

    def withdraw(self, place: VaultLocation, versions: Collection[int], key_id: str, *, has_made_place: bool) -> None:
        """Destroy versions, and remove our marks if they are those of this key; the whole secret only if we made it."""
        site = self._locate(place)
        found = site.read_metadata()
        if ours := found.intact & set(versions):
            site.destroy(sorted(ours))
        if found.key_id != key_id:
            return
        if has_made_place and found.tells_current and found.intact == ours and not found.has_others_part:
            site.delete()
        else:
            # The marks go last: until then a repeat knows the secret, whatever failed.
            site.write_custom(without_marks(found.custom))

    def remark(self, place: VaultLocation, key_id: str, mark: str) -> bool:
        """Change the mark of a secret of ours that holds a key, and nothing else; tell whether it holds that key."""
        site = self._locate(place)
        found = site.read_metadata()
        if found.key_id != key_id:
            return False
        if (custom := remarked(found.custom, mark)) != found.custom:
            site.write_custom(custom)
        return True

    def _locate(self, place: VaultLocation) -> Site:
        return locate(place, self._reader.connection, self._reader.mounts)


def _write(site: Site, delivery: Delivery) -> None:
    """Write the data; when nobody tells whether that was done, look, and only if it was not write once more."""
    doubts: list[Fault] = []
    refusals: list[Fault] = []
    for _ in range(WRITES):
        try:
            answer = _put(site, delivery, doubts)
        except AllomiaError:
            # There is no login any more, and so no way to look.
            if doubts:
                raise _unknown(site, delivery, doubts[-1]) from None
            raise
        if not isinstance(answer, Fault):
            _keep_marks(site, delivery, answer["data"])
            return
        refusals.append(answer)
        if not doubts:
            raise _refusal(site, delivery, answer)
        if _has_arrived(site, delivery, doubts[-1]):
            return
    if _is_mismatch(refusals[-1]) or any(doubt.repeat is Repeat.LOST for doubt in doubts):
        # A standby answered with metadata of before, or a request that was lost may still arrive.
        raise _unknown(site, delivery, doubts[-1])
    raise _refusal(site, delivery, refusals[-1])


def _put(site: Site, delivery: Delivery, doubts: list[Fault]) -> dict[str, Any] | Fault:
    """Write the data under check-and-set, again after an attempt that was sent away unread; collect the doubts."""

    def call(client: hvac.Client) -> dict[str, Any]:
        try:
            return _confirmed(
                client.secrets.kv.v2.create_or_update_secret(
                    site.path, _fields(site, delivery), cas=delivery.expected, mount_point=site.mount
                ),
                delivery.expected + 1,
            )
        except Fault as fault:
            if _is_doubtful(fault):
                doubts.append(fault)
            raise

    return site.connection.send(call, NOTHING_DONE)


def _fields(site: Site, delivery: Delivery) -> dict[str, str]:
    return {
        site.field: delivery.secret.get_secret_value(),
        KEY_ID: delivery.key_id,
        ORGANIZATION_ID: delivery.organization_id,
    }


def _confirmed(answer: dict[str, Any], version: int) -> dict[str, Any]:
    """Insist that Vault names the version it made: a store without versions takes the same request, too."""
    data = answer.get("data")
    if not isinstance(data, dict) or data.get("version") != version:
        raise Fault(UnexpectedAnswer, "did not name the version that it was to make", ADDRESS_HINT)
    return answer


def _is_doubtful(fault: Fault) -> bool:
    """Tell whether the write may have been done: no answer, one that nobody can read, or trouble on the other side."""
    return fault.make is UnexpectedAnswer or fault.repeat is Repeat.LOST or fault.http_status >= SERVER_ERROR


def _is_mismatch(fault: Fault) -> bool:
    return fault.status == BAD_REQUEST and CHECK_AND_SET_FAILED in fault.said


def _has_arrived(site: Site, delivery: Delivery, doubt: Fault) -> bool:
    """Tell from what stands there whether our write was done.

    Raises:
        SecretConflict: Somebody else's was.
        OutcomeUnknown: Vault does not tell.
    """
    try:
        found = site.read_metadata()
        if found.current_version == delivery.expected:
            return False
        is_ours = found.current_version == delivery.expected + 1 and _reads_back(site, delivery)
    except AllomiaError:
        raise _unknown(site, delivery, doubt) from None
    if isinstance(is_ours, Fault):
        if is_ours.status not in {FORBIDDEN, NOT_FOUND}:
            raise _unknown(site, delivery, doubt)
        # A token that may write only: the version is the one we were to make, and the marks are still ours.
        is_ours = is_ours.status == FORBIDDEN and found.key_id == delivery.key_id
    if not is_ours:
        raise _conflict(site, delivery)
    return True


def _reads_back(site: Site, delivery: Delivery) -> bool | Fault:
    """Compare what stands there with what was to be written; raises nothing while it holds a value."""
    answer = site.connection.send(
        lambda client: client.secrets.kv.v2.read_secret_version(
            site.path, delivery.expected + 1, site.mount, raise_on_deleted_version=True
        )
    )
    if isinstance(answer, Fault):
        return answer
    data = answer.get("data")
    return isinstance(data, dict) and data.get("data") == _fields(site, delivery)


def _keep_marks(site: Site, delivery: Delivery, made: dict[str, Any]) -> None:
    """Write the marks again, best effort, if the answer to the write shows that another writer's came in between."""
    custom = made.get("custom_metadata", marks_of(delivery)) or {}
    if isinstance(custom, dict) and custom.get(KEY_ID) != delivery.key_id:
        with suppress(AllomiaError):
            site.write_custom(without_marks(custom) | marks_of(delivery))


def _refusal(site: Site, delivery: Delivery, fault: Fault) -> AllomiaError:
    if _is_mismatch(fault):
        return _conflict(site, delivery)
    denied = site.denied("write", site.data, *DATA_CAPABILITIES)
    return denied(fault) or site.connection.error(fault, f"writing {site}")


def _conflict(site: Site, delivery: Delivery) -> SecretConflict:
    before = f"version {delivery.expected}" if delivery.expected else "no version"
    return SecretConflict(
        f"somebody else has written to {site} of {site.connection.name}, where {before} was expected; "
        "nothing of it was overwritten",
        "Find out who writes there and give the key another place, or accept what stands there with takeOver in "
        "vaultSecret.",
    )


def _unknown(site: Site, delivery: Delivery, doubt: Fault) -> OutcomeUnknown:
    happened = site.connection.error(doubt, f"writing {site}").message
    return OutcomeUnknown(
        f"{happened}, and does not tell whether version {delivery.expected + 1} now holds key "
        f"{printable(delivery.key_id)}",
        "Run again: the next run looks first, and knows this key by the marks in the secret's metadata.",
    )
