"""Proving an organization's own key with one harmless call; nothing of this needs a tenant key."""

from __future__ import annotations

from pydantic import SecretStr

from allomia_pulumi.edges.allomia.documented import CALLS_PATH, ORGANIZATIONS_PATH, CallPage, OrganizationPage, calls_of
from allomia_pulumi.edges.allomia.http_client import Absent, Exchange
from allomia_pulumi.errors import AccessDenied, AllomiaError, CredentialRejected, NotFound

__all__ = ["Prover"]


class Prover:
    """Use organization keys for one call each.

    Args:
        exchange: The connection.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        """Ask for the calls of an empty window with the key itself: harmless, and no call record travels.

        Args:
            organization_id: The organization that the key has to belong to.
            key: The key.
            source: Where it comes from, for messages.

        Raises:
            CredentialRejected: AlloMia does not accept the key.
            NotFound: AlloMia accepts the key, and it does not see the organization.
            AllomiaError: The call failed for another reason, which proves nothing about the key.
        """
        key_itself = _KeyItself(key, source)
        doing = f"proving the key of organization {organization_id}"
        problem: AllomiaError
        try:
            self._exchange.get(CALLS_PATH, CallPage, key_itself, doing=doing, params=calls_of(organization_id))
        except Absent:
            problem = NotFound(f"AlloMia accepts the key from {source}, and it does not see {organization_id} (404)")
        # The hints of these two speak of tenant keys.
        except CredentialRejected as rejected:
            problem = CredentialRejected(rejected.message)
        except AccessDenied as denied:
            problem = AccessDenied(denied.message)
        else:
            return
        raise problem.as_said_by("AlloMia")

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:
        """Tell by a documented call that only a tenant key may make whether a key is one.

        Raises:
            AllomiaError: The answer tells neither.
        """
        doing = "asking whether it is a tenant key"
        try:
            self._exchange.get(
                ORGANIZATIONS_PATH, OrganizationPage, _KeyItself(key, source), doing=doing, params={"limit": 1}
            )
        except (AccessDenied, CredentialRejected, Absent):
            return False
        return True


class _KeyItself:
    """A key that is used as the credential of one call."""

    def __init__(self, key: SecretStr, source: str) -> None:
        self._key = key
        self.source = source

    def current(self) -> SecretStr:
        return self._key

    def renew(self, refused: SecretStr) -> bool:  # noqa: ARG002 - there is no other place to read it from
        return False
