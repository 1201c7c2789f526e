"""A key is written to Vault KV v2: never over what somebody else wrote, never twice, never to an end that is guessed.

The data are written under check-and-set, so of several writers one wins and a repeat changes nothing. When no answer
tells whether a write was done, the secret's metadata tell it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import hvac
from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import KEY_ID, ORGANIZATION_ID, Delivery, StoredSecret, VaultLocation
from allomia_pulumi.edges.vault.faults import ADDRESS_HINT, Fault, Repeat
from allomia_pulumi.edges.vault.kv import KvReader
from allomia_pulumi.edges.vault.kv2_secret import Kv2Secret, locate_secret
from allomia_pulumi.edges.vault.metadata import marks_of, with_mark, without_marks
from allomia_pulumi.edges.vault.policy import DATA_CAPABILITIES
from allomia_pulumi.edges.vault.retry import NOTHING_DONE
from allomia_pulumi.errors import AllomiaError, OutcomeUnknown, SecretConflict, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.redaction import printable
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.ground.spelling import spell

__all__ = ["KvWriter"]

CHECK_AND_SET_FAILED = "check-and-set parameter did not match"
WRITES = 2


class KvWriter:
    """Writer of keys, through the client that reads them."""

    def __init__(self, reader: KvReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    def inspect(self, place: VaultLocation) -> StoredSecret:
        """Tell what stands at a place, by one look at its metadata."""
        return self._locate(place).read_metadata().to_stored(self._clock.now())

    def preflight(self, place: VaultLocation) -> StoredSecret:
        """Make sure that a delivery can succeed, and tell what stands there; nothing is written."""
        target = self._locate(place)
        target.require_permission()
        return target.read_metadata().to_stored(self._clock.now())

    def deliver(self, place: VaultLocation, delivery: Delivery) -> int:
        """Write a key as the version after the expected one, and return that version."""
        target = self._locate(place)
        # Read anew: between the preflight and this lies a mint, and somebody may have written meanwhile.
        before = target.read_metadata()
        if before.current_version != delivery.expected:
            raise _conflict(target, delivery)
        try:
            # The marks go first. A kill between the two writes then leaves a secret that the next run recognises as
            # ours; after the other order, it would take our own key for somebody else's secret.
            target.write_custom(without_marks(before.custom) | marks_of(delivery))
            _write(target, delivery)
        except OutcomeUnknown:
            # The key may stand there, so its marks stay.
            raise
        except AllomiaError:
            target.restore_marks(before, delivery.key_id)
            raise
        return delivery.expected + 1

    def fetch(self, place: VaultLocation, version: int) -> SecretStr:
        """Read the key of one version."""
        target = self._locate(place)
        pinned = {"mount": target.mount, "path": target.path, "field": place.field, "version": version}
        return self._reader.read_secret(parse_reference(pinned, spell("vaultSecret")))

    def withdraw(self, place: VaultLocation, versions: Collection[int], key_id: str, *, has_made_place: bool) -> None:
        """Destroy versions, and remove our marks if they are those of this key; the whole secret only if we made it."""
        target = self._locate(place)
        found = target.read_metadata()
        if ours := found.intact & set(versions):
            target.destroy(sorted(ours))
        if found.key_id != key_id:
            return
        if has_made_place and found.tells_current and found.intact == ours and not found.has_foreign_parts:
            target.delete()
        else:
            # The marks go last: until then a repeat knows the secret, whatever failed.
            target.write_custom(without_marks(found.custom))

    def remark(self, place: VaultLocation, key_id: str, mark: str) -> bool:
        """Change the mark of a secret of ours that holds a key, and nothing else; tell whether it holds that key."""
        target = self._locate(place)
        found = target.read_metadata()
        if found.key_id != key_id:
            return False
        if (custom := with_mark(found.custom, mark)) != found.custom:
            target.write_custom(custom)
        return True

    def _locate(self, place: VaultLocation) -> Kv2Secret:
        return locate_secret(place, self._reader.vault, self._reader.mounts)


def _write(target: Kv2Secret, delivery: Delivery) -> None:
    """Write the data; when nobody tells whether that was done, look, and only if it was not write once more."""
    doubts: list[Fault] = []
    refusals: list[Fault] = []
    for _ in range(WRITES):
        try:
            answer = _put(target, delivery, doubts)
        except AllomiaError:
            # There is no login any more, and so no way to look.
            if doubts:
                raise _unknown(target, delivery, doubts[-1]) from None
            raise
        if not isinstance(answer, Fault):
            _keep_marks(target, delivery, answer["data"])
            return
        refusals.append(answer)
        if not doubts:
            raise _refusal(target, delivery, answer)
        if _has_arrived(target, delivery, doubts[-1]):
            return
    if _is_mismatch(refusals[-1]) or any(doubt.repeat is Repeat.MAYBE_DONE for doubt in doubts):
        # A standby answered with metadata of before, or a request that was lost may still arrive.
        raise _unknown(target, delivery, doubts[-1])
    raise _refusal(target, delivery, refusals[-1])


def _put(target: Kv2Secret, delivery: Delivery, doubts: list[Fault]) -> dict[str, Any] | Fault:
    """Write the data under check-and-set, again after an attempt that was sent away unread; collect the doubts."""

    def call(client: hvac.Client) -> dict[str, Any]:
        try:
            return _confirmed(
                client.secrets.kv.v2.create_or_update_secret(
                    target.path, _fields(target, delivery), cas=delivery.expected, mount_point=target.mount
                ),
                delivery.expected + 1,
            )
        except Fault as fault:
            if _is_doubtful(fault):
                doubts.append(fault)
            raise

    return target.vault.send(call, NOTHING_DONE)


def _fields(target: Kv2Secret, delivery: Delivery) -> dict[str, str]:
    return {
        target.field: delivery.secret.get_secret_value(),
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
    return (
        fault.make_error is UnexpectedAnswer
        or fault.repeat is Repeat.MAYBE_DONE
        or fault.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _is_mismatch(fault: Fault) -> bool:
    return fault.status == HTTPStatus.BAD_REQUEST and CHECK_AND_SET_FAILED in fault.error_text


def _has_arrived(target: Kv2Secret, delivery: Delivery, doubt: Fault) -> bool:
    """Tell from what stands there whether our write was done.

    Raises:
        SecretConflict: Somebody else's was.
        OutcomeUnknown: Vault does not tell.
    """
    try:
        found = target.read_metadata()
        if found.current_version == delivery.expected:
            return False
        is_ours = found.current_version == delivery.expected + 1 and _reads_back(target, delivery)
    except AllomiaError:
        raise _unknown(target, delivery, doubt) from None
    if isinstance(is_ours, Fault):
        if not (is_ours.is_denied or is_ours.is_missing):
            raise _unknown(target, delivery, doubt)
        # A token that may write only: the version is the one we were to make, and the marks are still ours.
        is_ours = is_ours.is_denied and found.key_id == delivery.key_id
    if not is_ours:
        raise _conflict(target, delivery)
    return True


def _reads_back(target: Kv2Secret, delivery: Delivery) -> bool | Fault:
    """Compare what stands there with what was to be written; raises nothing while it holds a value."""
    answer = target.vault.send(
        lambda client: client.secrets.kv.v2.read_secret_version(
            target.path, delivery.expected + 1, target.mount, raise_on_deleted_version=True
        )
    )
    if isinstance(answer, Fault):
        return answer
    data = answer.get("data")
    return isinstance(data, dict) and data.get("data") == _fields(target, delivery)


def _keep_marks(target: Kv2Secret, delivery: Delivery, made: dict[str, Any]) -> None:
    """Write the marks again, best effort, if the answer to the write shows that another writer's came in between."""
    custom = made.get("custom_metadata", marks_of(delivery)) or {}
    if isinstance(custom, dict) and custom.get(KEY_ID) != delivery.key_id:
        with suppress(AllomiaError):
            target.write_custom(without_marks(custom) | marks_of(delivery))


def _refusal(target: Kv2Secret, delivery: Delivery, fault: Fault) -> AllomiaError:
    if _is_mismatch(fault):
        return _conflict(target, delivery)
    explain = target.explain_denial("write", target.data, *DATA_CAPABILITIES)
    return explain(fault) or target.vault.to_error(fault, f"writing {target}")


def _conflict(target: Kv2Secret, delivery: Delivery) -> SecretConflict:
    before = f"version {delivery.expected}" if delivery.expected else "no version"
    return SecretConflict(
        f"somebody else has written to {target} of {target.vault.name}, where {before} was expected; "
        "nothing of it was overwritten",
        "Find out who writes there and give the key another place, or accept what stands there with "
        f"{spell('takeOver')} in {spell('vaultSecret')}.",
    )


def _unknown(target: Kv2Secret, delivery: Delivery, doubt: Fault) -> OutcomeUnknown:
    happened = target.vault.to_error(doubt, f"writing {target}").message
    return OutcomeUnknown(
        f"{happened}, and does not tell whether version {delivery.expected + 1} now holds key "
        f"{printable(delivery.key_id)}",
        "Run again: the next run looks first, and knows this key by the marks in the secret's metadata.",
    )
