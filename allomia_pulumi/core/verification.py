"""Verification that a key works, is gone, or is revoked.

State is dropped on proof only: a read error, a refused credential or a broken list proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from allomia_pulumi.contracts.allomia import KeyApi, Prover
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.errors import AllomiaError, CredentialRejected, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.clock import Clock

__all__ = ["Revoked", "is_proved_gone", "prove_patiently", "revoke_for_good"]

PROVE_PAUSES = (0.0, 0.3, 1.0, 2.0)
REVOKE_PAUSES = (0.0, 0.5, 1.5, 3.0, 5.0)


@dataclass(frozen=True)
class Revoked:
    """The evidence that a key is revoked.

    Attributes:
        answer: What AlloMia answered to the deletion.
        is_listed: Whether the list still has the key; None if nobody looked, or could.
    """

    answer: Revocation
    is_listed: bool | None = None

    def describe(self, organization_id: str, key_id: str) -> str:
        """Say which key is revoked, or was before."""
        was_gone = self.answer is Revocation.ABSENT
        return f"key {key_id} of organization {organization_id} {'was gone already' if was_gone else 'is revoked'}"


def is_proved_gone(api: KeyApi, organization_id: str, key_id: str) -> bool:
    """Prove that a key is gone: the list lacks it, and it answers 404 itself, and the organization is readable.

    Raises:
        UnexpectedAnswer: AlloMia contradicts itself, so nothing is proved.
        NotFound: The organization itself is gone or not visible, which is no proof about the key.
        AllomiaError: A read failed.
    """
    try:
        is_listed = any(_may_be(key.id, key_id) for key in api.list_keys(organization_id))
        answers = api.has_key(organization_id, key_id)
    except NotFound as problem:
        raise _explain_missing(api, organization_id, problem) from None
    if is_listed or answers:
        if is_listed != answers:
            raise UnexpectedAnswer(
                f"AlloMia contradicts itself about key {key_id}: it is {'listed' if is_listed else 'not listed'} and "
                f"{'answers' if answers else 'does not answer'}",
                "The state was kept; run again later.",
            )
        return False
    if not api.has_organization(organization_id):
        raise _explain_missing(api, organization_id, NotFound(f"organization {organization_id} answers 404"))
    return True


def _may_be(listed: str, key_id: str) -> bool:
    """Tell whether an id in the list is that of a key; one with a slash, which cannot be used, may spell it longer."""
    return listed == key_id or ("/" in listed and key_id in listed)


def prove_patiently(prover: Prover, clock: Clock, organization_id: str, key: SecretStr, source: str) -> None:
    """Use a key once; one that AlloMia does not accept, or not there, gets a few seconds, since it may be new.

    Raises:
        CredentialRejected: AlloMia does not accept it, in several tries.
        NotFound: AlloMia accepts it, and it does not see the organization, in several tries.
        AllomiaError: Nothing is proved.
    """
    rejected: AllomiaError
    for pause in PROVE_PAUSES:
        clock.sleep(pause)
        try:
            return prover.prove_key(organization_id, key, source)
        except (CredentialRejected, NotFound) as problem:
            rejected = problem
    raise rejected


def revoke_for_good(
    api: KeyApi,
    clock: Clock,
    organization_id: str,
    key_id: str,
    warn: Callable[[str], None],
    *,
    always_proves: bool = False,
) -> Revoked:
    """Revoke a key, and see that it is: a 200 that names it is believed, and everything else is proved.

    Args:
        api: AlloMia.
        clock: What the proof waits by.
        organization_id: The organization that the key belongs to.
        key_id: The key.
        warn: Hears of a list that still has the key.
        always_proves: Whether even a 200 that names it is not believed.

    Raises:
        UnexpectedAnswer: AlloMia still has the key, or says that it deleted another one.
        AllomiaError: The key may be alive.
    """
    answer = api.revoke_key(organization_id, key_id)
    if answer is Revocation.ABSENT:
        if not is_proved_gone(api, organization_id, key_id):
            raise UnexpectedAnswer(
                f"AlloMia answered 404 to revoking key {key_id}, and still has it", "Run again later."
            )
        return Revoked(answer, is_listed=False)
    if answer is Revocation.CONFIRMED and not always_proves:
        return Revoked(answer)
    said = "confirmed revoking" if answer is Revocation.CONFIRMED else "accepted, and did not confirm, revoking"
    try:
        _see_it_end(api, clock, organization_id, key_id)
    except AllomiaError as problem:
        problem.message = f"AlloMia {said} key {key_id}, and it may be alive: {problem.message}"
        raise
    is_listed = _is_listed(api, organization_id, key_id)
    if is_listed:
        warn(
            f"key {key_id} of organization {organization_id} is revoked, since it answers 404 itself; AlloMia's list "
            "still lists it"
        )
    return Revoked(answer, is_listed)


def _see_it_end(api: KeyApi, clock: Clock, organization_id: str, key_id: str) -> None:
    """Wait until the key itself answers 404 in an organization that is readable."""
    for pause in REVOKE_PAUSES:
        clock.sleep(pause)
        if not api.has_key(organization_id, key_id):
            break
    else:
        raise UnexpectedAnswer("it still answers", "Run again, or revoke it in AlloMia's dashboard.")
    if not api.has_organization(organization_id):
        raise _explain_missing(api, organization_id, NotFound(f"organization {organization_id} answers 404"))


def _is_listed(api: KeyApi, organization_id: str, key_id: str) -> bool | None:
    try:
        return any(key.id == key_id for key in api.list_keys(organization_id))
    except AllomiaError:
        return None


def _explain_missing(api: KeyApi, organization_id: str, problem: NotFound) -> NotFound:
    """Say whether the whole organization is missing; even then the state is a person's to remove."""
    if api.has_organization(organization_id):
        return problem
    listed = api.list_organizations()
    if not all(organization.is_usable for organization in listed):
        return NotFound(
            f"organization {organization_id} answers 404, and AlloMia lists organizations with ids that nobody can "
            "read, so nothing is proved",
            "The state was kept; tell AlloMia.",
        )
    if any(organization.id == organization_id for organization in listed):
        return NotFound(
            f"organization {organization_id} answers 404 although AlloMia lists it, so nothing is proved",
            "The state was kept; run again later.",
        )
    return NotFound(
        f"organization {organization_id} is gone: it answers 404, and AlloMia's list of organizations lacks it",
        "If that is right, its keys went with it: find the resource with `pulumi stack --show-urns` and remove it "
        "with `pulumi state delete URN`. If not, check the tenant key.",
    )
