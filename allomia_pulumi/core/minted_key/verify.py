"""Verification of a new key: one harmless call with it, before anyone is given it."""

from __future__ import annotations

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import IssuedKey
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.verification import prove_patiently
from allomia_pulumi.errors import AllomiaError, CredentialRejected, NotFound
from allomia_pulumi.ground.clock import Clock

__all__ = ["verify_new_key"]


def verify_new_key(api: KeyApi, clock: Clock, reporter: Reporter, organization_id: str, key: IssuedKey) -> None:
    """Use a new key once; it may need a moment.

    Raises:
        CredentialRejected: AlloMia does not accept it, in several tries.
        NotFound: It does not see the organization, in several tries, and the tenant key does.
    """
    try:
        prove_patiently(api, clock, organization_id, key.secret, "the answer that showed the new key")
    except CredentialRejected:
        raise CredentialRejected(
            f"AlloMia made key {key.id} in organization {organization_id} and does not accept it",
            "Run again; if it stays so, tell AlloMia.",
        ) from None
    except AllomiaError as problem:
        if isinstance(problem, NotFound) and _is_readable(api, organization_id):
            raise NotFound(
                f"AlloMia made key {key.id} in organization {organization_id}, and it does not see the calls "
                "there (404), as the tenant key does: it seems to be another organization's",
                "Run again; if it stays so, tell AlloMia.",
            ) from None
        reporter.warn(f"key {key.id} is handed over unproved: {problem}")


def _is_readable(api: KeyApi, organization_id: str) -> bool:
    """Tell for certain whether the call that proves keys works with the tenant key."""
    try:
        return api.reads_calls(organization_id)
    except AllomiaError:
        return False
