"""When a key counts as gone, and when as proved.

State is dropped on proof only: a read error, a refused credential or a broken list proves nothing.
"""

from __future__ import annotations

from pydantic import SecretStr

from allomia_pulumi.clock import Clock
from allomia_pulumi.errors import CredentialRejected, NotFound, UnexpectedAnswer
from allomia_pulumi.keys.ports import KeyApi, Prover

__all__ = ["is_proved_gone", "prove_patiently", "revoke_for_good"]

PROVE_PAUSES = (0.0, 0.3, 1.0, 2.0)


def is_proved_gone(api: KeyApi, organization_id: str, key_id: str) -> bool:
    """Prove that a key is gone: the list lacks it, and it answers 404 itself, and the organization is readable.

    Raises:
        UnexpectedAnswer: AlloMia contradicts itself, so nothing is proved.
        NotFound: The organization itself is gone or not visible, which is no proof about the key.
        AllomiaError: A read failed.
    """
    try:
        is_listed = any(key.id == key_id for key in api.list_keys(organization_id))
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


def prove_patiently(prover: Prover, clock: Clock, organization_id: str, key: SecretStr, source: str) -> None:
    """Use a key once; one that AlloMia does not accept gets a few seconds, since it may be new.

    Raises:
        CredentialRejected: AlloMia does not accept it, in several tries.
        AllomiaError: Nothing is proved.
    """
    for pause in PROVE_PAUSES:
        clock.sleep(pause)
        try:
            return prover.prove_key(organization_id, key, source)
        except CredentialRejected as problem:
            rejected = problem
    raise rejected


def revoke_for_good(api: KeyApi, organization_id: str, key_id: str) -> None:
    """Revoke a key; AlloMia's 404 counts as revoked only with the proof that it is gone.

    Raises:
        UnexpectedAnswer: AlloMia answers 404 to the deletion and still has the key.
        AllomiaError: The key may be alive.
    """
    if not api.revoke_key(organization_id, key_id) and not is_proved_gone(api, organization_id, key_id):
        raise UnexpectedAnswer(f"AlloMia answered 404 to revoking key {key_id}, and still has it", "Run again later.")


def _explain_missing(api: KeyApi, organization_id: str, problem: NotFound) -> NotFound:
    """Say whether the whole organization is missing; even then the state is a person's to remove."""
    if api.has_organization(organization_id):
        return problem
    is_listed = any(organization.id == organization_id for organization in api.list_organizations())
    if is_listed:
        return NotFound(
            f"organization {organization_id} answers 404 although AlloMia lists it, so nothing is proved",
            "The state was kept; run again later.",
        )
    return NotFound(
        f"organization {organization_id} is gone: it answers 404, and AlloMia's list of organizations lacks it",
        "If that is right, its keys went with it: find the resource with `pulumi stack --show-urns` and remove it "
        "with `pulumi state delete URN`. If not, check the tenant key.",
    )
